// The view of ingestion: live calls, refused calls with the reason, and switches for quota and faults.

import { facts, figure, folded, form, h, json, name, note, say, show, showBody, table, tiles, wide } from './dom.js';
import { timePlot } from './plot.js';
import { ask, changeSettings } from './state.js';
import { bytes, clock, count, milliseconds, short, shortType } from './units.js';

const SPAN = 120; // seconds that the plot shows
const calls = new Map(); // number: call; the newest KEPT calls since the page was opened
const KEPT = 500;
let known = 0;

export async function ingestion(context) {
    const found = await ask('ingestion', { after: known });
    if (found.number < known) calls.clear(); // another endpoint has started
    if (known) speak(found.calls);
    known = found.number;
    for (const call of [...found.calls].reverse()) calls.set(call.number, call);
    while (calls.size > KEPT) calls.delete(calls.keys().next().value);
    const seconds = fillSeconds(found.seconds, Math.floor(found.now));
    const last = seconds.slice(-11, -1);
    const rate = (key) => `${short(last.reduce((sum, each) => sum + each[key], 0) / 10)}/s`;
    const sum = (key) => count(seconds.reduce((total, each) => total + each[key], 0));
    const { quota, burst } = found.settings;
    return [
        tiles([
            ['Accepted', rate('accepted'), `${sum('accepted')} requests in 2 min; quota ${quota === null ? 'off' : `${quota}/s${burst === null ? '' : `, burst ${burst}`}`}`],
            ['Events', rate('events'), `${sum('events')} accepted in 2 min`],
            ['Throttled', rate('throttled'), `${sum('throttled')} requests`],
            ['Refused', rate('refused'), `${sum('refused')} requests; the reasons are below`],
            ['Failed', rate('failed'), `${sum('failed')} requests`],
            ['Dropped events', rate('dropped'), `${sum('dropped')} events of accepted requests`],
        ]),
        h('div', { class: 'cards' },
            wide('Requests a second', timePlot({
                start: seconds[0].second * 1000, step: 1000, size: SPAN, write: count, title: 'PutRumEvents requests a second', rule: quota,
                layers: [['accepted', 'accepted'], ['throttled', 'throttled'], ['refused', 'failed'], ['failed', 'p50']].map(([key, colour]) => ({ label: key, colour, shape: 'bar', values: seconds.map((each) => each[key]) })),
            }), quota === null ? null : note(`The line is the quota, ${quota} requests a second.`)),
            showRefusals(found.refusals),
            showSwitches(found.settings, context),
            showCalls([...calls.values()].reverse(), context)),
    ];
}

// Tell a screen reader about new calls that were not accepted. Accepted calls are too many to be spoken.
function speak(fresh) {
    const bad = fresh.filter((call) => call.status !== 200);
    if (bad.length) say(`${count(bad.length)} of ${count(fresh.length)} calls not accepted, the last one: ${bad[0].status} ${show(bad[0].code, 60)}, ${show(bad[0].message, 200)}`);
}

function fillSeconds(given, now) {
    const by = new Map(given.map((each) => [each.second, each]));
    return Array.from({ length: SPAN }, (_, place) => {
        const second = now - SPAN + 1 + place;
        return by.get(second) || { second, accepted: 0, throttled: 0, refused: 0, failed: 0, events: 0, dropped: 0 };
    });
}

function showRefusals(refusals) {
    return wide('Refused, and why', refusals.length ? h('ol', { class: 'events' }, refusals.slice(0, 50).map(({ call, advice }) =>
        h('li', {}, folded(`refusal ${call.number}`, h('span', { class: 'event' },
            h('span', { class: 'soft small at' }, clock(call.at * 1000)),
            h('span', { class: 'kind rated poor' }, `${call.status} ${call.code}`),
            h('span', { class: 'what' }, show(call.message, 4000), advice ? h('span', { class: 'advice' }, show(advice, 2000)) : null)), () => showRefusal(call)))))
        : h('p', { class: 'none' }, 'Nothing was refused.'),
    note('The latest 100 are remembered.'));
}

// Reasons for which a client sends nothing at all; no call can show them.
const SILENT = [
    ['sessionSampleRate', 'The web client sends for this share of sessions. Give 1 here; 0 sends nothing. The choice stays in the cookie cwr_s: clear it after a change.'],
    ['endpoint', () => `It is ${location.origin}; without it the client sends to AWS.`],
    ['identityPoolId, guestRoleArn', 'With them the client first asks Cognito on AWS for credentials, and sends nothing without. Leave both out here.'],
    ['setAwsCredentials', 'Without credentials the client sends nothing, unless signing is false.'],
    ['After a refusal', 'The client of a page stops for good after an answer of 403 or 404. Load the page again once the reason is gone.'],
    ['sessionEventLimit', 'A session sends 200 events unless it is given; 0 is no limit.'],
    ['dispatchInterval', 'The client waits 5 s before it sends.'],
    ['An ad blocker', 'Many block the web client, and the paths that it sends to. Look at the page’s own network panel.'],
    ['Port and host', 'A page that came by HTTPS may send to an address without it only on localhost and 127.0.0.1.'],
];

const explainSilence = (isQuiet) => {
    const details = folded('silence', 'Nothing arrives?', async () => facts(SILENT.map(([title, text]) => [title, typeof text === 'function' ? text() : text])));
    details.open = isQuiet;
    return details;
};

