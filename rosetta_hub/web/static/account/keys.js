// The section "Keys": the user's accounts on resources, and the keys for them.

import { apiUrl, call } from "../api.js";
import { h } from "../dom.js";
import { IdentityCard } from "./identity_card.js";

export async function buildKeys(root) {
  const { identities } = await call("GET", apiUrl("account/identities"));
  if (identities.length === 0) {
    root.append(h("p", { class: "panel account-nothing" }, "No computing resource needs a key of yours."));
    return;
  }
  const cards = identities.map((identity) => new IdentityCard(identity).element);
  root.append(h("ul", { class: "identities" }, ...cards));
}
