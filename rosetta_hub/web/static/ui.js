// Messages, questions, and buttons that wait for their answer.

import { copyText, element, h, icon } from "./dom.js";

const TOAST_TIME = 10000;

/** A message at the edge of the page: `kind` is `error` or `done`. */
export function toast(text, kind = "error") {
  const close = h("button", { class: "btn-close", type: "button", "aria-label": "Close" });
  const box = h("div", { class: `notification notification-${kind}`, role: kind === "error" ? "alert" : "status" },
    icon(kind === "error" ? "alert" : "check"), h("span", {}, text), close);
  const remove = () => box.remove();
  close.addEventListener("click", remove);
  element("toasts").append(box);
  setTimeout(remove, TOAST_TIME);
}

/** Asks before something that can't be undone; resolves to a boolean. Escape means no. */
export function confirmDialog({ title, text, action }) {
  const cancel = h("button", { class: "btn btn-outline-secondary", value: "no", autofocus: true }, "Cancel");
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      h("p", {}, text),
      h("div", { class: "actions" }, cancel, h("button", { class: "btn btn-danger", value: "yes" }, action))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/** A button with an icon; `kind` is a Bootstrap variant. */
export function button(label, iconName, kind, onclick) {
  return h("button", { type: "button", class: `btn btn-${kind}`, onclick }, icon(iconName), h("span", {}, label));
}

/** A link that looks like a button. */
export function linkButton(label, iconName, kind, properties = {}) {
  return h("a", { class: `btn btn-${kind}`, ...properties }, icon(iconName), h("span", {}, label));
}

/** Runs an action with its button disabled; an error becomes a message. True when it worked. */
export async function pending(control, action) {
  control.disabled = true;
  control.setAttribute("aria-busy", "true");
  try {
    await action();
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  } finally {
    control.disabled = false;
    control.removeAttribute("aria-busy");
  }
}

/** A button that copies what `read()` gives (a text, or a promise of one) and says so. */
export function copyButton(label, read) {
  const control = button(label, "copy", "outline-secondary btn-sm", async () => {
    await pending(control, async () => {
      if (!(await copyText(await read()))) throw new Error("The browser does not allow copying. Select the text instead.");
      const text = control.lastElementChild;
      text.textContent = "Copied";
      setTimeout(() => { text.textContent = label; }, 1500);
    });
  });
  return control;
}
