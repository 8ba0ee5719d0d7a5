// The tab "Announcements": what everybody sees on every page.

import { CANCEL, openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { moment } from "../format.js";
import { button, pending, toast } from "../ui.js";
import { changeAdmin, readAdmin } from "./admin_api.js";
import { AdminTable, row } from "./admin_table.js";
import { checkField, field, selectField } from "./fields.js";

const LEVELS = [["info", "Information"], ["warning", "Warning"], ["critical", "Important"]];

class AnnouncementsTab {
  constructor(root) {
    this.table = new AdminTable({ label: "Announcements", columns: [["text", "Text"], ["level", "Level"], ["time", "Shown"], ["by", "By"], ["actions", "Actions"]] });
    const add = button("New announcement", "plus", "primary btn-sm", () => this.edit(null));
    root.append(
      h("div", { class: "admin-head" }, h("p", { class: "faint" }, "Everybody sees them within half a minute: on the pages of hub and service, and on the login page. The text is plain."), add),
      this.table.element);
  }

  show() {
    return this.load();
  }

  async load() {
    try {
      const { announcements } = await readAdmin("announcements");
      this.table.show(announcements.map((announcement) => this.makeRow(announcement)), { text: "There are no announcements." });
    } catch (error) {
      toast(error.message);
    }
  }

  makeRow(announcement) {
    const label = announcement.text.slice(0, 40);
    const edit = button("Edit", "edit", "quiet btn-sm", () => this.edit(announcement));
    const remove = button("Delete", "trash", "quiet btn-sm", () => this.remove(announcement, remove));
    edit.setAttribute("aria-label", `Edit ${label}`);
    remove.setAttribute("aria-label", `Delete ${label}`);
    const text = h("div", { class: "admin-lines" }, announcement.text);
    const level = LEVELS.find(([value]) => value === announcement.level)?.[1] ?? announcement.level;
    return row(text, level, whenText(announcement), announcement.updated_by, h("div", { class: "actions" }, edit, remove));
  }

  async edit(announcement) {
    const text = field("Text", h("textarea", { class: "form-control", rows: 4, maxlength: 2000 }));
    text.control.value = announcement?.text ?? "";
    const level = selectField("Level", LEVELS, announcement?.level ?? "info");
    const starts = field("From", h("input", { class: "form-control", type: "datetime-local" }), "Empty: at once.");
    const ends = field("Until", h("input", { class: "form-control", type: "datetime-local" }), "Empty: until it is deleted.");
    starts.control.value = localTime(announcement?.starts);
    ends.control.value = localTime(announcement?.ends);
    const dismissable = checkField("Users may dismiss it", announcement?.dismissable ?? true);
    const read = () => ({
      text: text.control.value.trim(), level: level.control.value, dismissable: dismissable.control.checked,
      starts: isoTime(starts.control.value), ends: isoTime(ends.control.value),
    });
    const answer = await openDialog({
      title: announcement ? "Edit the announcement" : "New announcement",
      body: [text, level, starts, ends, dismissable].map(({ element }) => element),
      buttons: [{ value: "save", label: announcement ? "Save" : "Announce", kind: "primary" }, CANCEL],
      check: (value) => (value ? faultOf(read()) : ""),
    });
    if (!answer) return;
    const { starts: begin, ...rest } = read();
    // What is left out begins at once.
    await this.change(announcement ? "PUT" : "POST", announcement ? `announcements/${announcement.id}` : "announcements", begin ? { ...rest, starts: begin } : rest, announcement?.version);
  }

  async change(method, path, body, version) {
    try {
      await changeAdmin(method, path, body, version);
      await this.load();
    } catch (error) {
      toast(error.message);
    }
  }

  remove(announcement, control) {
    return pending(control, async () => {
      await changeAdmin("DELETE", `announcements/${announcement.id}`, undefined, announcement.version);
      await this.load();
    });
  }
}

function faultOf({ text, starts, ends }) {
  if (!text) return "Write what is to be announced.";
  if (ends && ends <= (starts || new Date().toISOString())) return "It ends before it begins: choose a later time.";
  return "";
}

function whenText({ starts, ends }) {
  const now = new Date().toISOString();
  if (ends && new Date(ends).toISOString() <= now) return `ended ${moment(ends)}`;
  const until = ends ? `until ${moment(ends)}` : "until it is deleted";
  return new Date(starts).toISOString() > now ? `from ${moment(starts)} ${until}` : until;
}

/** A moment as a field of date and time has it, in the browser's time zone. */
function localTime(iso) {
  if (!iso) return "";
  const at = new Date(iso);
  return new Date(at.getTime() - 60000 * at.getTimezoneOffset()).toISOString().slice(0, 16);
}

const isoTime = (local) => (local ? new Date(local).toISOString() : null);

/** Fills the panel. */
export function buildAnnouncements(root) {
  return new AnnouncementsTab(root);
}
