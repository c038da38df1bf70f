// The views of figures: overview, pages, vitals, clients, errors, HTTP requests.

import { card, facts, figure, folded, h, json, listing, name, note, show, showLines, table, tiles, wide } from './dom.js';
import { histogram, ratingBar, timePlot } from './plot.js';
import { DIMENSIONS } from './state.js';
import { change, count, milliseconds, moment, share, VITALS } from './units.js';

export async function overview(context) {
    const { now, before, course, bounds } = await context.view('overview');
    const plot = (title, layers, write) => timePlot({
        ...course, title, write, bands: context.bands, onSpan: context.chooseSpan,
        layers: layers.map(([label, colour, key, shape]) => ({ label, colour, shape, values: course[key] })),
    });
    return [
        tiles([
            ['Sessions', count(now.sessions), change(now.sessions, before.sessions)],
            ['Visitors', count(now.visitors), change(now.visitors, before.visitors)],
            ['Page views', count(now.views), change(now.views, before.views)],
            ['JavaScript errors', count(now.errors), `${share(now.errors, now.views)} of views; ${change(now.errors, before.errors)}`],
            ['Failed requests', count(now.http_failed), `of ${count(now.http)} recorded; ${change(now.http_failed, before.http_failed)}`],
            ['Page load p75', milliseconds(now.load?.values[1]), `${count(now.loads)} loads; ${change(now.load?.values[1], before.load?.values[1])}`],
        ]),
        h('div', { class: 'cards' },
            wide('Web vitals', h('div', { class: 'vitals' }, Object.entries(VITALS).map(([key, { label, long, write }]) =>
                h('div', { class: 'vital' }, h('b', {}, label), h('span', { class: 'soft' }, long),
                    h('span', { class: 'p75' }, write(now[key]?.values[1])),
                    now[key] ? ratingBar(now[key], share) : h('span', { class: 'soft' }, 'none in this time'),
                    h('span', { class: 'soft small' }, now[key] ? `${describeRating(now[key])}; ${change(now[key].values[1], before[key]?.values[1])}` : '')))),
                note(`p75, and the shares of good, needs improvement and poor: LCP up to ${milliseconds(bounds.lcp[0])} and ${milliseconds(bounds.lcp[1])}, INP ${milliseconds(bounds.inp[0])} and ${milliseconds(bounds.inp[1])}, CLS ${bounds.cls.join(' and ')}.`)),
            card('Traffic', plot('Traffic', [['page views', 'accepted', 'views', 'bar'], ['sessions', 'p50', 'sessions', 'line']], count)),
            card('What went wrong', plot('Failures', [['JavaScript errors', 'failed', 'errors', 'bar'], ['failed requests', 'throttled', 'http_failed', 'bar']], count)),
            card('How fast it was', plot('Speed', [['page load p75', 'accepted', 'load', 'line'], ['LCP p75', 'p95', 'lcp', 'line'], ['TTFB p75', 'lag', 'ttfb', 'line']], milliseconds)),
            card('How it felt', plot('Interaction', [['INP p75', 'p50', 'inp', 'line'], ['FID p75', 'lag', 'fid', 'line']], milliseconds)),
        ),
    ];
}

const describeRating = ({ good, fair, poor }) => {
    const whole = good + fair + poor;
    return `${share(good, whole)} good, ${share(fair, whole)} needs improvement, ${share(poor, whole)} poor`;
};

const quantile = (key, place, title, write) => ({
    title, value: (row) => row[key]?.values[place] ?? null, cell: (row) => write(row[key]?.values[place]),
});
const rated = (key) => ({
    title: `${VITALS[key].label} p75`, value: (row) => row[key]?.values[1] ?? null,
    cell: (row) => h('span', { class: row[key] ? `rated ${rate(row[key].values[1], key)}` : null }, VITALS[key].write(row[key]?.values[1])),
});
const GOOD = { lcp: [2500, 4000], inp: [200, 500], cls: [0.1, 0.25] };
const rate = (value, key) => (value <= GOOD[key][0] ? 'good' : value <= GOOD[key][1] ? 'fair' : 'poor');

export async function pages(context) {
    const { rows } = await context.view('pages');
    return wide('Pages', table({
        caption: 'Pages', rows, rerender: context.rerender,
        columns: [
            { title: 'page', text: true, value: (row) => row.name, cell: (row) => context.filterLink('page', row.name, 'overview') },
            figure('views', 'views', count), figure('sessions', 'sessions', count),
            quantile('load', 0, 'load p50', milliseconds), quantile('load', 1, 'p75', milliseconds), quantile('load', 2, 'p95', milliseconds),
            rated('lcp'), rated('inp'), rated('cls'), figure('errors', 'errors', count), figure('failed requests', 'http_failed', count),
        ],
    }), note('A page opens its own plots.'));
}

export async function clients(context) {
    const found = await context.view('clients');
    return h('div', { class: 'cards' }, Object.entries({ browser: 'Browsers', os: 'Operating systems', device: 'Devices', country: 'Countries' }).map(([column, title]) =>
        card(title, table({
            caption: title, rows: found[column], rerender: context.rerender,
            columns: [
                { title: DIMENSIONS[column].toLowerCase(), text: true, value: (row) => row.name, cell: (row) => context.filterLink(column, row.name, 'overview') },
                figure('sessions', 'sessions', count), figure('views', 'views', count), figure('errors', 'errors', count),
                quantile('load', 1, 'load p75', milliseconds), rated('lcp'), rated('inp'),
            ],
        }))));
}

export async function vitals(context) {
    const found = await context.view('vitals');
    return h('div', { class: 'cards' }, Object.entries(VITALS).map(([key, { label, long, write }]) => {
        const { good, poor, width, all } = found[key];
        if (!all.length) return card(`${label}: ${long}`, h('p', { class: 'none' }, 'No such event in this time.'));
        const draw = (group, title, height) => histogram({ ...group, good, poor, width, write, height, label: `${label} of ${title}: p75 ${write(group.values[1])}; ${describeRating(group)}` });
        return card(`${label}: ${long}`,
            h('p', { class: 'about' }, `p50 ${write(all[0].values[0])}, p75 ${write(all[0].values[1])}, p95 ${write(all[0].values[2])} of ${count(all[0].count)}: ${describeRating(all[0])}.`),
            draw(all[0], 'all', 90),
            ['device', 'browser'].map((column) => h('div', {}, h('h3', {}, `by ${column}`), found[key][column].map((group) =>
                h('div', { class: 'distribution' },
                    h('div', {}, context.filterLink(column, group.name, 'vitals'), h('span', { class: 'soft small' }, ` ${count(group.count)}; p75 ${write(group.values[1])}`)),
                    draw(group, show(group.name, 80) || '(none)', 34))))));
    }));
}

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
        details.stack ? listing('Stack', showLines(String(details.stack))) : h('p', { class: 'soft' }, 'It has no stack.'),
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
                figure('requests', 'count', count),
                figure('failed', 'failed', count),
                { title: 'share', value: (row) => row.failed / row.count, cell: (row) => share(row.failed, row.count) },
                figure('sessions', 'sessions', count),
                { title: 'statuses', text: true, value: (row) => Object.keys(row.statuses).join(' '), cell: (row) => Object.entries(row.statuses).map(([text, times]) => [status(text), ` ${count(times)} `]) },
                figure('last', 'last', moment),
            ],
        }), note('URLs without their query. The web client records failed requests alone unless recordAllRequests is on.')));
}
