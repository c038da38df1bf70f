// The views of sessions and events: the list of sessions, one session as a timeline, journeys, and single events.

import { facts, figure, folded, form, h, json, name, note, select, show, svg, table, wide } from './dom.js';
import { clock, count, duration, milliseconds, moment, score, share, shortType } from './units.js';

export async function sessions(context) {
    const { query } = context;
    const given = Object.fromEntries(['sort', 'failing', 'text', 'offset'].filter((key) => query.has(key)).map((key) => [key, query.get(key)]));
    const { rows, total, offset } = await context.view('sessions', given);
    const change = (changes) => context.go('sessions', { ...given, offset: null, ...changes });
    const search = h('input', { type: 'search', value: query.get('text') || '', placeholder: 'part of a session or user id', 'aria-label': 'Find by id', 'data-key': 'find session' });
    const failing = h('input', { type: 'checkbox', checked: query.get('failing') === '1', 'data-key': 'failing', on: { change: (event) => change({ failing: event.target.checked ? '1' : null }) } });
    const sorts = { start: 'newest first', length: 'longest first', views: 'most page views', errors: 'most errors', http_failed: 'most failed requests', load: 'slowest load', events: 'most events' };
    const sort = select({ 'aria-label': 'Order', 'data-key': 'order' }, Object.entries(sorts), query.get('sort') || 'start', (key) => change({ sort: key }));
    return wide(`${count(total)} sessions`,
        form('controls', () => change({ text: search.value || null }),
            search, h('button', { type: 'submit' }, 'Find'), h('label', {}, failing, ' with failures alone'), sort),
        table({
            caption: 'Sessions', rows,
            columns: [
                { title: 'start', text: true, value: (row) => row.start, cell: (row) => h('a', { href: context.linkTo('session', { session: row.session }) }, moment(row.start)) },
                { title: 'entry', text: true, value: (row) => row.entry, cell: (row) => name(row.entry, 60) },
                figure('length', 'length', duration),
                figure('views', 'views', count),
                { title: 'errors', value: (row) => row.errors, cell: (row) => h('span', { class: row.errors ? 'rated poor' : null }, count(row.errors)) },
                { title: 'failed requests', value: (row) => row.http_failed, cell: (row) => h('span', { class: row.http_failed ? 'rated fair' : null }, count(row.http_failed)) },
                figure('slowest load', 'load', milliseconds),
                figure('events', 'events', count),
                ...['device', 'browser', 'os', 'country'].map((key) => ({ title: key, text: true, value: (row) => row[key], cell: (row) => name(row[key], 40) })),
                { title: 'session', text: true, id: true, value: (row) => row.session, cell: (row) => [name(row.session, 40), context.isHit(row.session) ? h('b', {}, ' incident') : null] },
            ],
        }),
        h('p', { class: 'controls' },
            offset ? h('a', { href: context.linkTo('sessions', { ...given, offset: String(Math.max(0, offset - rows.length)) }) }, 'those before') : null,
            offset + rows.length < total ? h('a', { href: context.linkTo('sessions', { ...given, offset: String(offset + rows.length) }) }, `those after ${count(offset + rows.length)}`) : null));
}

// One session's events, page by page: each page load with the waterfall of its events.
export async function session(context) {
    const { events, whole } = await context.ask('session', { session: context.query.get('session') || '' });
    const first = events[0], last = events[events.length - 1];
    const metadata = first.event.metadata;
    const parts = splitPages(events);
    return h('div', { class: 'cards' },
        wide('Session', facts([
            ['session', name(first.event.user_details?.sessionId)], ['user', name(first.event.user_details?.userId)],
            ['time', `${moment(first.ms)} to ${moment(last.ms)}, ${duration(last.ms - first.ms)}`],
            ['client', ['browserName', 'browserVersion', 'osName', 'deviceType', 'countryCode'].filter((key) => metadata[key]).map((key) => [name(metadata[key], 60), ' '])],
            ['events', `${count(events.length)}${whole ? '' : ', the first ones'}`],
            ['incident', context.isHit(first.event.user_details?.sessionId) ? 'hit, says the ground truth' : null],
        ].filter(([, value]) => value !== null))),
        parts.map((part, number) => wide(h('span', {}, name(part.page, 120), h('span', { class: 'soft small' }, ` ${moment(part.events[0].ms)}, page ${number + 1}`)), drawPart(part, number))));
}

function splitPages(events) {
    const parts = [];
    for (const each of events) {
        const { pageId, interaction } = each.event.metadata;
        const key = `${interaction ?? ''} ${pageId ?? ''}`;
        let part = parts.find((one) => one.key === key);
        if (!part) parts.push((part = { key, page: String(pageId ?? ''), events: [] }));
        part.events.push(each);
    }
    return parts;
}

const ORDER = ['session_start', 'page_view', 'navigation', 'time_to_first_byte', 'first_contentful_paint', 'largest_contentful_paint', 'resource'];

