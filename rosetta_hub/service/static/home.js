// The servers that the hub starts itself: stop and delete.

import { deleteServer } from "./hub.js";

const { xsrf } = document.querySelector("main").dataset;
const problem = document.getElementById("server-error");

for (const button of document.querySelectorAll("[data-action]")) {
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
