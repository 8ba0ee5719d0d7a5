// The buttons above a folder: upload, new folder, new file.

import { h, icon } from "../dom.js";
import { readChosen } from "./dropped.js";

/** `onUpload(chosen)`, `onFolder()` and `onFile()`. */
export function makeToolbar(bar, { onUpload, onFolder, onFile }) {
  const files = field({ multiple: true, "aria-label": "Files to upload" }, onUpload);
  const folder = field({ webkitdirectory: true, "aria-label": "Folder to upload" }, onUpload);
  bar.append(
    menu("Upload", "upload", "primary", [
      { label: "Files…", icon: "file", run: () => files.click() },
      { label: "A folder…", icon: "folder", run: () => folder.click() },
    ]),
    menu("New", "plus", "outline-secondary", [
      { label: "Folder…", icon: "folder", run: onFolder },
      { label: "File…", icon: "document", run: onFile },
    ]),
    files, folder);
}

function field(properties, onUpload) {
  const input = h("input", { type: "file", hidden: true, tabindex: -1, ...properties });
  input.addEventListener("change", () => {
    const choice = readChosen(input.files);
    input.value = "";
    if (choice.files.length) onUpload(choice);
  });
  return input;
}

function menu(label, iconName, kind, entries) {
  const toggle = h("button", { type: "button", class: `btn btn-sm btn-${kind} dropdown-toggle`, "data-bs-toggle": "dropdown", "aria-expanded": "false" }, icon(iconName), h("span", {}, label));
  const items = entries.map((entry) => h("li", {}, h("button", { type: "button", class: "dropdown-item", onclick: entry.run }, icon(entry.icon), ` ${entry.label}`)));
  return h("div", { class: "dropdown" }, toggle, h("ul", { class: "dropdown-menu" }, ...items));
}
