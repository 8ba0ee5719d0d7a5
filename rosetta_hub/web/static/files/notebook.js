// A notebook as a document of its own, in a frame where no script runs and nothing is fetched.

import { h } from "../dom.js";

const STYLE = new URL("notebook.css", import.meta.url).href;
const IMAGES = ["image/png", "image/jpeg"];

/** The frame; `bundled` is the module of that name with Markdown and the sanitizer. */
export function makeNotebook(notebook, bundled, name) {
  const theme = document.documentElement.dataset.bsTheme || "light";
  const cells = notebook.cells.map((cell) => makeCell(cell, bundled)).join("");
  const frame = h("iframe", { class: "viewer-frame", sandbox: "", title: `Notebook ${name}` });
  // Nothing but our own stylesheet and images that are part of the notebook.
  const policy = `default-src 'none'; img-src data:; style-src ${location.origin}`;
  frame.srcdoc = `<!DOCTYPE html><html lang="en" data-theme="${theme}"><head><meta charset="utf-8">`
    + `<meta http-equiv="Content-Security-Policy" content="${escapeText(policy)}"><title>${escapeText(name)}</title>`
    + `<link rel="stylesheet" href="${escapeText(STYLE)}"></head><body>${cells || "<p>This notebook is empty.</p>"}</body></html>`;
  return frame;
}

function makeCell(cell, bundled) {
  if (cell.type === "markdown") return `<section class="markdown">${bundled.renderMarkdown(cell.source)}</section>`;
  const outputs = (cell.outputs || []).map((output) => makeOutput(output, bundled)).join("");
  const count = cell.execution_count ?? " ";
  const prompt = cell.type === "code" ? `<span class="prompt">[${escapeText(String(count))}]</span>` : "";
  return `<section class="${cell.type === "code" ? "code" : "raw"}">${prompt}<pre class="source">${escapeText(cell.source)}</pre>${outputs}</section>`;
}

function makeOutput(output, { sanitize, renderMarkdown }) {
  if (output.type === "stream") return `<pre class="output">${escapeText(output.text)}</pre>`;
  if (output.type === "error") return `<pre class="output error">${escapeText(output.traceback || `${output.name}: ${output.value}`)}</pre>`;
  const { data } = output;
  const image = IMAGES.find((kind) => data[kind]);
  if (image) return `<div class="output"><img alt="Output of the cell" src="data:${image};base64,${escapeText(data[image])}"></div>`;
  if (data["text/html"]) return `<div class="output html">${sanitize(data["text/html"])}</div>`;
  if (data["text/markdown"]) return `<div class="output html">${renderMarkdown(data["text/markdown"])}</div>`;
  return `<pre class="output">${escapeText(data["text/plain"] || data["text/latex"] || "")}</pre>`;
}

function escapeText(text) {
  const letters = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (letter) => letters[letter]);
}
