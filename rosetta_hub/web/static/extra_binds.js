// Directories of the resource that a task gets beside its storages: a line each, with the path there
// and the path in the task. Help only: the service checks what is sent, the resource where links lead.

import { all, element, first, h, icon, setText } from "./dom.js";

const MOST = 16;

export class ExtraBinds {
  /** `binds` are binds as texts, such as `/data/m31:/storages/m31`, that stand in lines at first. */
  constructor(box, binds) {
    this.box = box;
    this.lines = element("bind-lines");
    this.add = element("add-bind");
    this.add.addEventListener("click", () => this.addLine().focus());
    this.prefixes = [];
    for (const bind of binds) {
      const [source, ...rest] = bind.split(":");
      this.addLine(source, rest.join(":"));
    }
    // What a link asks for must not start unseen, and what is to be mended has to be seen.
    box.open = binds.length > 0;
    box.addEventListener("invalid", () => { box.open = true; }, true);
  }

  /** Shows what a resource allows; lines stay while another resource is looked at. */
  show(resource) {
    this.prefixes = resource?.extra_binds || [];
    this.box.hidden = !this.prefixes.length;
    const fields = first("fieldset", this.box);
    fields.disabled = this.box.hidden;
    setText(element("binds-hint"), `Directories of ${resource?.name} in ${this.prefixes.join(" or ")}.`);
    this.update();
  }

  /** A line at the end; returns its first field. */
  addLine(source = "", target = "") {
    const from = this.field("Directory", source.trim(), "/data/…");
    const to = this.field("Path in the task", target.trim(), "/storages/…");
    const hint = h("p", { class: "form-text form-fault", role: "status" });
    const remove = h("button", { type: "button", class: "btn btn-outline-secondary", "aria-label": "Remove this directory" }, icon("close"));
    const line = h("li", { class: "bind-line" }, from.label, to.label, remove, hint);
    remove.addEventListener("click", () => this.removeLine(line));
    this.lines.append(line);
    this.update();
    return from.input;
  }

  field(name, value, placeholder) {
    const input = h("input", { class: "form-control", autocomplete: "off", spellcheck: "false", placeholder });
    input.value = value;
    input.addEventListener("input", () => this.update());
    return { input, label: h("label", {}, h("span", { class: "form-label" }, name), input) };
  }

  removeLine(line) {
    const next = line.nextElementSibling || line.previousElementSibling;
    line.remove();
    this.update();
    (next ? first("input", next) : this.add).focus();
  }

  update() {
    const binds = all("li", this.lines).map((line) => this.readLine(line)).filter(Boolean);
    const field = element("option-binds");
    field.value = binds.join(",");
    field.disabled = !binds.length;
    this.add.disabled = this.lines.childElementCount >= MOST;
  }

  /** The bind of a line as it is sent; empty for a line that is. */
  readLine(line) {
    const [from, to] = all("input", line);
    const name = from.value.trim().split("/").filter(Boolean).at(-1);
    to.placeholder = name ? `/storages/${name}` : "/storages/…";
    const source = from.value.trim();
    const target = to.value.trim() || (name ? to.placeholder : "");
    const isEmpty = !source && !target;
    const faults = isEmpty ? ["", ""] : [this.sourceFault(source), pathFault(target)];
    [from, to].forEach((input, index) => {
      input.setCustomValidity(faults[index]);
      input.setAttribute("aria-invalid", String(Boolean(faults[index])));
    });
    setText(first(".form-fault", line), faults.find(Boolean) || "");
    return isEmpty ? "" : `${source}:${target}`;
  }

  sourceFault(source) {
    const isAllowed = this.prefixes.some((prefix) => source === prefix || source.startsWith(`${prefix}/`));
    if (pathFault(source) || isAllowed || !this.prefixes.length) return pathFault(source);
    return `Write a directory in ${this.prefixes.join(" or ")}.`;
  }
}

function pathFault(path) {
  if (!path.startsWith("/")) return "Write an absolute path, which begins with /.";
  if (/[:,]/.test(path)) return "A path that is bound has no colons and no commas.";
  const names = path.replace(/\/+$/, "").split("/").slice(1);
  return names.some((name) => ["", ".", ".."].includes(name)) ? "Write the path without '.', '..' and double slashes." : "";
}
