// Functions that make elements, forms and tables. Names in events come from strangers: every text becomes a text node, nothing is parsed as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
    for (const [name, value] of Object.entries(properties)) {
        if (value === null || value === undefined || value === false) continue;
        if (name === 'on') {
            for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
        } else if (name === 'style') {
            for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
        } else if (name === 'value' || name === 'checked') {
            element[name] = value;
        } else {
            element.setAttribute(name, value === true ? '' : String(value));
        }
    }
    for (const child of children.flat(3)) {
        if (child !== null && child !== undefined && child !== false) element.append(child);
    }
    return element;
}

// An element with attributes, `on` listeners, `style` properties, and children: nodes or texts.
export const h = (name, properties = {}, ...children) => fill(document.createElement(name), properties, children);
export const svg = (name, properties = {}, ...children) => fill(document.createElementNS(SVG, name), properties, children);

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu; // control characters, and those that reverse or join the text around them
const PILES = /(\p{M}{4})\p{M}+/gu; // many marks on one letter, which would cover the lines above and below
const SHOWN = 300;

const spell = (one) => {
    const hex = one.codePointAt(0).toString(16);
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
};

// A stranger's text, with invisible characters spelled out and cut to `most` characters.
export function show(text, most = SHOWN) {
    const cut = text.length > most ? `${text.slice(0, most)}…` : text;
    return cut.replace(UNSEEN, spell).replace(PILES, '$1…');
}

// An element with a stranger's name, which cannot change the writing direction of the text beside it.
export const name = (text, most = SHOWN) =>
    text ? h('bdi', { class: 'name' }, show(String(text), most)) : h('span', { class: 'soft' }, '(none)');

export const card = (title, ...body) => h('section', { class: 'card' }, h('h2', {}, title), ...body);
export const wide = (title, ...body) => h('section', { class: 'card wide' }, h('h2', {}, title), ...body);
export const note = (text) => h('p', { class: 'note' }, text);

export const tiles = (figures) =>
    h('dl', { class: 'tiles' }, figures.map(([title, figure, beside]) =>
        h('div', {}, h('dt', {}, title), h('dd', {}, figure), h('dd', { class: 'beside' }, beside))));

export const facts = (pairs) =>
    h('dl', { class: 'facts' }, pairs.map(([title, value]) => [h('dt', {}, title), h('dd', {}, value)]));

// A form that calls `submit` with itself, instead of sending its fields to the server.
export const form = (kind, submit, ...children) =>
    h('form', { class: kind, on: { submit: (event) => { event.preventDefault(); submit(event.target); } } }, ...children);

// A list of options [value, text]; `change` gets the chosen value.
export const select = (properties, options, chosen, change) =>
    h('select', { ...properties, on: { change: (event) => change(event.target.value) } },
        options.map(([value, text]) => h('option', { value, selected: value === chosen }, text)));

// An element that can be opened; `load` makes its content when it is first opened. `key` identifies it across refreshes.
export function folded(key, title, load) {
    const inside = h('div', {});
    let loaded = false;
    const details = h('details', { 'data-key': key }, h('summary', {}, title), inside);
    details.addEventListener('toggle', async () => {
        if (!details.open || loaded) return;
        loaded = true;
        inside.replaceChildren(await load());
    });
    return details;
}

export function copyButton(text, label = 'copy as JSON') {
    const button = h('button', { type: 'button', class: 'small' }, label);
    button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(text);
        say('Copied');
        button.textContent = 'copied';
    });
    return button;
}

// A block of lines, which can be scrolled with the keyboard.
export const listing = (label, text) => h('pre', { tabindex: 0, role: 'group', 'aria-label': label }, text);

// A value as indented JSON, with a button that copies it.
export function json(value) {
    const text = JSON.stringify(value, null, 2);
    return h('div', { class: 'json' }, copyButton(text), listing('JSON', showLines(text)));
}

// The body of a request: as JSON if it is JSON, else as it is.
export function showBody(body) {
    try {
        return json(JSON.parse(body));
    } catch {
        return listing('Body', showLines(body.slice(0, 20000)) || '(empty)');
    }
}

// A stranger's text of several lines, each as `show` gives it.
export const showLines = (text) => text.split('\n').map((line) => show(line, 20000)).join('\n');

// Let a screen reader say a text.
export function say(text) {
    document.getElementById('said').textContent = text;
}

// Replace the old view by a new one; details stay open or closed, and the focus stays in its place.
export function replaceView(container, node) {
    const open = new Map([...container.querySelectorAll('details[data-key]')].map((each) => [each.dataset.key, each.open]));
    const active = container.contains(document.activeElement) ? findPlace(container, document.activeElement) : null;
    container.replaceChildren(node);
    for (const details of container.querySelectorAll('details[data-key]')) {
        details.open = open.get(details.dataset.key) ?? details.open;
    }
    if (active) active()?.focus({ preventScroll: true });
}

// A function that finds the new element in the place of an old one: with the same key, or the n-th of its kind in the element with that key.
function findPlace(container, element) {
    const selectKey = (each) => `[data-key="${CSS.escape(each.dataset.key)}"]`;
    if (element.dataset.key) return () => container.querySelector(selectKey(element));
    const holder = element.parentElement.closest('[data-key]');
    const isInside = holder && container.contains(holder);
    const kind = element.tagName;
    const number = [...(isInside ? holder : container).querySelectorAll(kind)].indexOf(element);
    return () => (isInside ? container.querySelector(selectKey(holder)) : container)?.querySelectorAll(kind)[number];
}

// Sortable tables. The page remembers the order of each table while it is open.

const orders = new Map();

// A column of the number that each row has under `key`.
export const figure = (title, key, write) => ({ title, value: (row) => row[key], cell: (row) => write(row[key]) });

// columns: {title, value(row), cell(row)?, text?, id?}. The first click sorts texts upwards and numbers downwards; an id is never broken into lines.
export function table({ caption, columns, rows, rerender }) {
    const order = orders.get(caption);
    const sorted = order ? [...rows].sort(compare(columns[order.column], order.down)) : rows;
    const head = columns.map((column, number) => {
        const isSorted = order?.column === number;
        const button = h('button', {
            type: 'button', class: 'sort', 'data-key': `${caption} ${number}`,
            on: { click: () => { orders.set(caption, { column: number, down: isSorted ? !order.down : !column.text }); rerender(); } },
        }, column.title, h('span', { 'aria-hidden': 'true' }, isSorted ? (order.down ? ' ▾' : ' ▴') : ''));
        return h('th', { scope: 'col', class: column.text ? 'text' : null, 'aria-sort': isSorted ? (order.down ? 'descending' : 'ascending') : null }, rerender ? button : column.title);
    });
    const body = sorted.map((row) => h('tr', {}, columns.map((column, number) => {
        const inside = column.cell ? column.cell(row) : column.value(row);
        return number ? h('td', { class: column.id ? 'text id' : column.text ? 'text' : null }, inside) : h('th', { scope: 'row' }, inside);
    })));
    return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
        h('table', {}, h('caption', {}, caption), h('thead', {}, h('tr', {}, head)), h('tbody', {}, body)));
}

function compare(column, down) {
    return (one, other) => {
        const [a, b] = [column.value(one), column.value(other)];
        if (a === b) return 0;
        if (a === null || a === undefined) return 1;
        if (b === null || b === undefined) return -1;
        const order = typeof a === 'string' ? a.localeCompare(String(b)) : a - b;
        return down ? -order : order;
    };
}
