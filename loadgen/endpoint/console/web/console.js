// The console: the bar with monitor, time and filters, the views, and their refresh.

import { form, h, name, replaceView, say, select, show } from './dom.js';
import { clients, errors, http, overview, pages, vitals } from './figures.js';
import { ingestion } from './ingestion.js';
import { monitors } from './monitors.js';
import { events, journey, session, sessions } from './sessions.js';
import { ask, DIMENSIONS, forgetTruth, go, isHit, linkTo, listBands, NoAnswer, RANGES, readSpan, readState, readTruth } from './state.js';
import { count, day, duration, moment, clock } from './units.js';

const POLL_MS = 1000;
const IDLE_MS = 30000; // a view whose time ends now is drawn anew this often, even without new events

const VIEWS = {
    __proto__: null, // an address may name anything
    monitors: ['Monitors', monitors], overview: ['Overview', overview], pages: ['Pages', pages], vitals: ['Vitals', vitals],
    errors: ['Errors', errors], http: ['HTTP', http], clients: ['Browsers, devices, countries', clients], journey: ['Journey', journey],
    sessions: ['Sessions', sessions], session: [null, session], events: ['Events', events], ingestion: ['Ingestion, live', ingestion],
};
const WITHOUT_MONITOR = ['monitors', 'ingestion'];

const bar = document.getElementById('bar');
const content = document.getElementById('content');
let status = null;
let list = []; // of monitors, as the API gives them
let shown = ''; // version and address of the view that is shown
let shownAt = 0;
let isPartial = false; // the store was still being read when the view was drawn
let isLive = true;
let isHeld = false; // somebody fills in a form, or has loaded older events
let turn = 0; // counts renderings: a slow one is discarded if a later one has begun

function findMonitor(query) {
    return list.find((each) => each.monitor.Id === query.get('monitor')) || [...list].sort((a, b) => (b.last ?? 0) - (a.last ?? 0))[0];
}

function makeContext() {
    const { view, query } = readState();
    const each = findMonitor(query);
    const span = readSpan(query, each);
    const common = () => {
        const given = new URLSearchParams({ monitor: each.monitor.Id, from: Math.round(span.from), to: Math.round(span.to) });
        for (const key of Object.keys(DIMENSIONS)) for (const value of query.getAll(key)) given.append(key, value);
        return given;
    };
    const context = {
        view: (path, more = {}) => ask(path, new URLSearchParams([...common(), ...new URLSearchParams(more)])),
        ask: (path, more = {}) => ask(path, { monitor: each.monitor.Id, ...more }),
        query, span, monitors: list, status, bands: listBands(), isHit, linkTo, go,
        rerender: () => render(),
        holdStill: () => { isHeld = true; },
        release: () => { isHeld = false; render(); },
        reload: async () => { isHeld = false; list = await ask('monitors'); await render(); },
        attempt,
        chooseSpan: (from, to) => go(view, { ...keep(query), from: String(Math.round(from)), to: String(Math.round(to)), range: null }),
        filterLink: (column, value, to) => (value ? h('a', { href: linkTo(to, { [column]: value }) }, name(value, 80)) : name('')),
        sessionLink: (id) => (id ? h('a', { href: linkTo('session', { session: id }) }, name(id)) : name('')),
    };
    return { view, query, each, span, context };
}

// The parameters that belong to one view; a change of time keeps them.
const keep = (query) => Object.fromEntries(['sort', 'failing', 'text', 'type', 'invert', 'session'].filter((key) => query.has(key)).map((key) => [key, query.getAll(key)]));

async function attempt(work) {
    try {
        await work();
    } catch (error) {
        content.prepend(h('p', { class: 'rated poor', role: 'alert' }, show(error.message, 1000)));
    }
}

async function render() {
    const mine = ++turn;
    const { view, each, span, context } = makeContext();
    const [title, draw] = VIEWS[view] || VIEWS.monitors;
    const address = location.hash;
    let node, isUnanswered = false;
    try {
        node = !each && !WITHOUT_MONITOR.includes(view) ? await monitors(context) : await draw(context);
    } catch (error) {
        isUnanswered = error instanceof NoAnswer;
        node = h('p', { class: 'rated poor', role: 'alert' }, show(error.message, 1000));
    }
    if (mine !== turn) return;
    const isNew = content.dataset.address !== address;
    content.dataset.address = address;
    replaceView(content, h('div', {}, h('h1', { class: 'unseen' }, title || 'Session'), explainOther(context.query, each), explainNothing(view, each, span), node));
    content.dataset.ready = view;
    shown = isUnanswered ? '' : `${status?.version} ${address}`; // drawn again as soon as the endpoint is back
    shownAt = Date.now();
    isPartial = status !== null && status.read < status.newest;
    document.title = `${title || 'Session'}${each && !WITHOUT_MONITOR.includes(view) ? ` – ${show(each.monitor.Name, 60)}` : ''} – loadgen console`;
    renderBar(view, each, span, context.query);
    if (isNew) say(`${title || 'Session'} is shown`);
}