const plainType = (event) => event.event_type.replace('com.amazon.rum.', '');
const FAILING = ['js_error_event', 'http_event'];
const showType = (event) => h('span', { class: `kind ${FAILING.includes(plainType(event)) ? 'rated poor' : ''}` }, name(shortType(event.event_type), 60));

// When an event began within its page load, and how long it took, in milliseconds; null where its details do not say.
function placeInLoad(event) {
    const details = event.event_details || {};
    const number = (value) => (Number.isFinite(value) ? value : null);
    switch (plainType(event)) {
        case 'performance_navigation_event': return { start: 0, length: number(details.duration), colour: 'accepted' };
        case 'performance_resource_event': return { start: number(details.startTime), length: number(details.duration), colour: 'retried' };
        case 'largest_contentful_paint_event': case 'first_contentful_paint_event': case 'time_to_first_byte_event':
            return { start: number(details.value), length: 0, colour: 'p50' };
        case 'first_input_delay_event': return { start: number(details.attribution?.eventTime), length: number(details.value), colour: 'lag' };
        case 'interaction_to_next_paint_event': return { start: number(details.attribution?.interactionTime), length: number(details.value), colour: 'lag' };
        default: return { start: null, length: null };
    }
}

function describeEvent(event) {
    const details = event.event_details || {};
    switch (plainType(event)) {
        case 'performance_navigation_event': return milliseconds(details.duration);
        case 'performance_resource_event': return [name(details.targetUrl ?? details.fileType ?? '', 120), ` ${milliseconds(details.duration)}`];
        case 'cumulative_layout_shift_event': return score(details.value);
        case 'js_error_event': return [name(details.type ?? '', 60), ': ', name(details.message ?? '', 160)];
        case 'http_event': return [name(details.request?.method ?? '', 20), ' ', name(details.request?.url ?? '', 120), ` ${show(String(details.response?.status ?? 'no answer'), 20)}`];
        case 'dom_event': return [name(details.event ?? '', 40), ' on ', name(details.cssLocator ?? details.elementId ?? details.element ?? '', 80)];
        case 'page_view_event': return name(details.pageId ?? '', 120);
        default: return Number.isFinite(details.value) ? milliseconds(details.value) : '';
    }
}

function drawPart(part, number) {
    const rank = ({ event }) => ORDER.findIndex((kind) => event.event_type.includes(kind));
    const rows = part.events.map((each) => ({ ...each, ...placeInLoad(each.event) }));
    const begin = (row) => row.start ?? (rank(row) === 0 || rank(row) === 1 ? -1 : 1e12); // a page view begins the page
    rows.sort((one, other) => begin(one) - begin(other) || one.ms - other.ms || rank(one) - rank(other));
    const inLoad = rows.filter((row) => row.start !== null);
    const end = Math.max(1, ...inLoad.filter((row) => row.colour !== 'lag').map((row) => row.start + (row.length || 0)));
    return h('ol', { class: 'waterfall' }, rows.map((row, place) => {
        const bar = row.start !== null && row.start <= end
            ? h('i', { class: `c-${row.colour}`, style: { left: `${(row.start / end) * 100}%`, width: `${Math.min(((row.length || 0) / end) * 100, 100)}%` } }) : null;
        const title = h('span', { class: 'event' },
            showType(row.event),
            h('span', { class: 'what' }, describeEvent(row.event)),
            h('span', { class: 'track' }, bar),
            h('span', { class: 'soft small at' }, row.start !== null ? `+${milliseconds(row.start)}` : clock(row.ms)));
        return h('li', {}, folded(`${number} ${place} ${row.event.event_id}`, title, async () => json(row.event)));
    }));
}

export async function events(context) {
    const { query } = context;
    const types = query.getAll('type'), inverted = query.getAll('invert');
    const given = new URLSearchParams([...types.map((type) => ['type', type]), ...inverted.map((text) => ['invert', text]), ['limit', '100']]);
    const found = await context.view('events', given);
    const change = (changes) => context.go('events', { type: types, invert: inverted, ...changes });
    const options = [['', 'all types'], ...found.types.map((each) => [each.type, show(`${shortType(each.type)} (${count(each.count)})`)])];
    const absent = types.filter((type) => !found.types.some((each) => each.type === type)).map((type) => [type, show(shortType(type))]);
    const type = select({ 'aria-label': 'Event type', 'data-key': 'type' }, [...options, ...absent], types.at(-1) ?? '', (chosen) => change({ type: chosen ? [chosen] : [] }));
    const invert = h('input', { type: 'text', placeholder: 'none of these, as RUM’s Invert', value: inverted.join(', '), 'aria-label': 'Leave out events with one of these values', 'data-key': 'invert' });
    const list = h('ol', { class: 'events' }, found.events.map(showEvent));
    const more = h('button', { type: 'button' }, 'older ones');
    let next = found.next;
    more.addEventListener('click', async () => {
        const answer = await context.view('events', new URLSearchParams([...given, ['before', next]]));
        list.append(...answer.events.map(showEvent));
        next = answer.next;
        more.hidden = !next;
        context.holdStill();
    });
    more.hidden = !next;
    return wide('Events, the newest first',
        form('controls', () => change({ invert: invert.value.split(',').map((text) => text.trim()).filter(Boolean) }),
            type, invert, h('button', { type: 'submit' }, 'Leave out')),
        found.events.length ? list : h('p', { class: 'none' }, 'No event passes.'), more,
        note('Page, browser, device, OS and country are filtered above, as GetAppMonitorData does.'));
}

