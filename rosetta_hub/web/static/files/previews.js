// What of a file can be shown without opening it in a program: an element for each kind.

import { h } from "../dom.js";
import { button } from "../ui.js";
import { loadBundled } from "./bundled.js";
import { previewKind } from "./entries.js";
import { askPreview, downloadUrl, fileUrl, previewUrl } from "./files_api.js";
import { makeNotebook } from "./notebook.js";

/** The preview of an entry; throws what the API says where there is none. */
export async function makePreview(storage, entry) {
  const kind = previewKind(entry);
  const makers = { image: makeImage, converted: makeConverted, pdf: makePdf, table: makeTable, notebook: showNotebook, fits: makeFits, text: makeText, none: makeNothing };
  return makers[kind](storage, entry);
}

async function makeText(storage, entry) {
  const { text, truncated } = await askPreview(storage.id, entry.path, "text");
  if (!text) return h("p", { class: "viewer-note" }, "This file is empty.");
  return h("div", {}, h("pre", { class: "viewer-text", tabindex: "0", "aria-label": `Text of ${entry.name}` }, text), cutNote(truncated, "the first part"));
}

async function makeTable(storage, entry) {
  const { rows, truncated } = await askPreview(storage.id, entry.path, "table");
  if (rows.length === 0) return h("p", { class: "viewer-note" }, "This file is empty.");
  const [head, ...rest] = rows;
  const table = h("table", { class: "viewer-table" },
    h("thead", {}, h("tr", {}, ...head.map((cell) => h("th", { scope: "col" }, cell)))),
    h("tbody", {}, ...rest.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))));
  return h("div", {}, h("div", { class: "viewer-scroll", tabindex: "0", role: "region", "aria-label": `Table of ${entry.name}` }, table), cutNote(truncated, "the first rows and columns"));
}

async function showNotebook(storage, entry) {
  const [notebook, bundled] = await Promise.all([askPreview(storage.id, entry.path, "notebook"), loadBundled("notebook")]);
  return h("div", { class: "viewer-fill" }, makeNotebook(notebook, bundled, entry.name), cutNote(notebook.truncated, "the first cells"));
}

async function makeFits(storage, entry) {
  const { hdus, truncated } = await askPreview(storage.id, entry.path, "fits");
  return h("div", {}, ...hdus.map((hdu) => makeHdu(storage, entry, hdu)), cutNote(truncated, "the first headers"));
}

function makeHdu(storage, entry, hdu) {
  const title = [`${hdu.index}`, hdu.name, hdu.kind, hdu.shape.join(" × ")].filter(Boolean).join(" · ");
  const rows = hdu.cards.map(([keyword, value, comment]) => h("tr", {}, h("th", { scope: "row" }, keyword), h("td", {}, valueText(value)), h("td", { class: "faint" }, comment)));
  const header = h("details", { open: hdu.index === 0 && !hdu.is_image },
    h("summary", {}, `Header, ${hdu.cards.length} cards`),
    h("div", { class: "viewer-scroll", tabindex: "0", role: "region", "aria-label": `Header of HDU ${hdu.index}` }, h("table", { class: "viewer-table viewer-cards" }, h("tbody", {}, ...rows))));
  const image = hdu.is_image ? imageOf(previewUrl(storage.id, entry.path, "image", { hdu: String(hdu.index) }), `Image of HDU ${hdu.index} of ${entry.name}`) : null;
  return h("section", { class: "viewer-hdu" }, h("h3", {}, title), ...(image ? [image] : []), header);
}

function valueText(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "T" : "F";
  return String(value);
}

function makeImage(storage, entry) {
  return imageOf(fileUrl(storage.id, entry.path, { etag: entry.etag }), entry.name);
}

function makeConverted(storage, entry) {
  return imageOf(previewUrl(storage.id, entry.path, "image"), entry.name);
}

function imageOf(url, alt) {
  const image = h("img", { class: "viewer-image", src: url, alt });
  const box = h("div", { class: "viewer-picture" }, image);
  image.addEventListener("error", () => box.replaceChildren(h("p", { class: "viewer-note" }, "This image can't be shown. Download it to look at it with a program of yours.")));
  return box;
}

function makePdf(storage, entry) {
  const open = button("Open in a new tab", "open", "primary", () => window.open(fileUrl(storage.id, entry.path), "_blank", "noopener"));
  return h("div", { class: "viewer-note" }, h("p", {}, "The browser shows PDF files in a tab of their own."), open);
}

function makeNothing(storage, entry) {
  const text = entry.type === "file" || entry.target_type === "file"
    ? "There is no preview of this kind of file. Download it to open it with a program of yours."
    : "This is no file that could be opened.";
  const download = entry.type === "file" ? h("p", {}, h("a", { class: "btn btn-primary", href: downloadUrl(storage.id, entry.path), download: "" }, "Download")) : null;
  return h("div", { class: "viewer-note" }, h("p", {}, text), ...(download ? [download] : []));
}

function cutNote(isCut, what) {
  return isCut ? h("p", { class: "viewer-cut" }, `Only ${what} are shown. Download the file to see all of it.`.replace("part are", "part is")) : "";
}
