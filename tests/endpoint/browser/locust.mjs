// Locust's own page beside a run: node locust.mjs '{"chromium":…,"url":…}'. Clicks on EDIT, NEW and STOP, and prints
// what the page says to each, and how many plots it shows before and after the run's end.
import { chromium } from 'playwright-core';

const order = JSON.parse(process.argv[2]);
setTimeout(() => { console.error('the steps took more than a minute'); process.exit(1); }, 60e3).unref();
const browser = await chromium.launch({ executablePath: order.chromium, headless: true, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
const page = await browser.newPage();
const click = (name) => page.getByRole('button', { name, exact: true }).first().click();
const notice = page.locator('#rum-refused[role=alert]');

async function hear() {
    await notice.waitFor();
    const said = await notice.innerText();
    await notice.click();
    await notice.waitFor({ state: 'hidden' });
    return said;
}

while (!(await page.goto(`${order.url}?tab=rum`).catch(() => null))) await new Promise((done) => setTimeout(done, 100));
const plots = page.frameLocator('iframe[title="Plots of this run"]').locator('svg');
await plots.nth(3).waitFor();
const before = await plots.count();
await click('Edit');
await click('Update');
const edited = await hear();
// NEW stands there once Locust takes the run for stopped: as it does for a moment at the end.
await page.route('**/stats/requests', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), state: 'stopped' } });
});
await click('New');
await click('Start');
const renewed = await hear();
await page.unroute('**/stats/requests');
await page.reload(); // Locust's page asks no more once it takes the run for stopped
await plots.nth(3).waitFor();
await click('Stop');
const stopped = await hear();
console.log(JSON.stringify({ edited, renewed, stopped, plots: [before, await plots.count()] }));
await browser.close();
