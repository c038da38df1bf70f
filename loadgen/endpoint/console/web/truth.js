// Ground truth of incidents: the file that seed, generate and run write beside their results, laid over the plots.
// It is read in the browser alone.

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
        const known = found.get(truth.incident);
        found.set(truth.incident, { incident: String(truth.incident), kind: String(truth.kind), first: Math.min(first, known?.first ?? first), last: Math.max(last, known?.last ?? last), visits: (known?.visits ?? 0) + 1 });
        sessions.add(String(truth.session_id));
    }
    incidents = [...found.values()];
    hits = sessions;
    return incidents;
}

export const listBands = () => incidents;
export const isHit = (session) => hits.has(session);
export const forgetTruth = () => { incidents = []; hits = new Set(); };
