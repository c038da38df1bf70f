// The page's own code: the real web client, set up as an application would, and things for it to notice.
import { AwsRum } from 'aws-rum-web';

const setup = JSON.parse(new URLSearchParams(location.search).get('setup'));
const rum = new AwsRum(setup.monitorId, '1.2.3', setup.region, {
    endpoint: setup.endpoint,
    sessionSampleRate: 1,
    allowCookies: true,
    dispatchInterval: 500,
    telemetries: ['performance', 'errors', 'http'],
    sessionAttributes: { plan: 'gold', 'bad key': 'removed' },
    ...setup.config,
});
if (setup.credentials) {
    rum.setAwsCredentials({ ...setup.credentials, expiration: new Date(Date.now() + 3600 * 1000) });
}
document.querySelector('#error').onclick = () => {
    throw new TypeError('boom');
};
document.querySelector('#missing').onclick = () => fetch('/missing');
document.querySelector('#custom').onclick = () => rum.recordEvent('my.checkout', { items: 3 });