async function showRefusal(call) {
    const { body, members, headers } = await ask('refusal', { number: call.number });
    return h('div', { class: 'inside' },
        facts([['path', name(call.target)], ['size', bytes(call.body_bytes)], ['monitor', name(call.monitor)],
            ...Object.entries(headers).map(([key, value]) => [key, name(value)])]),
        members.length ? [h('h3', {}, 'The offending members'), facts(members.map(({ path, value }) => [h('code', {}, show(path)), h('code', {}, value === null ? 'missing' : show(JSON.stringify(value), 2000))]))] : null,
        h('h3', {}, 'The body'), body === null ? h('p', { class: 'soft' }, 'It was too large to keep.') : showBody(body));
}

function describeOutcome(call) {
    if (call.dropped_connection) return ['fair', 'connection cut by a fault'];
    if (call.status === 200) return [call.dropped ? 'fair' : 'good', call.dropped ? `accepted, ${count(call.dropped)} dropped` : 'accepted'];
    return [call.status === 429 ? 'fair' : 'poor', `${call.status} ${call.code}`];
}

function showReason(call) {
    if (!call.dropped_events.length) return show(call.message, 160);
    return call.dropped_events.map((each) => h('div', {}, name(shortType(each.type), 60), ` (event ${each.position + 1}): ${show(each.reason, 400)}`));
}

function showCalls(list, context) {
    const names = new Map(context.monitors.map((each) => [each.monitor.Id, each.monitor.Name]));
    return wide('PutRumEvents calls, the newest first', list.length ? table({
        caption: 'Calls', rows: list.slice(0, 50),
        columns: [
            { title: 'time', text: true, value: (row) => row.number, cell: (row) => clock(row.at * 1000) },
            { title: 'outcome', text: true, value: (row) => row.status, cell: (row) => h('span', { class: `rated ${describeOutcome(row)[0]}` }, describeOutcome(row)[1]) },
            { title: 'monitor', text: true, value: (row) => row.monitor, cell: (row) => name(names.get(row.monitor) || row.monitor, 60) },
            figure('events', 'events', count),
            figure('size', 'body_bytes', bytes),
            figure('handled in', 'milliseconds', milliseconds),
            { title: 'delay by a fault', value: (row) => row.delay, cell: (row) => (row.delay ? milliseconds(row.delay * 1000) : '–') },
            { title: 'why', text: true, value: (row) => row.message, cell: showReason },
        ],
    }) : h('p', { class: 'none' }, 'No call yet. A page sends when it is connected as its monitor says under ', h('a', { href: context.linkTo('monitors') }, 'Monitors'), '.'), explainSilence(!list.length));
}

function showSwitches(settings, context) {
    const { faults } = settings;
    const field = (key, label, value, step = 'any', max = null) =>
        h('label', {}, h('span', {}, label), h('input', { type: 'number', min: 0, max, step, name: key, value: value ?? '', 'data-key': `set ${key}` }));
    const change = async (filled) => {
        await changeSettings(readSwitches(new FormData(filled), settings));
        say('The settings are in force');
        context.release();
    };
    const node = form('switches', (filled) => context.attempt(() => change(filled)),
        field('quota', 'quota, requests a second (empty: off)', settings.quota),
        field('burst', 'burst, requests at once (empty: as the quota)', settings.burst),
        field('errors', 'share answered 500', faults.errors, 'any', 1),
        field('drops', 'share of connections cut before', faults.drops, 'any', 1),
        field('lost_answers', 'share kept, but not answered', faults.lost_answers, 'any', 1),
        field('latency', 'delay of every answer, ms', faults.latency.kind === 'constant' ? faults.latency.first : '', 'any', 86400000),
        h('label', {}, h('span', {}, 'outage'), h('select', { name: 'outage', 'data-key': 'set outage' },
            h('option', { value: '' }, faults.periods.length ? 'as it is' : 'none'), faults.periods.length ? h('option', { value: 'none' }, 'end it') : null,
            [500, 403, 404, 429].flatMap((status) => [30, 300].map((seconds) => h('option', { value: `${status} ${seconds}` }, `${status} for ${seconds} s`))))),
        h('button', { type: 'submit' }, 'Put in force'));
    node.addEventListener('input', context.holdStill);
    const isOn = faults.errors || faults.drops || faults.lost_answers || faults.stalls || faults.latency.first || faults.periods.length;
    return wide('Quota and faults', h('p', { class: isOn ? 'rated fair' : 'soft' }, isOn ? 'Faults are on.' : 'No fault is on.'), node,
        folded('settings', 'Everything in force as JSON', async () => json(settings)));
}

// The settings as the form states them; settings that the form does not show stay as they are.
function readSwitches(filled, { faults }) {
    const number = (key, otherwise) => (filled.get(key) === '' ? otherwise : Number(filled.get(key)));
    const outage = filled.get('outage');
    const [status, seconds] = (outage || '').split(' ').map(Number);
    const periods = !outage ? faults.periods : outage === 'none' ? [] : [{ status, start: 0, end: seconds }];
    const isKept = filled.get('latency') === '' && faults.latency.kind !== 'constant'; // the form does not show other laws
    const latency = isKept ? faults.latency : { kind: 'constant', first: number('latency', 0), second: 0 };
    return {
        quota: number('quota', null), burst: number('burst', null),
        faults: { ...faults, errors: number('errors', 0), drops: number('drops', 0), lost_answers: number('lost_answers', 0), latency, periods },
    };
}
