// The tab "Software": what users have added, and blocking it.

import { CANCEL, openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { ago, moment } from "../format.js";
import { button, confirmDialog, pending, toast } from "../ui.js";
import { changeAdmin, readAdmin } from "./admin_api.js";
import { AdminTable, row } from "./admin_table.js";
import { field } from "./fields.js";
import { Filters, textFilter } from "./filters.js";

const COLUMNS = [["name", "Software"], ["owner", "Owner"], ["image", "Image"], ["state", "State"], ["uses", "Starts"], ["updated", "Changed"], ["actions", "Actions"]];

class SoftwareTab {
  constructor(root) {
    this.filters = new Filters([textFilter("owner", "Owner")], () => this.load());
    this.table = new AdminTable({ label: "Software of users", columns: COLUMNS, onMore: () => this.load(this.next) });
    root.append(this.filters.element, this.table.element);
  }

  show() {
    return this.load();
  }

  async load(after = null) {
    try {
      const { software, next } = await readAdmin("software", { ...this.filters.read(), after });
      this.next = next;
      this.table.show(software.map((version) => this.makeRow(version)), { append: Boolean(after), hasMore: Boolean(next), text: "Users have added no such software." });
    } catch (error) {
      toast(error.message);
    }
  }

  makeRow(version) {
    const block = button(version.blocked ? "Unblock" : "Block", version.blocked ? "play" : "stop", "quiet btn-sm", () => (version.blocked ? this.change("DELETE", version, "/block", block) : this.block(version, block)));
    const remove = button("Delete", "trash", "quiet btn-sm", () => this.remove(version, remove));
    for (const control of [block, remove]) control.setAttribute("aria-label", `${control.lastElementChild.textContent} ${version.name} of ${version.owner.name}`);
    const owner = version.owner.kind === "group" ? `group ${version.owner.name}` : version.owner.name;
    const changed = h("time", { datetime: version.updated, title: moment(version.updated) }, ago(version.updated));
    return row(version.name, owner, h("code", {}, version.image), stateText(version), version.uses, changed, h("div", { class: "actions" }, block, remove));
  }

  async block(version, control) {
    const reason = field("Reason", h("textarea", { class: "form-control", rows: 3, maxlength: 300 }), "Its owner sees it on the card, and where a start is refused.");
    const answer = await openDialog({
      title: `Block “${version.name}” of ${version.owner.name}?`,
      body: [h("p", {}, "Nobody can start it until it is unblocked. Tasks that run go on."), reason.element],
      buttons: [CANCEL, { value: "block", label: "Block", kind: "danger" }],
      check: (value) => (value && !reason.control.value.trim() ? "Write the reason for its owner." : ""),
    });
    if (answer) await this.change("PUT", version, "/block", control, { reason: reason.control.value.trim() });
  }

  async remove(version, control) {
    const sure = await confirmDialog({ title: `Delete “${version.name}” of ${version.owner.name}?`, text: "Its owner is not told. Tasks that run go on.", action: "Delete" });
    if (sure) await this.change("DELETE", version, "", control);
  }

  async change(method, version, rest, control, body = undefined) {
    // What is blocked or deleted is what the administrator sees: its owner may have changed it.
    await pending(control, () => changeAdmin(method, `software/${version.id}${rest}`, body, version.revision));
    await this.load();
  }
}

function stateText({ blocked, policy }) {
  if (blocked) return `Blocked: ${blocked}`;
  if (policy && !policy.allowed) return `Refused by the image policy: ${policy.message}`;
  return policy ? "Allowed by the image policy" : "Not checked";
}

/** Fills the panel. */
export function buildSoftware(root) {
  return new SoftwareTab(root);
}
