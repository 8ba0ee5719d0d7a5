// Shows the desktop in the whole window: connects by itself, makes the desktop as large as the
// window, takes the keyboard, and connects again when the connection is lost.
import RFB from './novnc/core/rfb.js';
import { Clipboard } from './clipboard.js';

const FIRST_DELAY = 500;
const LONGEST_DELAY = 10000;
const PATIENCE = 20000; // for a connection that is neither made nor refused

const screen = document.getElementById('screen');
const overlay = document.getElementById('overlay');
const overlayText = document.getElementById('overlay-text');
const overlayButton = document.getElementById('overlay-button');
const clipboard = new Clipboard();

let rfb = null;
let delay = FIRST_DELAY;
let timer = null;
let asking = false;

function address() {
  const url = new URL('websockify', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

function connect() {
  rfb = new RFB(screen, address());
  timer = setTimeout(() => rfb.disconnect(), PATIENCE);
  rfb.resizeSession = true;
  rfb.showDotCursor = true;
  rfb.background = 'transparent';
  rfb.addEventListener('connect', connected);
  rfb.addEventListener('disconnect', disconnected);
  rfb.addEventListener('desktopname', (event) => { document.title = event.detail.name; });
}

function connected() {
  clearTimeout(timer);
  delay = FIRST_DELAY;
  overlay.hidden = true;
  clipboard.attach(rfb);
  rfb.focus();
}

function disconnected() {
  clearTimeout(timer);
  rfb = null;
  clipboard.detach();
  overlayText.textContent = 'Disconnected. Connecting again…';
  overlayButton.hidden = false;
  overlay.hidden = false;
  timer = setTimeout(retry, delay);
  delay = Math.min(2 * delay, LONGEST_DELAY);
}

// The page may not be ours any more (the task was stopped, the login expired): then load what is
// there now, a waiting room or a login, instead of retrying a connection that is gone.
async function retry() {
  if (rfb !== null || asking) { return; }
  clearTimeout(timer);
  asking = true;
  try {
    const answer = await fetch(location.href, { method: 'HEAD', cache: 'no-store', redirect: 'manual' });
    if (!answer.ok) { location.reload(); return; }
  } catch {
    // no network, or nobody listens: keep trying
  } finally {
    asking = false;
  }
  connect();
}

overlayButton.addEventListener('click', retry);
window.addEventListener('online', retry);
document.addEventListener('visibilitychange', () => { if (!document.hidden) { retry(); } });
window.addEventListener('focus', () => { if (rfb) { rfb.focus(); } });
connect();