// Say that another app monitor is shown than the one in the address; null if it is that one.
function explainOther(query, each) {
    if (!each || !query.get('monitor') || each.monitor.Id === query.get('monitor')) return null;
    return h('p', { class: 'hint' }, `The app monitor of this address is not here any more: this is ${show(each.monitor.Name, 60)}. It was deleted, or the endpoint began anew without --store.`);
}

// Explain an empty view, and say what to do; null if the view has events to show.
function explainNothing(view, each, span) {
    if (!each || view === 'session' || WITHOUT_MONITOR.includes(view)) return null;
    if (!each.last) {
        return h('p', { class: 'hint' }, 'No event of this app monitor yet. ', h('a', { href: linkTo('monitors') }, 'Monitors'), ' shows how to connect a page',
            status?.live ? ['; ', h('a', { href: linkTo('ingestion') }, 'Ingestion'), ' says why what was sent is not here.'] : '.');
    }
    if (each.first < span.to && each.last >= span.from) return null;
    return h('p', { class: 'hint' }, `No event in this time. They are from ${moment(each.first)} to ${moment(each.last)}: `, h('a', { href: linkTo(view, { range: 'all', from: null, to: null }) }, 'show them'), '.');
}

function renderBar(view, each, span, query) {
    const own = keep(query);
    const withTime = !WITHOUT_MONITOR.includes(view) && view !== 'session';
    const move = (change) => go(view, { ...own, from: null, to: null, range: null, ...change });
    const live = h('input', { type: 'checkbox', checked: isLive, 'data-key': 'live', on: { change: () => { isLive = live.checked; isHeld = false; } } });
    const panel = () => h('div', { class: 'panel' },
        h('h3', {}, 'From, to'), spanForm(span, move),
        h('h3', {}, 'Filter'), filterForm(view, own),
        h('h3', {}, 'Ground truth of incidents'), truthForm());
    replaceView(bar, h('div', { class: 'bar' },
        h('a', { class: 'brand', href: '#/monitors' }, 'loadgen console'),
        list.length ? chooseMonitor(each, withTime ? view : 'overview') : null,
        withTime ? chooseTime(span, move) : null,
        withTime ? h('details', { class: 'more', 'data-key': 'more' }, h('summary', {}, 'from, to, filters, incidents'), panel()) : null,
        status && !status.live ? null : h('label', { class: 'live' }, live, ' live'),
        h('div', { class: 'chips' }, showFilters(view, own, query), h('span', { id: 'reading', class: 'rated fair' }, describeReading()))));
    const named = Object.entries(VIEWS).filter(([key, [title]]) => title && (key !== 'ingestion' || status?.live));
    replaceView(document.getElementById('views'), h('ul', {}, named.map(([key, [title]]) =>
        h('li', {}, h('a', { href: linkTo(key), 'data-key': key, 'aria-current': key === (view === 'session' ? 'sessions' : view) ? 'page' : null }, title)))));
}

const labelled = (label, ...choice) => h('label', {}, h('span', { class: 'unseen' }, label), select({ 'data-key': label }, ...choice));

const chooseMonitor = (each, view) =>
    labelled('Monitor', list.map(({ monitor }) => [monitor.Id, show(monitor.Name, 60)]), each?.monitor.Id, (id) => go(view, { monitor: id, from: null, to: null, range: null }));

function chooseTime(span, move) {
    const ranges = RANGES.map(([key, label]) => [key, key === 'all' ? label : `last ${label}`]);
    if (span.fixed) ranges.unshift(['chosen', `${moment(span.from)}, ${duration(span.to - span.from)}`]);
    return labelled('Time', ranges, span.fixed ? 'chosen' : span.range, (key) => key !== 'chosen' && move({ range: key }));
}

function spanForm(span, move) {
    const ends = [['from', 'From'], ['to', 'To']].map(([key, label]) =>
        h('input', { type: 'datetime-local', step: 1, value: `${day(span[key])}T${clock(span[key])}`, 'aria-label': label, 'data-key': key }));
    const submit = () => {
        const [from, to] = ends.map((end) => new Date(end.value).getTime());
        if (from < to) move({ from: String(from), to: String(to) });
    };
    return form('controls', submit, ends, h('button', { type: 'submit' }, 'Show'));
}

