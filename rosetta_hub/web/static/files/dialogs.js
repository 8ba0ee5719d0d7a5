// Questions of the file manager, each a dialog that resolves to its answer; Escape means no.

import { CANCEL, newId, openDialog } from "../dialogs.js";
import { h } from "../dom.js";

/** Asks for a name; resolves to it, null where there is none. `check(name)` gives what is wrong with it. */
export async function askName({ title, label, value = "", action, check }) {
  const id = newId("dialog-name");
  const input = h("input", { class: "form-control", id, value, autocomplete: "off", spellcheck: "false", autofocus: true });
  // The part before the ending is what one changes.
  const end = value.lastIndexOf(".");
  input.addEventListener("focus", () => input.setSelectionRange(0, end > 0 ? end : value.length), { once: true });
  const field = h("div", { class: "field" }, h("label", { class: "form-label", for: id }, label), input);
  const answer = await openDialog({
    title,
    body: [field],
    // Enter presses the first button of a form.
    buttons: [{ value: "yes", label: action, kind: "primary" }, CANCEL],
    check: (pressed) => (pressed ? check(input.value) : ""),
  });
  return answer ? input.value : null;
}

/**
 * What to do with a name that is taken: `{choice: skip | overwrite | rename, forAll}`. Escape skips it;
 * with `cancel` there is a button for giving up, and the choice is "".
 */
export async function askConflict({ name, others, text = "A file or folder of this name is there already.", cancel = false }) {
  const box = h("input", { type: "checkbox", class: "form-check-input", id: "conflict-all" });
  const forAll = h("div", { class: "form-check" }, box, h("label", { class: "form-check-label", for: "conflict-all" }, "Do the same with all others"));
  const choice = await openDialog({
    title: `“${name}” exists`,
    body: [h("p", {}, text), others > 0 ? forAll : null].filter(Boolean),
    buttons: [
      { value: "rename", label: "Keep both", kind: "primary" },
      { value: "overwrite", label: "Overwrite", kind: "danger" },
      { value: "skip", label: "Skip", kind: "outline-secondary" },
      ...(cancel ? [CANCEL] : []),
    ],
  });
  return { choice: choice || (cancel ? "" : "skip"), forAll: box.checked };
}
