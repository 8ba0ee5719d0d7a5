// Dragging: entries onto folders, breadcrumbs and storages, and files from outside into a folder.

import { element, h, icon } from "../dom.js";
import { readDropped } from "./dropped.js";

const KIND = "application/x-rosetta-files";

export class DragAndDrop {
  /**
   * `view`: the folder's. `onMove(storage id, folder)`: the dragged entries were dropped there.
   * `onUpload(storage id, folder, dropped)`: files of another program were.
   */
  constructor({ view, getStorages, onMove, onUpload }) {
    this.view = view;
    this.getStorages = getStorages;
    this.onMove = onMove;
    this.onUpload = onUpload;
    this.hint = element("drop-hint");
    this.strip = h("div", { class: "drop-storages", hidden: true, "aria-hidden": "true" });
    document.body.append(this.strip);
    const { body } = view.table;
    body.addEventListener("dragstart", (event) => this.begin(event));
    body.addEventListener("dragend", () => this.end());
    document.addEventListener("dragover", (event) => this.over(event));
    document.addEventListener("dragleave", (event) => {
      // Out of the window; not every browser says so by `relatedTarget`.
      if (!event.relatedTarget && !isInside(event)) this.hideHints();
    });
    document.addEventListener("drop", (event) => this.drop(event));
  }

  begin(event) {
    const path = event.target.closest("tr").dataset.path;
    const { table } = this.view;
    this.paths = table.selection.chosen.has(path) ? table.targets().map((entry) => entry.path) : [path];
    event.dataTransfer.setData(KIND, "1");
    event.dataTransfer.effectAllowed = "copyMove";
    // Changes of the page in the event itself would end the drag.
    setTimeout(() => this.showStorages());
  }

  showStorages() {
    const others = this.getStorages().filter((storage) => storage.id !== this.view.storage?.id && !storage.read_only);
    this.strip.replaceChildren(h("span", {}, "Copy to"), ...others.map((storage) => h("span", { class: "drop-storage", "data-storage": storage.id, "data-folder": "" }, icon("drive"), storage.name)));
    this.strip.hidden = others.length === 0;
  }

  end() {
    this.paths = null;
    this.hideHints();
    this.strip.hidden = true;
  }

  hideHints() {
    this.mark(null);
    this.hint.hidden = true;
  }

  /** Where a drop would go: `{storage, folder, target}`, null where nowhere. */
  find(event, isUpload) {
    const place = event.target.closest("[data-folder]");
    if (place) return place.dataset.storage ? { storage: place.dataset.storage, folder: place.dataset.folder, target: place } : null;
    const row = event.target.closest("tr[data-kind=folder]");
    const storage = this.view.storage?.id;
    if (row) return this.paths?.includes(row.dataset.path) ? null : { storage, folder: row.dataset.path, target: row };
    return isUpload && this.view.isOpen ? { storage, folder: this.view.path, target: null } : null;
  }

  over(event) {
    const isUpload = event.dataTransfer.types.includes("Files");
    if (!isUpload && !this.paths) return;
    event.preventDefault();
    const place = this.find(event, isUpload);
    event.dataTransfer.dropEffect = !place ? "none" : isUpload || place.storage !== this.view.storage?.id ? "copy" : "move";
    this.mark(place?.target || null);
    this.hint.hidden = !(isUpload && place && !place.target);
    this.hint.firstElementChild.textContent = "Drop to upload into this folder";
  }

  mark(target) {
    if (this.marked === target) return;
    this.marked?.classList.remove("drop-target");
    target?.classList.add("drop-target");
    this.marked = target;
  }

  drop(event) {
    const isUpload = event.dataTransfer.types.includes("Files");
    if (!isUpload && !this.paths) return;
    event.preventDefault();
    const place = this.find(event, isUpload);
    const { paths } = this;
    // Read in the event itself.
    const reading = isUpload ? readDropped(event.dataTransfer) : null;
    this.end();
    if (!place) return;
    if (reading) this.onUpload(place.storage, place.folder, reading);
    else this.onMove(paths, place.storage, place.folder);
  }
}

function isInside({ clientX, clientY }) {
  return clientX > 0 && clientY > 0 && clientX < window.innerWidth && clientY < window.innerHeight;
}
