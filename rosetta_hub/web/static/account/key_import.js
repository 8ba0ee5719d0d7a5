// Asks for a private key that the user has already.

import { h, setText } from "../dom.js";
import { newId } from "../dialogs.js";
import { labelled, textField } from "./fields.js";

const HINT = `Paste a private key in OpenSSH's format, such as the content of ~/.ssh/id_ed25519. The hub stores it encrypted,
  without its passphrase, in the place of the present key.`;

/**
 * Opens a dialog that stays until `send({private_key, passphrase})` has worked or the user gives up;
 * resolves to what `send` has, null otherwise. A refusal is shown in the dialog.
 */
export function importKey(name, send) {
  const titleId = newId("dialog-title");
  const key = h("textarea", {
    class: "form-control account-key", id: newId("private-key"), rows: "6", required: true, maxlength: "16384",
    autocomplete: "off", spellcheck: "false", autofocus: true,
  });
  const passphrase = textField({
    id: newId("passphrase"), type: "password", maxlength: "1024", autocomplete: "off",
  });
  const fault = h("p", { class: "dialog-fault", role: "alert", hidden: true });
  const use = h("button", { class: "btn btn-primary", type: "submit" }, "Use this key");
  const cancel = h("button", { class: "btn btn-outline-secondary", type: "button" }, "Cancel");
  const form = h("form", {},
    h("h2", { id: titleId }, `Import a key for ${name}`), h("p", {}, HINT),
    h("div", { class: "field" }, ...labelled("Private key", key)),
    h("div", { class: "field" }, ...labelled("Passphrase (if it has one; used once, not kept)", passphrase)),
    fault, h("div", { class: "actions" }, use, cancel));
  const dialog = h("dialog", { class: "dialog dialog-wide", "aria-labelledby": titleId }, form);
  cancel.addEventListener("click", () => dialog.close());
  let answer = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    use.disabled = true;
    try {
      answer = await send({ private_key: key.value, passphrase: passphrase.value || null });
      dialog.close();
    } catch (error) {
      fault.hidden = false;
      setText(fault, error.message);
    }
    use.disabled = false;
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
  });
}
