// Elements out of data. Text is only ever set as text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = new URL("icons.svg", import.meta.url).href;

/**
 * The page's element with this id. The templates say of what kind it is, which no checker sees.
 * @param {string} id
 * @returns {any}
 */
export const element = (id) => document.getElementById(id);

/**
 * All elements that a selector finds below a root, in the order of the page.
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any[]}
 */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/**
 * The first element that a selector finds below a root, or null.
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any}
 */
export const first = (selector, root = document) => root.querySelector(selector);

/**
 * An element with properties (`class`, `onclick`, `hidden`, `aria-*`, `data-*`…) and children.
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Where access can be asked for; null where there is no address. */
export function requestLink(address) {
  return address ? h("a", { href: address }, "Ask for access") : null;
}

/** An icon of icons.svg; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${ICONS}#${name}`);
  svg.append(use);
  return svg;
}

/** Sets a text only where it changes, so that a screen reader is not told twice. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const QUOTED = /`([^`]+)`/;

/** Sets a message of the service, with what stands in backticks as code; only where it changes. */
export function setMessage(node, text) {
  if (node.textContent === plainText(text)) return;
  node.replaceChildren(...text.split(QUOTED).map((part, index) => (index % 2 ? h("code", {}, part) : part)));
}

/** Tells screen readers, politely, what a sighted user sees change. */
export function announce(text) {
  const region = element("announce");
  if (region) setText(region, text);
}

/** A message without its backticks, for what is read aloud. */
export function plainText(text) {
  return text.split(QUOTED).join("");
}

/** The square of a software: its logo, or its first letter where it has none or it can't be had. */
export function tile(software) {
  const name = software.name || "?";
  const letter = [...name][0].toUpperCase();
  const box = h("span", { class: `tile tile-${tint(name)}`, "aria-hidden": "true" });
  if (software.logo) showLogo(box, h("img", { src: software.logo, alt: "" }), letter);
  else box.textContent = letter;
  return box;
}

/** One of the six tints of tiles, the same as in options_form.html. */
function tint(name) {
  return ("abcdefghijklmnopqrstuvwxyz".indexOf(name[0].toLowerCase()) + 1 + [...name].length) % 6;
}

/** Puts a letter in the place of a logo that can't be loaded. */
export function showLogo(box, image, letter) {
  const fail = () => box.replaceChildren(letter);
  image.addEventListener("error", fail);
  if (image.complete && image.isConnected && image.naturalWidth === 0) fail();
  else if (!image.isConnected) box.replaceChildren(image);
}

/** Copies a text; false where the browser does not let us. */
export async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }
  // navigator.clipboard exists on https and localhost only; a hub on plain http is neither.
  const area = h("textarea", { class: "visually-hidden", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