// The filters in force, each with a button that removes it.
function showFilters(view, own, query) {
    return Object.entries(DIMENSIONS).flatMap(([column, title]) => query.getAll(column).map((value) => {
        const remove = () => go(view, { ...own, [column]: query.getAll(column).filter((other) => other !== value) });
        return h('span', { class: 'chip' }, `${title}: `, name(value, 40),
            h('button', { type: 'button', 'aria-label': `Remove the filter ${title}`, on: { click: remove } }, '×'));
    }));
}

function describeReading() {
    if (!status) return '';
    const parts = [];
    if (status.read < status.newest) parts.push(`Reading the store: ${Math.floor((status.read / status.newest) * 100)}%, ${count(status.events)} events so far.`);
    if (status.cut) parts.push('Only the newest 5 million events are counted.');
    if (status.unreadable) parts.push(`${count(status.unreadable)} batches of the file cannot be read.`);
    return parts.join(' ');
}

function filterForm(view, own) {
    const values = h('select', { 'aria-label': 'Value', 'data-key': 'filter value' });
    const load = async (column) => {
        const { context } = makeContext();
        const found = column === 'page' ? (await context.view('pages')).rows : (await context.view('clients'))[column];
        values.replaceChildren(...found.filter((row) => row.name).map((row) => h('option', { value: row.name }, show(row.name, 60))));
    };
    const columns = select({ 'aria-label': 'Filter by', 'data-key': 'filter by' }, Object.entries(DIMENSIONS), null, (column) => attempt(() => load(column)));
    columns.addEventListener('focus', () => values.options.length || attempt(() => load(columns.value)));
    const submit = () => values.value && go(view, { ...own, [columns.value]: [...readState().query.getAll(columns.value), values.value] });
    return form('controls', submit, columns, values, h('button', { type: 'submit' }, 'Add'));
}

function truthForm() {
    const bands = listBands();
    const load = async ([file]) => {
        if (!file) return;
        const found = await readTruth(file);
        say(`${found.length} incidents are laid over the plots`);
        render();
    };
    const forget = () => { forgetTruth(); render(); };
    return h('div', {},
        h('p', { class: 'soft small' }, 'The file ground-truth.ndjson, which seed, generate and run write, is laid over the plots. It stays in this browser.'),
        h('input', { type: 'file', accept: '.ndjson', 'aria-label': 'ground-truth.ndjson', 'data-key': 'truth', on: { change: (event) => attempt(() => load(event.target.files)) } }),
        bands.length ? h('div', {},
            h('ul', {}, bands.map((band) => h('li', {}, name(band.incident), ` (${show(band.kind, 40)}): ${moment(band.first)} to ${moment(band.last)}, ${count(band.visits)} visits`))),
            h('button', { type: 'button', on: { click: forget } }, 'Take away')) : null);
}

async function poll() {
    try {
        if (!document.hidden) {
            const before = status;
            status = await ask('status');
            document.getElementById('reading')?.replaceChildren(describeReading());
            const { view } = readState();
            const isChanged = !before || before.version !== status.version || before.calls !== status.calls;
            if (isChanged) list = await ask('monitors');
            const isDue = view === 'ingestion' || `${status.version} ${location.hash}` !== shown || Date.now() - shownAt > IDLE_MS || (isChanged && view === 'monitors');
            if (!before || (isLive && !isHeld && isDue && isCalm())) await render();
            document.body.classList.remove('away');
        }
    } catch {
        document.body.classList.add('away'); // the endpoint has ended or is busy; the next poll tries again
    }
    setTimeout(poll, POLL_MS);
}

// Whether a refresh disturbs nobody: no text is selected, no span is being dragged, no field is filled in, and no complete session is shown.
function isCalm() {
    const { view } = readState();
    const active = document.activeElement;
    const fills = active && content.contains(active) && ['INPUT', 'SELECT', 'TEXTAREA'].includes(active.tagName) && active.type !== 'checkbox';
    const opens = content.querySelector('details[open]') && ['session', 'events'].includes(view);
    return !fills && !opens && (view !== 'session' || isPartial || !shown) && document.getSelection().isCollapsed && !document.querySelector('.choice.on, details.more[open], .area:focus');
}

addEventListener('hashchange', () => {
    isHeld = false;
    document.querySelector('details.more')?.removeAttribute('open');
    render();
    scrollTo(0, 0);
});
poll();
