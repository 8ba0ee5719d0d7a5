// The page to which the link in a mail leads: one button, so that opening the link changes nothing.

import { apiUrl, call } from "../api.js";
import { element, setText } from "../dom.js";
import { pending } from "../ui.js";

const button = element("confirm");

button.addEventListener("click", async () => {
  const isConfirmed = await pending(button, async () => {
    const { address } = await call("POST", apiUrl("account/mail/confirm"), { code: button.dataset.code });
    setText(element("confirm-text"), `Confirmed: mails about your tasks are sent to ${address}.`);
  });
  if (isConfirmed) button.remove();
});
