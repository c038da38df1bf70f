// Bundle page.js with the web client: node bundle.mjs OUTFILE
import { build } from 'esbuild';

await build({
    entryPoints: [new URL('page.js', import.meta.url).pathname],
    bundle: true,
    format: 'iife',
    outfile: process.argv[2],
    logLevel: 'error',
});
