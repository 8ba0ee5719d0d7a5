// How to get into a task: an address for the browser, or a command and a one-time password.

import { call, taskUrl } from "./api.js";
import { h, setText } from "./dom.js";
import { isReady, isWeb } from "./task_states.js";
import { button, copyButton, pending } from "./ui.js";

function line(label, value, ...buttons) {
  return h("div", { class: "connect-line" },
    h("span", { class: "connect-label" }, label), value, h("span", { class: "connect-tools" }, ...buttons));
}

export class ConnectPanel {
  constructor(address, credentials) {
    this.addressBox = address;
    this.credentialsBox = credentials;
    this.address = h("code", { class: "connect-value" });
    this.label = h("span");
    address.append(line(this.label, this.address, copyButton("Copy", () => this.address.textContent)));
    this.makePassword();
  }

  makePassword() {
    this.password = h("code", { class: "connect-value connect-secret", "aria-live": "polite" }, "••••••••••••");
    this.show = button("Show", "eye", "outline-secondary btn-sm", () => pending(this.show, () => this.toggle()));
    this.show.setAttribute("aria-label", "Show the password");
    const copy = copyButton("Copy", async () => (await this.read()).password);
    copy.setAttribute("aria-label", "Copy the password");
    this.credentialsBox.append(line("One-time password", this.password, this.show, copy),
      h("p", { class: "faint" }, "It is this task's alone and ends with it."));
  }

  read() {
    return call("GET", taskUrl(this.task.id, "/password"));
  }

  async toggle() {
    const isShown = this.show.lastElementChild.textContent === "Hide";
    this.password.textContent = isShown ? "••••••••••••" : (await this.read()).password;
    this.setShown(!isShown);
  }

  setShown(isShown) {
    setText(this.show.lastElementChild, isShown ? "Hide" : "Show");
    this.show.setAttribute("aria-label", isShown ? "Hide the password" : "Show the password");
  }

  update(task) {
    const other = this.task && this.task.attempt !== task.attempt;
    this.task = task;
    const ready = isReady(task);
    const address = addressOf(task);
    this.addressBox.hidden = !ready || !address;
    setText(this.label, isWeb(task) ? "Address" : "Command");
    setText(this.address, address);
    this.credentialsBox.hidden = !ready || task.interface?.auth !== "password";
    if (other || this.credentialsBox.hidden) {
      setText(this.password, "••••••••••••");
      this.setShown(false);
    }
  }
}

function addressOf(task) {
  if (task.interface?.url) return task.interface.url;
  return task.open_url ? new URL(task.open_url, location.href).href : "";
}
