// The hub's own progress of a start, for servers that the hub starts itself.

import { h, setText } from "./dom.js";
import { deleteServer } from "./hub.js";

const box = document.getElementById("pending");
const message = document.getElementById("pending-message");
const stop = document.getElementById("pending-stop");
const source = new EventSource(box.dataset.progressUrl);

source.onmessage = (event) => {
  const news = JSON.parse(event.data);
  if (news.progress !== undefined) {
    document.getElementById("pending-bar").style.width = `${news.progress}%`;
    box.querySelector(".progress").setAttribute("aria-valuenow", news.progress);
  }
  if (news.message) {
    setText(message, news.message);
    document.getElementById("pending-log").append(h("li", {}, news.message));
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
