// Tables that sort. The order is kept while the console is open, table by table.

import { h } from './dom.js';

const orders = new Map();

// columns: {title, value(row), cell(row)?, text?, id?}; a text column sorts upwards first, a number downwards; an id is one line.
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
