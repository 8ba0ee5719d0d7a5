// JupyterHub's admin page draws buttons that have an icon alone: each gets a name that can be read out.

const NAMELESS = "button[aria-controls$='-collapse']:not([aria-label])";
const SUFFIX = "-collapse";

/** Name all buttons that show the details of a row. */
function nameButtons() {
  for (const button of document.querySelectorAll(NAMELESS)) {
    const row = button.getAttribute("aria-controls").slice(0, -SUFFIX.length);
    button.setAttribute("aria-label", `Details of ${row}`);
  }
}

nameButtons();
new MutationObserver(nameButtons).observe(document.getElementById("react-admin-hook"), {
  childList: true,
  subtree: true,
});
