// Markdown and foreign HTML, for the preview of notebooks.

import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

const markdown = new MarkdownIt({ html: true, linkify: false });

// What browsers fetch by themselves; what links of users name is fetched by a click alone.
const FETCHED = ["src", "href", "xlink:href"];
const LINKS = ["a", "area"];

// The frame's own policy refuses addresses as well, but it is an element of the same document.
DOMPurify.addHook("uponSanitizeAttribute", (node, attribute) => {
  const isFetched = FETCHED.includes(attribute.attrName) && !LINKS.includes(node.nodeName.toLowerCase());
  if (isFetched && !/^(data:|#)/i.test(attribute.attrValue)) attribute.keepAttr = false;
});

/** HTML without anything that runs or is fetched from elsewhere. */
export function sanitize(html) {
  return DOMPurify.sanitize(html, { FORBID_TAGS: ["style", "form", "input", "button", "audio", "video"], FORBID_ATTR: ["style", "srcset", "background"] });
}

/** Sanitized HTML of Markdown. */
export function renderMarkdown(text) {
  return sanitize(markdown.render(text));
}
