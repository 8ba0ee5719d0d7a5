// The image in the form: where it is, what a look-up says of it, and what of it is fixed.

import { h } from "../dom.js";
import { bytes } from "../format.js";
import { button } from "../ui.js";
import { field, foldedSection, offer, offeringInput, section, textInput } from "./fields.js";
import { LookUp } from "./look_up.js";
import { isReference, joinReference, splitReference } from "./references.js";
import { StatusLine } from "./rows.js";
import { lookUpImage } from "./software_api.js";
import { archChoices, linuxArchs, platformText, sortTags } from "./suggestions.js";

// As many tags as a list can show.
const MOST_TAGS = 200;
const ARCHS = ["amd64", "arm64"];
const DIGEST_PATTERN = "sha256:[0-9a-f]{64}";

export class ImageFields {
  /** `registries`: those that images may come from, empty for any; `onFound(image)`. */
  constructor({ registries, onFound }) {
    this.onFound = onFound;
    this.registry = textInput({ maxlength: "255", placeholder: registries[0] || "docker.io", pattern: "[A-Za-z0-9][A-Za-z0-9._:\\/\\-]*", title: "A host name, such as ghcr.io" });
    this.name = textInput({ required: true, maxlength: "255", placeholder: "organisation/application" });
    const tag = offeringInput({ maxlength: "128", placeholder: "latest", pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*", title: "Letters, digits, dots, dashes and underscores" });
    const arch = offeringInput({ maxlength: "40", placeholder: "As the resource has it" });
    this.tag = tag.input;
    this.tags = tag.list;
    this.arch = arch.input;
    this.archs = arch.list;
    offer(this.archs, ARCHS);
    this.os = textInput({ maxlength: "40", placeholder: "linux" });
    this.digest = textInput({ maxlength: "71", placeholder: "sha256:…", pattern: DIGEST_PATTERN, title: "sha256: and 64 hexadecimal digits" });
    this.pin = button("Always run exactly this one", "check", "outline-secondary btn-sm", () => this.pinDigest());
    this.status = new StatusLine();
    this.lookUp = new LookUp({ ask: lookUpImage, onState: (state) => this.told(state) });
    this.element = this.makeElement(registries, tag.list, arch.list);
    for (const input of [this.registry, this.name, this.tag]) input.addEventListener("input", () => this.changed());
    this.name.addEventListener("change", () => this.takeReference());
  }

  makeElement(registries, tags, archs) {
    const allowed = registries.length ? `Images may come from ${registries.join(", ")}.` : "Empty: Docker Hub.";
    this.pin.disabled = true;
    return h("div", {},
      section("Container image",
        field("Image", this.name, { hint: "A whole reference, such as ghcr.io/organisation/application:1.2, can be pasted here.", wide: true }).box,
        field("Registry", this.registry, { hint: allowed }).box,
        field("Tag", this.tag, { more: [tags], hint: "Each tag is a version." }).box,
        this.status.element),
      foldedSection("Architecture and digest",
        field("Architecture", this.arch, { more: [archs], hint: "Where several exist, the resource's own is taken. Write one to force it." }).box,
        field("Operating system", this.os).box,
        field("Digest", this.digest, { hint: "With a digest, the tag may move: what runs stays the same.", more: [h("div", { class: "field-below" }, this.pin)], wide: true }).box));
  }

  /** Shows the keys of an entry. */
  show(entry) {
    this.registry.value = entry.registry ?? "";
    this.name.value = entry.image_name ?? "";
    this.tag.value = entry.image_tag ?? "";
    this.arch.value = entry.image_arch ?? "";
    this.os.value = entry.image_os ?? "linux";
    this.digest.value = entry.image_digest ?? "";
    this.pinned = "";
    this.changed();
    this.shown = { reference: this.reference, archs: entry.image_archs ?? [] };
  }

  /** The keys of an entry as they are written. */
  read() {
    return {
      registry: this.registry.value.trim(),
      image_name: this.name.value.trim(),
      image_tag: this.tag.value.trim() || "latest",
      image_arch: this.arch.value.trim() || null,
      image_archs: this.readArchs(),
      image_os: this.os.value.trim() || "linux",
      image_digest: this.digest.value.trim() || null,
    };
  }

  /** Those that the look-up has found; without one, what is kept of the same image. */
  readArchs() {
    if (this.image) return linuxArchs(this.image);
    return this.reference === this.shown?.reference ? this.shown.archs : [];
  }

  /** A pasted reference goes into the fields of its parts. */
  takeReference() {
    if (!isReference(this.name.value)) return;
    const { registry, name, tag, digest } = splitReference(this.name.value);
    this.name.value = name;
    if (registry) this.registry.value = registry;
    if (tag) this.tag.value = tag;
    if (digest) this.digest.value = digest;
    this.changed();
  }

  changed() {
    const parts = isReference(this.name.value) ? splitReference(this.name.value) : { name: this.name.value.trim() };
    const reference = joinReference({ registry: this.registry.value.trim(), tag: this.tag.value.trim(), ...withoutEmpty(parts), digest: "" });
    if (reference === this.reference) return;
    this.reference = reference;
    this.image = null;
    this.pin.disabled = true;
    // What was taken from another image is not this one's.
    if (this.pinned && this.digest.value === this.pinned) this.digest.value = "";
    this.lookUp.change(reference);
  }

  told({ state, image, message }) {
    if (state === "asking") this.status.show(state, ["Looking the image up…"]);
    else if (state === "fault") this.status.show(state, [message]);
    else if (state === "found") this.found(image);
    else this.status.show("");
  }

  found(image) {
    this.image = image;
    this.pin.disabled = !image.digest;
    offer(this.tags, sortTags(image.tags || []).slice(0, MOST_TAGS));
    offer(this.archs, archChoices(image).length ? archChoices(image) : ARCHS);
    const size = image.size ? bytes(image.size) : "";
    const platforms = [...new Set((image.archs || []).map(platformText))].join(", ");
    const problems = image.problems || [];
    this.status.show(problems.length ? "fault" : "found", [["Found", size, platforms].filter(Boolean).join(" · "), ...problems.map(({ message }) => message)]);
    this.onFound(image);
  }

  /** The digest that the look-up of what is written now has found, null without one. */
  get digestFound() {
    return this.image?.digest || null;
  }

  /** An image that the platform has built is not exchanged for another one. */
  fix(isFixed) {
    this.element.hidden = isFixed;
    if (isFixed) this.lookUp.cancel();
  }

  pinDigest() {
    this.digest.value = this.pinned = this.image.digest;
    this.digest.dispatchEvent(new Event("input", { bubbles: true }));
  }

  close() {
    this.lookUp.cancel();
  }
}

function withoutEmpty(parts) {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value));
}
