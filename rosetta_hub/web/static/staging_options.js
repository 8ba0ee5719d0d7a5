// Files that are fetched before a task starts, and stored when it has ended.

import { all, element } from "./dom.js";

/** Shows what a link or a form that was refused has asked for; empty fields are not sent. */
export function fillStaging(options) {
  const section = element("staging");
  const fields = all("textarea", section);
  for (const field of fields) {
    field.value = options.get(field.name) || "";
    section.open ||= Boolean(field.value);
  }
  section.closest("form").addEventListener("formdata", ({ formData }) => {
    for (const { name } of fields) if (!formData.get(name)?.trim()) formData.delete(name);
  });
}
