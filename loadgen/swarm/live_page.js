// Shows a run's plots in Locust's web UI, and why it refuses a change. GONE and REFRESH (ms) come before this text.
//
// Locust's tabs hold tables alone: the plots stand in a frame between the tabs and the table of ours.
//
// Its dialogs close on every answer, and with them the reason that they would show: it stands above the page until it is
// clicked on. So does that the run is over; the plots stay as they were then.
const frame = Object.assign(document.createElement('iframe'), { title: 'Plots of this run' });
frame.style.cssText = 'display:none;width:100%;height:1000px;border:0';
setInterval(() => {
    const bar = document.querySelector('[role=tablist]')?.closest('.MuiContainer-root')?.firstElementChild;
    const isShown = new URLSearchParams(location.search).get('tab') === 'rum' && bar;
    if (isShown && !frame.isConnected) {
        bar.after(frame);
        refresh();
    }
    frame.style.display = isShown ? 'block' : 'none';
}, 300);
const refresh = async () => {
    const answer = frame.isConnected && await send('rum').catch(() => null);
    if (answer?.ok) frame.srcdoc = await answer.text();
};
setInterval(refresh, REFRESH);
frame.onload = () => { frame.style.height = `${frame.contentDocument.documentElement.scrollHeight}px`; };
addEventListener('resize', () => frame.isConnected && frame.onload());

const notice = Object.assign(document.createElement('div'), { id: 'rum-refused' });
notice.setAttribute('role', 'alert');
notice.style.cssText = 'display:none;position:fixed;z-index:9999;left:16px;right:16px;top:16px;padding:14px 16px;'
    + 'border-radius:6px;background:#8a1c1c;color:#fff;font:16px/1.4 system-ui,sans-serif;cursor:pointer';
notice.onclick = () => { notice.style.display = 'none'; };
document.body.append(notice);
const tell = (text) => {
    notice.textContent = text;
    notice.style.display = text ? 'block' : 'none';
};
const send = window.fetch;
window.fetch = async (...given) => {
    const answer = await send(...given).catch((error) => {
        if (error.name !== 'AbortError' && notice.textContent !== GONE) tell(GONE);
        throw error;
    });
    if (new URL(answer.url, location).pathname.endsWith('/swarm')) {
        const { success, message } = await answer.clone().json().catch(() => ({}));
        tell(success === false ? message : '');
    }
    return answer;
};
