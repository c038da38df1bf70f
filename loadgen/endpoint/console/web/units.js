// Numbers and times as text, in the forms that loadgen uses everywhere.

const NONE = '–';

const digits = (value, most = 3) =>
    Math.abs(value) >= 10 ** (most - 1) ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(most)));

export const count = (value) => (Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : NONE);

export function short(value) {
    if (!Number.isFinite(value)) return NONE;
    for (const [unit, letter] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']]) {
        if (Math.abs(value) >= unit) return digits(value / (letter === 'k' ? 1e3 : unit)) + letter;
    }
    return digits(value);
}

export function milliseconds(value) {
    if (!Number.isFinite(value)) return NONE;
    if (value > 0 && value < 0.9995) return `${digits(value * 1000)} µs`;
    if (value < 999.5) return `${digits(value)} ms`;
    return value < 99950 ? `${digits(value / 1000)} s` : duration(value);
}

export const score = (value) => (Number.isFinite(value) ? String(Number(value.toFixed(3))) : NONE);

export function share(part, whole) {
    if (!whole) return NONE;
    if (part === 0 || part === whole) return part ? '100%' : '0%';
    const percent = (part / whole) * 100;
    if (percent < 0.05) return '<0.1%';
    return percent > 99.95 ? '>99.9%' : `${percent.toFixed(1)}%`;
}

export function bytes(value) {
    if (!Number.isFinite(value)) return NONE;
    for (const [unit, letter] of [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']]) {
        if (value >= unit) return `${digits(value / unit)} ${letter}`;
    }
    return `${value} B`;
}

// Milliseconds in at most two units.
export function duration(value) {
    const seconds = Math.round(value / 1000);
    if (seconds < 60) return `${seconds} s`;
    const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
    const first = units.findIndex(([size]) => seconds >= size);
    const whole = Math.floor(seconds / units[first][0]);
    const rest = units[first + 1] ? Math.floor((seconds % units[first][0]) / units[first + 1][0]) : 0;
    return `${whole} ${units[first][1]}${rest ? ` ${rest} ${units[first + 1][1]}` : ''}`;
}

const pad = (value, size = 2) => String(value).padStart(size, '0');

export const day = (ms) => {
    const at = new Date(ms);
    return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
};

export const clock = (ms, seconds = true) => {
    const at = new Date(ms);
    return `${pad(at.getHours())}:${pad(at.getMinutes())}${seconds ? `:${pad(at.getSeconds())}` : ''}`;
};

// A moment in local time, with the day unless it is today.
export const moment = (ms) => (Number.isFinite(ms) ? `${day(ms) === day(Date.now()) ? '' : `${day(ms)} `}${clock(ms)}` : NONE);

// How a figure differs from that of the period before, in words.
export function change(now, before) {
    if (!Number.isFinite(before) || !Number.isFinite(now)) return 'none before';
    if (!before) return now ? 'none before' : 'as before';
    const factor = (now / before - 1) * 100;
    if (Math.abs(factor) < 0.5) return 'as before';
    if (now / before >= 10) return `${digits(now / before)} times the period before`;
    return `${factor > 0 ? '+' : '−'}${digits(Math.abs(factor))}% on the period before`;
}

export const VITALS = {
    lcp: { label: 'LCP', long: 'Largest contentful paint', write: milliseconds },
    inp: { label: 'INP', long: 'Interaction to next paint', write: milliseconds },
    cls: { label: 'CLS', long: 'Cumulative layout shift', write: score },
    fcp: { label: 'FCP', long: 'First contentful paint', write: milliseconds },
    ttfb: { label: 'TTFB', long: 'Time to first byte', write: milliseconds },
    fid: { label: 'FID', long: 'First input delay', write: milliseconds },
};

export const shortType = (type) => type.replace(/^com\.amazon\.rum\./, '').replace(/_event$/, '').replace(/^performance_/, '').replaceAll('_', ' ');
