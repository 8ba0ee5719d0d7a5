// The pages that a user may see instead of a task. No scripts; styled by one inline sheet.

import { createHash } from "node:crypto";

const STYLE = `
:root { color-scheme: light dark; }
body { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  line-height: 1.5; margin: 0; color: #212529; background: #f8f9fa; }
main { max-width: 32rem; margin: 12vh auto 0; padding: 2rem; background: #fff;
  border: 1px solid #dee2e6; border-radius: .5rem; }
h1 { font-size: 1.5rem; font-weight: 500; margin: 0 0 1rem; overflow-wrap: anywhere; }
a.button { display: inline-block; margin-top: .5rem; padding: .375rem .75rem; border-radius: .375rem;
  color: #fff; background: #0d6efd; text-decoration: none; }
a.button:hover, a.button:focus-visible { background: #0b5ed7; outline: 2px solid #86b7fe; }
@media (prefers-color-scheme: dark) {
  body { color: #dee2e6; background: #212529; }
  main { background: #2b3035; border-color: #495057; }
}
@media (max-width: 36rem) { main { margin: 0; border: 0; border-radius: 0; } }
`;
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
};

function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

function buildPage({ title, message, link, label, refresh }) {
  const meta = refresh ? `<meta http-equiv="refresh" content="${refresh}">` : "";
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${meta}
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(message)}</p>
<a class="button" href="${escapeHtml(link)}">${escapeHtml(label)}</a>
</main>
</body>
</html>
`;
}

/** The task has no interface yet, or has none any more. Asks again by itself every `seconds`. */
export function buildWaitingPage(task, seconds) {
  return buildPage({
    title: `${task.name} is not answering yet`,
    message: "This page opens by itself when it does. Its own page says what it is doing now.",
    link: task.roomUrl,
    label: "See what it is doing",
    refresh: seconds,
  });
}

/** The ticket in the link was used, is too old, or was issued for another browser. */
export function buildTicketPage(task) {
  return buildPage({
    title: "This link can't be used",
    message: `A link that opens ${task.name} works once, for a short time, and only in the browser that asked for it.`,
    link: task.openUrl,
    label: `Open ${task.name} again`,
    refresh: null,
  });
}