function showEvent({ ms, event }) {
    return h('li', {}, folded(event.event_id, h('span', { class: 'event' },
        h('span', { class: 'soft small at' }, moment(ms)),
        showType(event),
        h('span', { class: 'soft' }, name(event.metadata.pageId ?? '', 60)),
        h('span', { class: 'what' }, describeEvent(event))), async () => json(event)));
}

export async function journey(context) {
    const { transitions, flow } = await context.view('journey');
    return h('div', { class: 'cards' },
        wide('The first pages of a session', flow.length ? drawFlow(flow) : h('p', { class: 'none' }, 'No page view in this time.'),
            note('From left to right: first page, second page, and so on; the rest of a page’s height left the site there.')),
        wide('From page to page', table({
            caption: 'Transitions', rows: transitions.slice(0, 60), rerender: context.rerender,
            columns: [
                { title: 'from', text: true, value: (row) => row.page, cell: (row) => context.filterLink('page', row.page, 'overview') },
                { title: 'to', text: true, value: (row) => row.next ?? '', cell: (row) => (row.next === null ? h('span', { class: 'soft' }, 'left the site') : name(row.next)) },
                figure('times', 'count', count),
                { title: 'share of from', value: (row) => row.count / outOf(transitions, row.page), cell: (row) => share(row.count, outOf(transitions, row.page)) },
            ],
        })));
}

const outOf = (transitions, page) => transitions.filter((each) => each.page === page).reduce((sum, each) => sum + each.count, 0);

function drawFlow(flow) {
    const HEIGHT = 340, WIDTH = 1000, NODE = 14, GAP = 8;
    const nodes = new Map();
    const keyOf = (step, page) => `${step} ${page}`;
    for (const { step, page, count: times } of flow) {
        const key = keyOf(step, page);
        nodes.set(key, { step, page, count: (nodes.get(key)?.count ?? 0) + times, out: 0, in: 0 });
    }
    const all = [...nodes.values()];
    const steps = Math.max(...all.map((node) => node.step));
    const columns = Array.from({ length: steps }, (_, at) => all.filter((node) => node.step === at + 1).sort((a, b) => b.count - a.count));
    const whole = columns[0].reduce((sum, node) => sum + node.count, 0);
    const unit = (HEIGHT - GAP * (Math.max(...columns.map((column) => column.length)) - 1)) / whole;
    columns.forEach((column, at) => {
        let y = 0;
        for (const node of column) {
            Object.assign(node, { x: (at / Math.max(steps, 2)) * WIDTH, y, height: node.count * unit });
            y += node.height + GAP;
        }
    });
    const links = flow.map((each) => ({ ...each, from: nodes.get(keyOf(each.step, each.page)), to: nodes.get(keyOf(each.step + 1, each.next)) }));
    const ribbons = links.filter(({ next, to }) => next !== null && to).sort((a, b) => a.to.y - b.to.y).map(({ from, to, count: times }) => {
        const thick = times * unit, x0 = from.x + NODE, x1 = to.x, middle = (x0 + x1) / 2;
        const y0 = from.y + from.out, y1 = to.y + to.in;
        from.out += thick; to.in += thick;
        return svg('path', { class: 'ribbon c-accepted', d: `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}V${y1 + thick}C${middle} ${y1 + thick} ${middle} ${y0 + thick} ${x0} ${y0 + thick}Z` });
    });
    const boxes = all.map((node) => svg('rect', { class: 'node c-accepted', x: node.x, y: node.y, width: NODE, height: Math.max(node.height, 1) }));
    const labels = all.filter((node) => node.height > 9).map((node) => {
        const style = { left: `calc(${node.x / 10}% + 18px)`, top: `${node.y}px`, 'max-width': `calc(${100 / Math.max(steps, 2)}% - 22px)` };
        return h('div', { class: 'label', style, title: show(node.page) }, h('span', { class: 'soft' }, `${share(node.count, whole)} `), name(node.page));
    });
    return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Flow of the first pages; the table below has the same transitions' },
        h('div', { class: 'flow journey', style: { '--h': `${HEIGHT + 20}px` } },
            svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT + 20}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, ribbons, boxes), labels));
}
