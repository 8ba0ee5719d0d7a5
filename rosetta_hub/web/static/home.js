// The servers that the hub starts itself: stop and delete.

import { all, element, first } from "./dom.js";
import { deleteServer } from "./hub.js";

const { xsrf } = first("main").dataset;
const problem = element("server-error");

for (const button of all("[data-action]")) {
  button.addEventListener("click", async () => {
    const remove = button.dataset.action === "delete";
    button.disabled = true;
    if (await deleteServer(button.closest("[data-url]").dataset.url, xsrf, remove)) {
      location.reload();
      return;
    }
    button.disabled = false;
    problem.textContent = "The hub did not do it. Please try again in a moment.";
    problem.hidden = false;
  });
}
