// One visit of two pages in a real browser: node visit.mjs '{"chromium":…,"profile":…,"first":…,"second":…,"endpoint":…}'
// Prints the answers that the endpoint gave, as JSON, one a line.
import { chromium } from 'playwright-core';

const order = JSON.parse(process.argv[2]);
const context = await chromium.launchPersistentContext(order.profile, {
    executablePath: order.chromium,
    headless: true,
    args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
    ],
});
context.on('response', (response) => {
    const request = response.request();
    if (request.url().startsWith(order.endpoint)) {
        console.log(JSON.stringify({ method: request.method(), url: request.url(), status: response.status() }));
    }
});
const sent = (page) =>
    page.waitForResponse(
        (response) =>
            response.request().method() === 'POST' &&
            response.url().startsWith(order.endpoint),
    );

const page = await context.newPage();
const first = sent(page);
await page.goto(order.first);
await first;
const second = sent(page);
await page.click('#custom');
await page.click('#missing');
await page.click('#error');
await second;
await page.goto(order.second);
await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
await page.click('#custom');
await page.close();
await context.close();
