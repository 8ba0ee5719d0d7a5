// The section "Your data": what is stored about the user, to take along or to delete.

import { apiUrl, call } from "../api.js";
import { first, h, icon } from "../dom.js";
import { pending } from "../ui.js";
import { labelled, textField } from "./fields.js";

const EXPORT = `Everything that this service stores about you, in one file: tasks, mails, choices, software, the log of what you
  did. Private keys, passwords and files of your storages are not in it.`;
const DELETION = `Deletes your ended tasks with their logs, your keys, accounts at registries, software, choices and what
  else is stored here. You stay a user of the hub and log in as before; your files in storages stay, and so does the
  administrators' log of what was done. Stop your tasks first.`;

function download(text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: "rosetta-data.json" }).click();
  URL.revokeObjectURL(url);
}

function buildExport() {
  const control = h("button", { class: "btn btn-primary", type: "button" }, icon("download"), h("span", {}, "Download my data"));
  control.addEventListener("click", () => pending(control, async () => {
    download(JSON.stringify(await call("GET", apiUrl("account/data")), null, 1));
  }));
  return h("div", { class: "panel account-form" }, h("h3", {}, "Take it along"), h("p", { class: "faint" }, EXPORT),
    h("div", { class: "actions" }, control));
}

function buildDeletion(name) {
  const typed = textField({ id: "data-name", required: true, autocomplete: "off" });
  const control = h("button", { class: "btn btn-outline-danger", type: "submit", disabled: true }, "Delete my data");
  const form = h("form", { class: "panel account-form", id: "data-form", "aria-labelledby": "data-form-title" },
    h("h3", { id: "data-form-title" }, "Delete it"), h("p", { class: "faint" }, DELETION),
    ...labelled(`Type ${name} to delete it`, typed), h("div", { class: "actions" }, control));
  typed.addEventListener("input", () => { control.disabled = typed.value !== name; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const isDeleted = await pending(control, () => call("POST", apiUrl("account/data/delete"), { name: typed.value }));
    // What the page shows is not there any more.
    if (isDeleted) location.reload();
  });
  return form;
}

export function buildData(root) {
  root.append(buildExport(), buildDeletion(first("main").dataset.user));
}
