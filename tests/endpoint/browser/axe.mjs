// What axe-core finds wrong in pages, wide and light, narrow and dark: node axe.mjs CHROMIUM FILE…; JSON, one a line.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { chromium } from 'playwright-core';

const [executablePath, ...files] = process.argv.slice(2);
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
for (const file of files) {
    for (const [width, colorScheme] of [[1280, 'light'], [400, 'dark']]) {
        const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
        await page.goto(pathToFileURL(file).href);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        const faults = violations.flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 200)}`));
        console.log(JSON.stringify({ file, width, faults }));
        await page.close();
    }
}
await browser.close();
