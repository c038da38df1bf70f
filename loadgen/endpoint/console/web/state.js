// The state of the page, which is kept in its address: view, monitor, time and filters. So a view can be linked to, and Back works.
// Also the requests to the console's API, and the ground truth of incidents.

export const RANGES = [
    ['15m', '15 minutes', 15 * 60e3],
    ['1h', '1 hour', 3600e3],
    ['3h', '3 hours', 3 * 3600e3],
    ['12h', '12 hours', 12 * 3600e3],
    ['1d', '1 day', 86400e3],
    ['7d', '7 days', 7 * 86400e3],
    ['30d', '30 days', 30 * 86400e3],
    ['all', 'all events', 0],
];
export const DIMENSIONS = { page: 'Page', browser: 'Browser', device: 'Device', os: 'OS', country: 'Country' };

export function readState() {
    const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
    return { view: path || 'monitors', query: new URLSearchParams(query || '') };
}

// The address of a view: the present state with changes; null removes a parameter.
export function linkTo(view, changes = {}) {
    const { query } = readState();
    const kept = new URLSearchParams();
    for (const [key, value] of query) {
        if (key in changes) continue;
        if (['monitor', 'range', 'from', 'to', ...Object.keys(DIMENSIONS)].includes(key)) kept.append(key, value);
    }
    for (const [key, value] of Object.entries(changes)) {
        for (const each of Array.isArray(value) ? value : [value]) if (each !== null) kept.append(key, each);
    }
    return `#/${view}?${kept}`;
}

export function go(view, changes = {}) {
    location.hash = linkTo(view, changes);
}

// The chosen span of time in Unix milliseconds; `span` has the times of the monitor's first and last event.
export function readSpan(query, span) {
    const [from, to] = ['from', 'to'].map((key) => Number(query.get(key) ?? NaN));
    if (Number.isFinite(from) && Number.isFinite(to)) return { from, to, fixed: true };
    const range = query.get('range') || defaultRange(span);
    if (range === 'all') {
        return { from: span?.first ?? Date.now() - 3600e3, to: (span?.last ?? Date.now()) + 1, fixed: false, range };
    }
    const [, , length] = RANGES.find(([key]) => key === range) || RANGES[1];
    const end = Date.now() + 1000;
    return { from: end - length, to: end, fixed: false, range };
}

// The range shown at first: one that contains the newest event and, up to 7 days, the oldest; all events if the newest is old or in the future.
function defaultRange(span) {
    if (!span?.last) return '1h';
    const passed = Date.now() - span.last;
    const fits = RANGES.find(([key, , length]) => key !== 'all' && passed < length * 0.9 && passed > -60e3);
    if (!fits) return 'all';
    return RANGES.find(([key, , length]) => key !== 'all' && length >= Math.min(Date.now() - span.first, 7 * 86400e3) && length >= fits[2])?.[0] ?? '7d';
}

export const ask = (path, query = {}) =>
    read(fetch(`/_loadgen/api/${path}?${query instanceof URLSearchParams ? query : new URLSearchParams(query)}`, { headers: { accept: 'application/json' } }));
export const changeSettings = (change) => read(fetch('/_loadgen/api/settings', { method: 'PUT', body: JSON.stringify(change) }));
export const createMonitor = (wanted) => read(fetch('/_loadgen/api/monitors', { method: 'POST', body: JSON.stringify(wanted) }));

export class NoAnswer extends Error {}

async function read(fetched) {
    const [response, body] = await fetched.then(async (response) => [response, await response.json()])
        .catch(() => { throw new NoAnswer('The endpoint does not answer.'); });
    if (!response.ok) throw new Error(body.message || `status ${response.status}`);
    return body;
}

// Ground truth of incidents: the file that seed, generate and run write beside their results, laid over the plots. It is
// read in the browser alone.
let incidents = []; // {incident, kind, first, last}
let hits = new Set(); // session ids

export async function readTruth(file) {
    const found = new Map();
    const sessions = new Set();
    for (const line of (await file.text()).split('\n')) {
        if (!line.trim()) continue;
        const truth = JSON.parse(line);
        const first = Date.parse(truth.first), last = Date.parse(truth.last);
        if (!truth.incident || !Number.isFinite(first)) throw new Error('This is no ground-truth.ndjson');
        const known = found.get(truth.incident) ?? { first, last, visits: 0 };
        found.set(truth.incident, {
            incident: String(truth.incident), kind: String(truth.kind),
            first: Math.min(first, known.first), last: Math.max(last, known.last), visits: known.visits + 1,
        });
        sessions.add(String(truth.session_id));
    }
    incidents = [...found.values()];
    hits = sessions;
    return incidents;
}

export const listBands = () => incidents;
export const isHit = (session) => hits.has(session);
export const forgetTruth = () => { incidents = []; hits = new Set(); };
