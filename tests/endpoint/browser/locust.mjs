// Locust's own page beside a run: node locust.mjs '{"chromium":…,"url":…}'. Edits the run, and prints what the page says.
import { chromium } from 'playwright-core';

const order = JSON.parse(process.argv[2]);
setTimeout(() => { console.error('the steps took more than a minute'); process.exit(1); }, 60e3).unref();
const browser = await chromium.launch({ executablePath: order.chromium, headless: true, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
const page = await browser.newPage();
while (!(await page.goto(order.url).catch(() => null))) await new Promise((done) => setTimeout(done, 100));
await page.getByText('Edit', { exact: true }).first().click();
await page.getByRole('button', { name: 'Update' }).click();
const notice = page.getByRole('alert').filter({ hasText: 'loadgen' });
await notice.waitFor();
const said = await notice.innerText();
await notice.click();
await notice.waitFor({ state: 'hidden' });
console.log(JSON.stringify({ said }));
await browser.close();
