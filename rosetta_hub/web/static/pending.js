// The hub's own progress of a start, for servers that the hub starts itself.

import { element, h, setText } from "./dom.js";
import { deleteServer } from "./hub.js";

const box = element("pending");
const message = element("pending-message");
const stop = element("pending-stop");
const source = new EventSource(box.dataset.progressUrl);

source.onmessage = (event) => {
  const news = JSON.parse(event.data);
  if (news.progress !== undefined) {
    element("pending-bar").style.width = `${news.progress}%`;
    box.querySelector(".progress").setAttribute("aria-valuenow", news.progress);
  }
  if (news.message) {
    setText(message, news.message);
    element("pending-log").append(h("li", {}, news.message));
  }
  if (news.ready || news.failed) source.close();
  // Loaded again, this page leads to what is ready, or says why nothing is.
  if (news.ready || news.failed) location.reload();
};

stop.addEventListener("click", async () => {
  stop.disabled = true;
  const stopping = await deleteServer(box.dataset.stopUrl, box.dataset.xsrf);
  setText(message, stopping ? "Stopping…" : "It can't be stopped right now. Please try again.");
  stop.disabled = stopping;
});
