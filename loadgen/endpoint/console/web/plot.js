// Plots over time, and distributions. The arrow keys read a plot, too, and a span of it can be chosen: by
// dragging, or with Shift and the arrow keys and Enter.

import { h, say, show, svg } from './dom.js';
import { clock, count, day, moment } from './units.js';

const WIDTH = 1000;
const HEIGHT = 130; // of a plot over time

function roundStep(rough, isWhole) {
    const power = 10 ** Math.floor(Math.log10(rough));
    return (isWhole && power < 10 ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10]).find((times) => rough <= times * power * (1 + 1e-9)) * power;
}

function scaleUp(highest, isWhole) {
    if (!(highest > 0)) return { high: 1, ticks: [0] };
    const high = highest * 1.1;
    const step = Math.max(roundStep(highest / 4, isWhole), isWhole ? 1 : 0);
    const ticks = [];
    for (let tick = 0; tick <= high; tick += step) ticks.push(tick);
    return { high, ticks };
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800].map((s) => s * 1000);

// Ticks at round local times between two moments, with their labels.
function timeTicks(from, to) {
    const step = TIME_STEPS.find((each) => (to - from) / each <= 6) || Math.ceil((to - from) / 6 / 86400e3) * 86400e3;
    const offset = new Date(from).getTimezoneOffset() * 60e3;
    const ticks = [];
    for (let at = Math.ceil((from - offset) / step) * step + offset; at < to; at += step) {
        const label = step >= 86400e3 ? day(at).slice(5) : clock(at, step < 60e3);
        ticks.push([at, to - from > 86400e3 && step < 86400e3 && clock(at, false) === '00:00' ? day(at).slice(5) : label]);
    }
    return ticks;
}

const path = (d, name) => svg('path', { d, class: name });

function frame({ high, ticks, write, inside, xTicks, label }) {
    const y = (value) => HEIGHT * (1 - value / high);
    const grid = ticks.map((tick) => path(`M0 ${y(tick).toFixed(1)}H${WIDTH}`, tick ? 'grid' : 'axis'));
    const area = h('div', { class: 'area', tabindex: 0, role: 'group', 'aria-label': label },
        svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, grid, inside(y)));
    const axis = h('div', { class: 'yaxis', 'aria-hidden': 'true' },
        ticks.map((tick) => h('span', { style: { top: `${y(tick).toFixed(1)}px` } }, tick ? write(tick) : '0')));
    const below = h('div', { class: 'xaxis', 'aria-hidden': 'true' },
        xTicks.map(([place, text], number) =>
            h('span', { class: `tick${place > 0.94 ? ' end' : place < 0.04 ? ' start' : ''}${number % 2 ? ' thin' : ''}`, style: { left: `${place * 100}%` } }, text)));
    return { area, node: h('div', { class: 'frame', style: { '--h': `${HEIGHT}px` } }, axis, area, below) };
}

function legend(layers) {
    return h('div', { class: 'legend' }, layers.map(({ label, colour, shape }) =>
        h('span', { class: `key-of c-${colour}` }, h('i', { class: `key ${shape === 'line' ? 'line' : ''}` }), label)));
}

// Paths of the layers: 'bar' layers are stacked, 'line' layers are lines with gaps where there is no value.
function drawLayers(layers, size, y) {
    const feet = new Array(size).fill(0);
    const bars = layers.filter((layer) => layer.shape === 'bar').map((layer) => {
        let d = '';
        layer.values.forEach((value, part) => {
            if (!value) return;
            const left = (part / size) * WIDTH, right = ((part + 1) / size) * WIDTH - Math.min(1.2, WIDTH / size / 5);
            d += `M${left.toFixed(1)} ${y(feet[part]).toFixed(1)}V${y(feet[part] + value).toFixed(1)}H${right.toFixed(1)}V${y(feet[part]).toFixed(1)}Z`;
            feet[part] += value;
        });
        return svg('g', { class: `s c-${layer.colour}` }, path(d, 'fill'));
    });
    const lines = layers.filter((layer) => layer.shape === 'line').map((layer) => {
        let d = '', open = false;
        layer.values.forEach((value, part) => {
            if (value === null || value === undefined) { open = false; return; }
            d += `${open ? 'L' : 'M'}${(((part + 0.5) / size) * WIDTH).toFixed(1)} ${y(value).toFixed(1)}`;
            if (!open && (layer.values[part + 1] ?? null) === null) d += 'h0';
            open = true;
        });
        return svg('g', { class: `s c-${layer.colour}` }, path(d, `line${layer.dashed ? ' dashed' : ''}`));
    });
    return [...bars, ...lines];
}

function drawBands(bands, from, to) {
    return bands.filter((band) => band.last > from && band.first < to).map((band) => {
        const left = Math.max(0, (band.first - from) / (to - from)) * WIDTH;
        const right = Math.min(1, (band.last - from) / (to - from)) * WIDTH;
        const box = svg('rect', { x: left, y: 0, width: Math.max(right - left, 2), height: HEIGHT, class: 'truth' });
        box.append(svg('title', {}, show(band.incident)));
        return box;
    });
}

