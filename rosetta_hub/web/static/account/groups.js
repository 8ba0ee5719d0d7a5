// The section "Groups": which ones the user is in, and what each gives.

import { apiUrl, call } from "../api.js";
import { h } from "../dom.js";

const KINDS = { software: "Software", computing: "Computing resources", storages: "Storages" };

function row(group) {
  const rights = Object.entries(KINDS).filter(([kind]) => group[kind].length)
    .map(([kind, title]) => `${title}: ${group[kind].join(", ")}`);
  if (group.any_protocol) rights.push("You may add software with interfaces of any protocol");
  const lines = rights.length ? rights : ["Nothing is limited to this group."];
  return h("li", { class: "panel account-row" }, h("div", { class: "account-row-text" },
    h("strong", {}, group.name), ...lines.map((line) => h("span", { class: "faint" }, line))));
}

export async function buildGroups(root) {
  const { groups } = await call("GET", apiUrl("account/groups"));
  if (!groups.length) {
    root.append(h("p", { class: "panel account-nothing" }, "You are in no group."));
    return;
  }
  root.append(h("ul", { class: "identities", id: "group-list" }, ...groups.map(row)));
}
