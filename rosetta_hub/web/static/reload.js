// A script or style that did not arrive leaves a dead page: it is loaded again, a few times at most.
// Chromium aborts what it is loading when the machine's networks change, as they do where containers
// start next to the browser. A classic script, first in the head, so that it sees the others fail.
(() => {
  const KEY = "rosetta-reloads";
  const MOST = 3;
  const WAIT = 500;

  const count = () => Number(window.sessionStorage.getItem(KEY) || 0);
  let isReloading = false;
  const missed = ({ target }) => {
    const page = target instanceof HTMLScriptElement || target instanceof HTMLLinkElement;
    if (!page || isReloading || count() >= MOST) return;
    isReloading = true;
    window.sessionStorage.setItem(KEY, String(count() + 1));
    window.setTimeout(() => window.location.reload(), WAIT);
  };

  // Errors of elements do not bubble, but are seen on the way down.
  window.addEventListener("error", missed, true);
  window.addEventListener("load", () => { if (!isReloading) window.sessionStorage.removeItem(KEY); });
})();
