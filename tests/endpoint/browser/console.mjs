// The endpoint's console in a real browser: node console.mjs '{"chromium":…,"endpoint":…,"steps":[…],…}'
// Takes each step in its order and prints what was seen, as JSON, one a line.
import { execSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

import { chromium } from 'playwright-core';

const order = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
    executablePath: order.chromium,
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
setTimeout(() => { console.error('the steps took more than four minutes'); process.exit(1); }, 240e3).unref();
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const tell = (what) => console.log(JSON.stringify(what));

// Count how often the page asks, and note how long it means to wait in between, on whatever machine.
function countPolls() {
    const { fetch, setTimeout } = globalThis;
    Object.assign(globalThis, { polls: 0, waits: [] });
    globalThis.fetch = (...given) => { globalThis.polls += String(given[0]).includes('/api/status'); return fetch(...given); };
    globalThis.setTimeout = (work, wait, ...more) => { globalThis.waits.push(wait); return setTimeout(work, wait, ...more); };
}

let isAway = false; // the browser itself reports what is not answered

async function openConsole(hash) {
    const page = await context.newPage();
    await page.addInitScript(countPolls);
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !isAway && tell({ problem: message.text() }));
    page.on('pageerror', (error) => tell({ problem: error.stack }));
    page.on('dialog', (dialog) => { tell({ problem: `dialog ${dialog.message()}` }); dialog.dismiss(); });
    page.on('request', (request) => request.url().startsWith(order.endpoint) || request.url().startsWith('data:') || tell({ problem: `asked ${request.url()}` }));
    await page.goto(`${order.endpoint}/_loadgen/${hash}`);
    await waitFor(page, hash.replace(/^#\/|\?.*$/g, '') || 'monitors');
    return page;
}

const waitFor = (page, view) => page.waitForFunction(
    (name) => document.getElementById('content').dataset.ready === name && document.getElementById('content').dataset.address === location.hash, view);

// What axe-core finds wrong: WCAG 2 A and AA with the contrast of colours, and its best practices.
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
async function listFaults(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    return violations.flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 200)} (${node.any[0]?.message ?? each.help})`));
}

// What a screen reader gets: roles with names, from the browser's accessibility tree.
async function readAloud(page) {
    const session = await context.newCDPSession(page);
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    await session.detach();
    const byId = new Map(nodes.map((node) => [node.nodeId, node]));
    const within = (node) => (node.childIds ?? []).map((id) => byId.get(id)).filter(Boolean).flatMap((child) => [child, ...within(child)]);
    return nodes.filter((node) => !node.ignored).map((node) => ({
        role: node.role?.value, name: node.name?.value ?? '',
        level: node.properties?.find((each) => each.name === 'level')?.value.value ?? null,
        headers: node.role?.value === 'table' ? within(node).filter((each) => each.role?.value === 'columnheader').length : undefined,
    })).filter(({ role }) => !['StaticText', 'InlineTextBox', 'generic', 'none'].includes(role));
}

// The cells of each table by its caption, tiles, options to choose from, and what can be opened.
function readFigures() {
    const content = document.querySelector('#content');
    const list = (selector) => [...content.querySelectorAll(selector)];
    return {
        tables: Object.fromEntries(list('table').map((table) => [table.caption.textContent, [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim()))])),
        tiles: Object.fromEntries(list('.tiles > div').map((tile) => [tile.children[0].textContent, [...tile.children].slice(1).map((each) => each.innerText)])),
        options: list('option').map((each) => each.innerText), summaries: list('summary').map((each) => each.innerText),
    };
}

// What leaves its card, and labels that cover each other.
function findMisplaced() {
    const box = (each) => each.getBoundingClientRect();
    const inside = [...document.querySelectorAll('.card *')].filter((each) => each.getClientRects().length && !each.closest('.scroll, .unseen, svg'));
    const leaving = inside.filter((each) => box(each).right > box(each.closest('.card')).right + 1);
    const labels = [...document.querySelectorAll('.journey .label')];
    const covers = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom - 1 && other.top < one.bottom - 1;
    const covered = labels.filter((one, place) => labels.slice(place + 1).some((other) => covers(box(one), box(other))));
    return [...leaving, ...covered].map((each) => each.outerHTML.slice(0, 150));
}

// Go through the page with the Tab key: what gets the focus, whether that shows, and what can be clicked but not reached.
async function tabThrough(page) {
    await page.evaluate(() => { document.activeElement.blur(); globalThis.reached = new Set(); });
    const unseen = [];
    for (let steps = 0; steps < 400; steps++) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate(() => {
            const active = document.activeElement;
            if (globalThis.reached.has(active)) return null;
            if (active === document.body) return { shows: true }; // past the last one; the next is the first
            globalThis.reached.add(active);
            const style = getComputedStyle(active);
            const shows = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || active.matches('.skip');
            return { shows, html: active.outerHTML.slice(0, 150) };
        });
        if (!at) break;
        if (!at.shows) unseen.push(at.html);
    }
    const missed = await page.evaluate(() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
        .filter((each) => each.checkVisibility() && !globalThis.reached.has(each)).map((each) => each.outerHTML.slice(0, 150)));
    return { unseen, missed, reached: await page.evaluate(() => globalThis.reached.size) };
}

const STEPS = {
    // Click through every view and back, in two widths; open what can be opened.
    async views() {
        const page = await openConsole(`#/monitors?monitor=${order.monitor}`);
        for (const width of [1280, 400]) {
            await page.setViewportSize({ width, height: 900 });
            await page.emulateMedia({ colorScheme: width === 400 ? 'dark' : 'light' });
            for (const link of await page.locator('nav a').all()) {
                const view = (await link.getAttribute('href')).replace(/^#\/|\?.*$/g, '');
                await link.click();
                await waitFor(page, view);
                await page.evaluate(() => [...document.querySelectorAll('#content details')].slice(0, 2).forEach((each) => { each.open = true; }));
                await page.waitForFunction(() => [...document.querySelectorAll('#content details[open]')].every((each) => each.lastChild.textContent));
                const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                const faults = await listFaults(page);
                const more = width === 1280 ? { aloud: await readAloud(page), ...(await page.evaluate(readFigures)) } : {};
                tell({ view, width, wide, misplaced: await page.evaluate(findMisplaced), text: await page.locator('#content').innerText(), faults, ...more });
            }
        }
        await page.goBack();
        await waitFor(page, 'events');
        await page.locator('nav a[href^="#/sessions"]').click();
        await waitFor(page, 'sessions');
        await page.locator('tbody a').last().click();
        await waitFor(page, 'session');
        await page.locator('ol.waterfall summary').first().click();
        await page.locator('ol.waterfall pre').first().waitFor();
        const bars = await page.locator('.waterfall .track i').count();
        tell({ view: 'session', misplaced: await page.evaluate(findMisplaced), text: await page.locator('#content').innerText(), bars, faults: await listFaults(page), aloud: await readAloud(page) });
        await page.close();
    },
    // Every control by the keyboard alone, in views with all kinds of them.
    async keyboard() {
        for (const view of ['overview', 'sessions', 'monitors']) {
            const page = await openConsole(`#/${view}?monitor=${order.monitor}`);
            await page.locator('[data-key=live]').uncheck();
            tell({ tabbed: view, ...(await tabThrough(page)) });
            await page.close();
        }
    },
    // Choose a span with the pointer and with the keys.
    async span() {
        const page = await openConsole(`#/overview?monitor=${order.monitor}&range=all`);
        const box = await page.locator('.area').first().boundingBox();
        await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width * 0.5, box.y + 50, { steps: 4 });
        await page.mouse.up();
        await page.waitForFunction(() => location.hash.includes('from='));
        await waitFor(page, 'overview');
        const dragged = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1]);
        await page.locator('.area').first().focus();
        for (const key of ['ArrowRight', 'ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight']) await page.keyboard.press(key);
        const said = await page.locator('#said').innerText();
        await page.keyboard.press('Enter');
        await page.waitForFunction((before) => !location.hash.includes(before), `from=${dragged.get('from')}&`);
        const keyed = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1]);
        tell({ dragged: [dragged.get('from'), dragged.get('to')].map(Number), keyed: [keyed.get('from'), keyed.get('to')].map(Number), said });
        await page.close();
    },
    // A session that is opened while the store is still being read.
    async partial() {
        const span = new URLSearchParams({ monitor: order.monitor, from: 0, to: 9e12 });
        const { rows } = await (await fetch(`${order.endpoint}/_loadgen/api/sessions?${span}`)).json();
        let parts = 2, asked = 0;
        await context.route('**/api/status*', async (route) => {
            const response = await route.fetch();
            const told = await response.json();
            await route.fulfill({ response, json: parts-- > 0 ? { ...told, read: 0, version: `part ${parts}` } : told });
        });
        context.on('request', (request) => { asked += request.url().includes('/api/session?'); });
        const page = await openConsole(`#/session?monitor=${order.monitor}&session=${rows[0].session}`);
        const reading = await page.locator('#reading').innerText();
        await page.waitForFunction(() => !document.querySelector('#reading').textContent);
        tell({ reading, asked });
        await context.unroute('**/api/status*');
        await page.close();
    },
    // The endpoint is away while views are opened, and comes back.
    async away() {
        const page = await openConsole(`#/overview?monitor=${order.monitor}`);
        const { rows } = await (await fetch(`${order.endpoint}/_loadgen/api/sessions?${new URLSearchParams({ monitor: order.monitor, from: 0, to: 9e12 })}`)).json();
        const returned = [];
        isAway = true;
        for (const view of ['pages', 'session', 'events']) {
            await context.route('**/api/**', (route) => route.abort());
            await page.evaluate((hash) => { location.hash = hash; }, `#/${view}?monitor=${order.monitor}&range=all&session=${rows[0].session}`);
            await page.getByRole('alert').filter({ hasText: 'The endpoint does not answer.' }).waitFor();
            await context.unroute('**/api/**');
            await page.waitForFunction(() => !document.querySelector('#content [role=alert]'));
            returned.push([view, await page.locator('#content').innerText()]);
        }
        isAway = false;
        tell({ returned });
        await page.close();
    },
    // Addresses that name what is not there.
    async addresses() {
        const found = {};
        for (const hash of ['#/constructor', '#/overview?from=NaN&to=Infinity', '#/pages?monitor=gone', `#/pages?monitor=${order.monitor}`]) {
            const page = await openConsole(hash);
            found[hash.replace(order.monitor, 'shop')] = { title: await page.title(), hints: await page.locator('.hint').allInnerTexts(), time: await page.locator('[data-key=Time]').count() };
            await page.close();
        }
        tell({ found });
    },
    // Choose a time, a filter and its end, a span by its ends, an order, a text to find, a type: each is in the address.
    async controls() {
        const page = await openConsole(`#/overview?monitor=${order.monitor}&range=all`);
        const chosen = [];
        const choose = async (view, work) => {
            await work();
            await waitFor(page, view);
            const query = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1]);
            query.delete('monitor');
            chosen.push(String(query));
        };
        await choose('overview', () => page.getByLabel('Time').selectOption('30d'));
        const panel = page.locator('details.more > summary');
        await panel.click();
        await page.getByLabel('Filter by').selectOption('device');
        await page.waitForFunction(() => [...document.querySelector('[data-key="filter value"]').options].some((each) => each.value === 'mobile'));
        await page.getByLabel('Value').selectOption('mobile');
        await choose('overview', () => page.getByRole('button', { name: 'Add' }).click());
        await choose('overview', () => page.getByRole('button', { name: 'Remove the filter Device' }).click());
        await panel.click();
        await page.getByLabel('From', { exact: true }).fill('2026-01-01T00:00:00');
        await page.getByLabel('To', { exact: true }).fill('2026-01-01T00:00:01');
        await choose('overview', () => page.getByRole('button', { name: 'Show' }).click());
        const time = await page.getByLabel('Time').inputValue();
        await page.goto(`${order.endpoint}/_loadgen/#/sessions?monitor=${order.monitor}&range=all`);
        await waitFor(page, 'sessions');
        await choose('sessions', () => page.getByLabel('Order').selectOption('views'));
        await page.getByLabel('Find by id').fill('abc');
        await choose('sessions', () => page.getByRole('button', { name: 'Find' }).click());
        await page.goto(`${order.endpoint}/_loadgen/#/events?monitor=${order.monitor}&range=all`);
        await waitFor(page, 'events');
        await choose('events', () => page.getByLabel('Event type').selectOption('com.amazon.rum.http_event'));
        tell({ chosen, time, type: await page.getByLabel('Event type').inputValue() });
        await page.close();
    },
    // Lay a file of ground truth over the plots.
    async truth() {
        const page = await openConsole(`#/overview?monitor=${order.monitor}&range=all`);
        await page.locator('details.more > summary').click();
        await page.locator('input[type=file]').setInputFiles(order.truth);
        await page.waitForFunction(() => document.querySelector('rect.truth'));
        tell({ bands: await page.locator('.area').first().locator('rect.truth title').allTextContents() });
        await page.close();
    },
    // Change quota and faults.
    async switches() {
        const page = await openConsole('#/ingestion');
        await page.fill('[name=quota]', '7');
        await page.fill('[name=errors]', '0.25');
        await page.selectOption('[name=outage]', '403 300');
        await page.click('.switches button');
        await page.waitForFunction(() => document.querySelector('#content').innerText.includes('Faults are on.'));
        tell({ switched: true });
        await page.close();
    },
    // An event of the real web client, from its acceptance to the page.
    async live() {
        const page = await openConsole(`#/events?monitor=${order.monitor}&range=1h`);
        await page.evaluate(() => new MutationObserver(() => {
            const content = document.querySelector('#content');
            if (content.innerText.includes('my.checkout')) globalThis.shownAt ??= globalThis.polls;
        }).observe(document.querySelector('#content'), { childList: true }));
        const site = await context.newPage();
        const started = site.waitForResponse((response) => response.request().method() === 'POST');
        await site.goto(order.site);
        await started;
        const sent = site.waitForResponse((response) => response.request().method() === 'POST' && response.request().postData()?.includes('my.checkout'));
        await site.click('#custom');
        await sent;
        const before = await page.evaluate(() => globalThis.polls);
        await page.waitForFunction(() => globalThis.shownAt);
        tell({ polls: (await page.evaluate(() => globalThis.shownAt)) - before, waits: await page.evaluate(() => globalThis.waits) });
        await page.goto(`${order.endpoint}/_loadgen/#/ingestion`);
        await waitFor(page, 'ingestion');
        tell({ ingestion: await page.locator('#content').innerText() });
        await site.close();
        await page.close();
    },
    // From no app monitor to the events of one's own browser, by what the page says.
    async newcomer() {
        const page = await openConsole('#/monitors');
        await page.fill('[name=name]', 'my-site');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.locator('.file pre').nth(2).waitFor();
        await page.locator('nav a[href^="#/overview"]').click();
        await waitFor(page, 'overview');
        const empty = await page.locator('.hint').innerText();
        await page.goBack();
        await page.locator('.file pre').nth(2).waitFor();
        const files = await page.locator('.file').evaluateAll((all) => all.map((each) => [each.querySelector('h3').textContent, each.querySelector('pre').textContent]));
        const { 'in a shell': shell, ...written } = Object.fromEntries(files);
        for (const [name, text] of Object.entries(written)) writeFileSync(`${order.folder}/${name}`, text);
        const lines = shell.replace('3000', order.port).split('\n');
        execSync(lines[1], { cwd: order.folder });
        const [program, ...rest] = lines[2].split(' ');
        const server = spawn(program, rest, { cwd: order.folder, stdio: 'ignore' });
        const site = await context.newPage();
        while (!(await site.goto(`http://localhost:${order.port}/`).catch(() => null))) await new Promise((done) => setTimeout(done, 100));
        await page.locator('nav a[href^="#/events"]').click();
        await page.waitForFunction(() => document.querySelector('#content').innerText.includes('page view'));
        tell({ empty, install: lines[0], shown: await page.locator('#content').innerText(), monitor: await page.locator('[data-key=Monitor] option').allInnerTexts() });
        server.kill();
        await site.close();
        await page.close();
    },
    // Pictures to look at.
    async pictures() {
        for (const colorScheme of ['light', 'dark']) {
            for (const width of [1280, 400]) {
                const page = await openConsole(`#/overview?monitor=${order.monitor}`);
                await page.emulateMedia({ colorScheme });
                await page.setViewportSize({ width, height: 900 });
                await page.screenshot({ path: `${order.folder}/console-${width}-${colorScheme}.png` });
                tell({ background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor), colorScheme });
                await page.close();
            }
        }
    },
};

for (const step of order.steps) await STEPS[step]();
await browser.close();
