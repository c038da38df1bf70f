// The view of app monitors: facts of each, how to connect a page, and a form that creates a monitor.

import { card, copyButton, facts, folded, form, h, json, listing, name, say, showBody, wide } from './dom.js';
import { createMonitor } from './state.js';
import { count, moment } from './units.js';

export async function monitors(context) {
    const list = context.monitors;
    const isLive = context.status?.live;
    return h('div', { class: 'cards' },
        list.length || isLive ? null : wide('No app monitor', h('p', {}, 'This store has none.')),
        isLive && !list.length ? showForm(context, 'No app monitor yet') : null,
        list.map((each) => showMonitor(each, context, list.length > 1 ? card : wide)),
        isLive && list.length ? showForm(context, 'Another app monitor') : null);
}

function showForm(context, title) {
    const field = (key, value, label, hint) => h('label', {}, h('span', {}, label), h('input', { type: 'text', name: key, value, required: true, placeholder: hint, autocomplete: 'off', 'data-key': `new ${key}` }));
    const create = async (filled) => {
        const made = await createMonitor(Object.fromEntries(new FormData(filled)));
        say(`The app monitor ${made.name} is there`);
        await context.reload();
    };
    const fields = [field('name', '', 'name', 'my-site'), field('domain', 'localhost', 'domain of the pages', 'localhost')];
    const node = form('switches', (filled) => context.attempt(() => create(filled)), fields, h('button', { type: 'submit' }, 'Create'));
    node.addEventListener('input', context.holdStill);
    return wide(title, node, h('p', { class: 'note' }, 'It takes custom events and unsigned requests, as a page without credentials sends them. Any other client of RUM creates one too: aws rum create-app-monitor --name my-site --domain localhost'));
}

function showMonitor(each, context, make) {
    const { monitor } = each;
    const id = monitor.Id;
    const connect = context.status?.live ? folded(`connect ${id}`, 'Connect a page', async () => explainConnection(each)) : null;
    if (connect && !each.requests) connect.open = true;
    return make(h('a', { href: context.linkTo('overview', { monitor: id, range: null, from: null, to: null }) }, name(monitor.Name)),
        facts([
            ['state', monitor.State], ['id', h('code', {}, id)],
            ['events', `${count(each.events)} in ${count(each.requests)} requests${each.dropped ? `; ${count(each.dropped)} dropped` : ''}`],
            ['last event', moment(each.last)],
            ['not accepted', `${count(each.rejected.throttled)} throttled, ${count(each.rejected.refused)} refused, ${count(each.rejected.failed)} failed since the start`],
            ['domain', name((monitor.DomainList || [monitor.Domain]).join(', '))],
            ['tags', Object.keys(monitor.Tags).length ? Object.entries(monitor.Tags).map(([key, value]) => h('div', {}, name(key), ': ', name(value))) : 'none'],
        ]),
        connect,
        folded(`settings ${id}`, 'Settings', async () => json(monitor)),
        folded(`metrics ${id}`, `Metrics (${count(each.metrics.reduce((sum, one) => sum + one.count, 0))})`, async () => json(each.metrics)),
        folded(`policy ${id}`, `Resource policy (${each.policy ? 'one' : 'none'})`, async () => (each.policy ? showBody(each.policy) : h('p', { class: 'soft' }, 'None.'))));
}

// The files and shell commands by which the user's own page sends to a monitor.
function explainConnection({ monitor, region, unsigned }) {
    const options = ['    endpoint: ORIGIN,', unsigned ? '    signing: false,' : null, '    sessionSampleRate: 1,', '    allowCookies: true,', "    telemetries: ['performance', 'errors', 'http'],"];
    const script = [
        "import { AwsRum } from 'aws-rum-web';", '',
        `${unsigned ? '' : 'const rum = '}new AwsRum('${monitor.Id}', '1.0.0', '${region}', {`, ...options, '});',
        unsigned ? null : "rum.setAwsCredentials({ accessKeyId: '…', secretAccessKey: '…', expiration: new Date(Date.now() + 3600e3) });",
    ].filter((line) => line !== null).join('\n').replace('ORIGIN', `'${location.origin}'`);
    const page = '<!doctype html>\n<title>My site</title>\n<script src="bundle.js"></script>\n<h1>My site</h1>';
    const shell = 'npm install aws-rum-web esbuild\nnpx esbuild rum.js --bundle --outfile=bundle.js\npython3 -m http.server 3000 --bind 127.0.0.1';
    return h('div', { class: 'inside' },
        showFile('rum.js', script), showFile('index.html', page), showFile('in a shell', shell),
        h('p', { class: 'note' }, 'Then open ', h('code', {}, `${location.protocol}//localhost:3000/`), '. Its first events are here after 5 seconds. A page that has CloudWatch’s own snippet already needs the same options in it, with this id, and no identityPoolId and guestRoleArn.'));
}

function showFile(title, text) {
    return h('div', { class: 'file' }, h('h3', {}, title), h('div', { class: 'json' }, copyButton(text, `copy ${title}`), listing(title, text)));
}
