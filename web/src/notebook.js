// Markdown and foreign HTML, for the preview of notebooks.

import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

const markdown = new MarkdownIt({ html: true, linkify: false });

/** HTML without anything that runs or is fetched from elsewhere. */
export function sanitize(html) {
  return DOMPurify.sanitize(html, { FORBID_TAGS: ["style", "form", "input", "button"], FORBID_ATTR: ["style", "srcset", "background"] });
}

/** Sanitized HTML of Markdown. */
export function renderMarkdown(text) {
  return sanitize(markdown.render(text));
}