// A plot of layers {label, colour, shape, values} over equal parts of time; onSpan gets start and end of a chosen span.
export function timePlot({ start, step, size, layers, write, bands = [], onSpan, title, rule }) {
    const stacked = Array.from({ length: size }, (_, part) => layers.filter((l) => l.shape === 'bar').reduce((sum, l) => sum + (l.values[part] || 0), 0));
    const highest = Math.max(0, rule || 0, ...stacked, ...layers.filter((l) => l.shape === 'line').flatMap((l) => l.values.filter((v) => v !== null)));
    const { high, ticks } = scaleUp(highest, write === count);
    const to = start + step * size;
    const xTicks = timeTicks(start, to).map(([at, label]) => [(at - start) / (to - start), label]);
    const { area, node } = frame({
        high, ticks, write, xTicks,
        label: `${title}. Plot from ${day(start)} ${clock(start)} to ${day(to)} ${clock(to)}; arrow keys read it${onSpan ? ', Shift with arrow keys and Enter choose a span' : ''}.`,
        inside: (y) => [drawBands(bands, start, to), drawLayers(layers, size, y),
            rule ? path(`M0 ${y(rule).toFixed(1)}H${WIDTH}`, 'rule-line') : null],
    });
    readParts(area, { size, layers, write, onSpan, findTime: (part) => start + part * step });
    return h('div', { class: 'plot' }, legend(layers), node);
}

// Add a cursor to a plot: pointer and keys read one part, dragging and Shift choose a span.
function readParts(area, { size, layers, write, onSpan, findTime }) {
    const readout = h('div', { class: 'readout' });
    const cursor = h('div', { class: 'cursor' }, readout);
    const choice = h('div', { class: 'choice' });
    area.append(cursor, choice);
    let part = -1, anchor = null;
    const read = (at, speak) => {
        part = Math.min(size - 1, Math.max(0, at));
        readout.replaceChildren(h('b', {}, moment(findTime(part))), ...layers.map((layer) =>
            h('div', { class: `c-${layer.colour}` }, h('i', {}), layer.label, h('span', {}, layer.values[part] === null ? '–' : write(layer.values[part])))));
        cursor.style.left = `${((part + 0.5) / size) * 100}%`;
        cursor.classList.toggle('left', part > size / 2);
        cursor.classList.add('on');
        if (anchor !== null) mark();
        if (speak) say(`${moment(findTime(part))}: ${layers.map((layer) => `${layer.label} ${layer.values[part] === null ? 'none' : write(layer.values[part])}`).join(', ')}`);
    };
    const ends = () => [Math.min(anchor, part), Math.max(anchor, part) + 1];
    const mark = () => {
        const [first, last] = ends();
        choice.classList.add('on');
        choice.style.left = `${(first / size) * 100}%`;
        choice.style.width = `${((last - first) / size) * 100}%`;
    };
    const forget = () => { anchor = null; choice.classList.remove('on'); };
    const choose = () => {
        const [first, last] = ends();
        forget();
        onSpan(findTime(first), findTime(last));
    };
    const find = (event) => {
        const box = area.getBoundingClientRect();
        return Math.floor(((event.clientX - box.left) / box.width) * size);
    };
    area.addEventListener('pointermove', (event) => read(find(event)));
    area.addEventListener('pointerleave', () => { if (anchor === null) cursor.classList.remove('on'); });
    area.addEventListener('blur', () => { cursor.classList.remove('on'); forget(); });
    area.addEventListener('keydown', (event) => {
        const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
        if (event.key === 'Home' || event.key === 'End' || move) {
            event.preventDefault();
            if (event.shiftKey && onSpan && anchor === null) anchor = Math.max(part, 0);
            if (!event.shiftKey) forget();
            read(event.key === 'Home' ? 0 : event.key === 'End' ? size - 1 : (part < 0 ? (move > 0 ? -1 : size) : part) + move, true);
        } else if (event.key === 'Enter' && anchor !== null) choose();
        else if (event.key === 'Escape') forget();
    });
    if (!onSpan) return;
    area.addEventListener('pointerdown', (event) => {
        if (event.button) return;
        read(find(event));
        anchor = part;
        area.setPointerCapture(event.pointerId);
    });
    area.addEventListener('pointerup', () => {
        if (anchor === null) return;
        if (anchor === part) forget();
        else choose();
    });
    area.addEventListener('pointercancel', forget);
}

// A distribution: bars of equal width, coloured by the bounds of good and poor; the last bar holds all higher values.
export function histogram({ bars, width, good, poor, write, label, height = 60 }) {
    const high = Math.max(1, ...bars);
    const kind = (bar) => ((bar + 0.5) * width <= good ? 'good' : (bar + 0.5) * width <= poor ? 'fair' : 'poor');
    const paths = { good: '', fair: '', poor: '' };
    bars.forEach((value, bar) => {
        if (!value) return;
        const left = (bar / bars.length) * WIDTH, right = ((bar + 1) / bars.length) * WIDTH - 3;
        paths[kind(bar)] += `M${left.toFixed(1)} ${height}V${(height * (1 - value / high)).toFixed(1)}H${right.toFixed(1)}V${height}Z`;
    });
    return h('div', { class: 'histogram', role: 'img', 'aria-label': label, style: { '--h': `${height}px` } },
        svg('svg', { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
            Object.entries(paths).map(([name, d]) => svg('g', { class: `c-${name}` }, path(d, 'fill'))), path(`M0 ${height}H${WIDTH}`, 'axis')),
        h('div', { class: 'ends', 'aria-hidden': 'true' }, h('span', {}, '0'),
            [good, poor].map((bound) => h('span', { style: { left: `${(bound / width / bars.length) * 100}%` } }, write(bound))),
            h('span', {}, `${write(poor * 2)} +`)));
}

// The shares of good, fair and poor as one bar; its label has the shares as text.
export function ratingBar({ good, fair, poor }, share) {
    const whole = good + fair + poor;
    const parts = [['good', good], ['fair', fair], ['poor', poor]];
    return h('div', { class: 'rating', role: 'img', 'aria-label': parts.map(([name, part]) => `${name} ${share(part, whole)}`).join(', ') },
        parts.map(([name, part]) => h('i', { class: `c-${name}`, style: { flex: String(whole ? part / whole : 0) } })));
}
