// The interfaces of a container in the form: the one that the user talks to, and further ones.

import { h } from "../dom.js";
import { authChoices, isWeb } from "./entries.js";
import { checkField, checkInput, field, fillSelect, foldedSection, offer, offeringInput, section, selectInput, textInput } from "./fields.js";
import { Rows } from "./rows.js";

const WEB = [["http", "HTTP"], ["https", "HTTPS"]];
const PROTOCOLS = ["http", "https", "ssh", "vnc", "rdp"];
const PORT = { type: "number", min: "1", max: "65535", step: "1", inputmode: "numeric" };
const MOST_INTERFACES = 8;
const PATH = { pattern: "\\/\\S*", title: "A path that begins with / and has no spaces", placeholder: "/" };

export class InterfaceFields {
  /** `power`: whether any protocol may be chosen; `powerGroups`: whose members may. */
  constructor({ power, powerGroups }) {
    this.power = power;
    const any = offeringInput({ required: true, maxlength: "16", pattern: "[a-z][a-z0-9+\\-]*", title: "A protocol in lowercase, such as http, ssh or vnc" });
    offer(any.list, PROTOCOLS);
    this.protocol = power ? any.input : selectInput(WEB);
    this.port = textInput({ ...PORT, required: true });
    this.path = textInput({ maxlength: "500", ...PATH });
    this.transport = selectInput([["tcp", "TCP"]]);
    this.auth = selectInput(authChoices("http"));
    this.user = textInput({ maxlength: "80", placeholder: "metauser" });
    this.takesPassword = checkInput();
    this.takesPort = checkInput();
    this.makeRows();
    this.element = this.makeElement(any.list, powerGroups);
    this.protocol.addEventListener("input", () => this.update());
    this.auth.addEventListener("change", () => this.update());
  }

  makeRows() {
    this.rows = new Rows({
      one: "an interface",
      most: MOST_INTERFACES,
      columns: [
        { key: "name", label: "Name", properties: { required: true, maxlength: "40", placeholder: "Dashboard" } },
        { key: "port", label: "Port", properties: { ...PORT, required: true, placeholder: "8787" } },
        { key: "protocol", label: "Protocol", properties: { pattern: "https?", maxlength: "5", title: "http or https", placeholder: "http" } },
        { key: "path", label: "Path", properties: { maxlength: "500", ...PATH } },
      ],
    });
  }

  makeElement(protocols, powerGroups) {
    const groups = powerGroups.length ? `members of ${powerGroups.join(", ")}` : "users whom the administrator names";
    const reason = this.power
      ? "Others than HTTP get a plain port, and need a one-time password."
      : `Other protocols, such as SSH or VNC, have no check of the platform in front of them. They are for ${groups}.`;
    const path = field("Path to open", this.path, { hint: "The page of the container that Connect opens." });
    const user = field("User name", this.user);
    this.pathBox = path.box;
    this.userBox = user.box;
    return h("div", {},
      section("Interface",
        field("Protocol", this.protocol, { hint: reason, more: this.power ? [protocols] : [] }).box,
        field("Port", this.port, { hint: "The port in the container." }).box,
        path.box,
        field("Transport", this.transport).box,
        field("Authentication", this.auth).box,
        user.box,
        checkField("The container protects itself with the password in AUTH_PASS", this.takesPassword),
        checkField("The container listens on the port in BASE_PORT where that is set", this.takesPort)),
      this.folded = foldedSection("Further interfaces",
        h("p", { class: "form-text field-wide" }, "Ports for more pages of the same task, such as a dashboard. Each is behind the same check."),
        this.rows.element));
  }

  /** Shows the keys of an entry. */
  show(entry) {
    this.protocol.value = entry.interface_protocol;
    this.port.value = String(entry.interface_port);
    this.path.value = entry.interface_path;
    this.transport.value = entry.interface_transport;
    fillSelect(this.auth, authChoices(entry.interface_protocol));
    this.auth.value = entry.interface_auth;
    this.user.value = entry.interface_auth_user;
    this.takesPassword.checked = entry.supports_interface_auth;
    this.takesPort.checked = entry.supports_custom_interface_port;
    this.rows.show(entry.interfaces);
    this.folded.open = entry.interfaces.length > 0;
    this.update();
  }

  /** What depends on the protocol, and on how the interface protects itself. */
  update() {
    const protocol = this.protocol.value.trim();
    fillSelect(this.auth, authChoices(protocol));
    this.pathBox.hidden = !isWeb(protocol);
    this.userBox.hidden = !["basic", "password"].includes(this.auth.value);
    // A password protects nothing where the container does not ask for it.
    this.takesPassword.disabled = this.auth.value === "password";
    this.takesPassword.checked ||= this.takesPassword.disabled;
  }

  /** The keys of an entry as they are written. */
  read() {
    return {
      interface_protocol: this.protocol.value.trim(),
      interface_port: Number(this.port.value),
      interface_path: this.path.value.trim() || "/",
      interface_transport: this.transport.value,
      interface_auth: this.auth.value,
      interface_auth_user: this.user.value.trim() || "metauser",
      supports_interface_auth: this.takesPassword.checked,
      supports_custom_interface_port: this.takesPort.checked,
      interfaces: this.rows.read().map(readInterface),
    };
  }
}

function readInterface({ name, port, protocol, path }) {
  return { name: name.trim(), port: Number(port), protocol: protocol.trim() || "http", path: path.trim() || "/" };
}
