// Views of what went wrong: errors, HTTP requests.

import { facts, folded, h, json, name, note, showLines, wide } from './dom.js';
import { timePlot } from './plot.js';
import { table } from './table.js';
import { count, moment, share } from './units.js';

const plotCourse = (context, course, label, title) => timePlot({
    ...course, title, write: count, bands: context.bands, onSpan: context.chooseSpan,
    layers: [{ label, colour: 'failed', shape: 'bar', values: course.count }],
});

export async function errors(context) {
    const { rows, course } = await context.view('errors');
    return h('div', { class: 'cards' },
        wide('JavaScript errors over time', plotCourse(context, course, 'errors', 'JavaScript errors')),
        wide(`${count(rows.length)} different errors`, rows.length ? null : h('p', { class: 'none' }, 'No error in this time.'),
            rows.map((row) => folded(`${row.type} ${row.message}`, h('span', { class: 'group' },
                h('b', {}, count(row.count)), ' × ', name(row.type), ': ', name(row.message),
                h('span', { class: 'soft small' }, ` in ${count(row.sessions)} session${row.sessions === 1 ? '' : 's'}, last ${moment(row.last)}`)), () => showError(context, row)))));
}

async function showError(context, row) {
    const { event } = await context.ask('event', { batch: row.batch, place: row.place });
    const details = event.event_details;
    return h('div', { class: 'inside' },
        facts([
            ['first seen', moment(row.first)], ['last seen', moment(row.last)],
            ['sessions hit', count(row.sessions)],
            ['pages', row.pages.map((page) => [context.filterLink('page', page, 'errors'), ' '])],
            ['browsers', row.browsers.map((browser) => [context.filterLink('browser', browser, 'errors'), ' '])],
            ['last session', context.sessionLink(event.user_details?.sessionId)],
        ]),
        h('h3', {}, 'Stack of the last one'),
        details.stack ? h('pre', { tabindex: 0, role: 'group', 'aria-label': 'Stack' }, showLines(String(details.stack))) : h('p', { class: 'soft' }, 'It has no stack.'),
        folded(`json ${row.type} ${row.message}`, 'The last event as JSON', async () => json(event)));
}

export async function http(context) {
    const { rows, statuses, course } = await context.view('http');
    const whole = statuses.reduce((sum, each) => sum + each.count, 0);
    const status = (text) => h('span', { class: `rated ${text === '0' || text >= 500 ? 'poor' : text >= 400 ? 'fair' : 'good'}` }, text === '0' ? 'no answer' : text);
    return h('div', { class: 'cards' },
        wide('Failed requests over time', plotCourse(context, course, 'failed requests', 'Failed requests'),
            h('p', { class: 'statuses' }, statuses.map((each) => h('span', {}, status(String(each.status)), ` ${count(each.count)} (${share(each.count, whole)})`)))),
        wide('Requests', table({
            caption: 'Requests by URL', rows, rerender: context.rerender,
            columns: [
                { title: 'URL', text: true, value: (row) => row.url, cell: (row) => [h('span', { class: 'soft' }, row.method, ' '), name(row.url)] },
                { title: 'requests', value: (row) => row.count, cell: (row) => count(row.count) },
                { title: 'failed', value: (row) => row.failed, cell: (row) => count(row.failed) },
                { title: 'share', value: (row) => row.failed / row.count, cell: (row) => share(row.failed, row.count) },
                { title: 'sessions', value: (row) => row.sessions, cell: (row) => count(row.sessions) },
                { title: 'statuses', text: true, value: (row) => Object.keys(row.statuses).join(' '), cell: (row) => Object.entries(row.statuses).map(([text, times]) => [status(text), ` ${count(times)} `]) },
                { title: 'last', value: (row) => row.last, cell: (row) => moment(row.last) },
            ],
        }), note('URLs without their query. The web client records failed requests alone unless recordAllRequests is on.')));
}
