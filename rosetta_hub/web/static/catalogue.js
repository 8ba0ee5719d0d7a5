// The catalogue: search and filter, then the second step. Cards are radio buttons, so that the
// arrow keys work as everywhere.

import { all, element, h, setMessage, showLogo } from "./dom.js";
import { showLinkTarget } from "./link_target.js";
import { matchesQuery } from "./search.js";
import { startLink, usesText } from "./software_cards.js";
import { fillIn, setAction } from "./spawn_form.js";
import { SENDING, holdStart } from "./start_button.js";
import { OneButton, isOneButton } from "./start_summary.js";
import { StopOptions } from "./stop_options.js";
import { TaskOptions } from "./task_options.js";
import { copyButton } from "./ui.js";

const catalogue = element("catalogue");

class Catalogue {
  constructor(options) {
    this.cards = all(".card-choice", catalogue);
    this.denied = all(".card-denied", catalogue);
    this.radios = this.cards.map((card) => card.querySelector("input"));
    this.tag = null;
    this.options = new TaskOptions(options);
    this.stop = new StopOptions(options);
    this.makeFilter();
    for (const radio of this.radios) {
      radio.addEventListener("change", () => this.choose(radio));
      radio.addEventListener("keydown", (event) => this.keyOnCard(event, radio));
    }
    this.cards.forEach((card) => card.addEventListener("click", (event) => this.clicked(event)));
    for (const image of catalogue.querySelectorAll(".tile img")) {
      const name = image.closest(".card-choice").querySelector("input").dataset.name;
      showLogo(image.parentElement, image, [...name][0].toUpperCase());
    }
    for (const card of this.cards) showUses(card);
    this.choose(this.radios.find((radio) => radio.checked) || (this.radios.length === 1 ? this.radios[0] : null));
  }

  makeFilter() {
    element("catalogue-tools").hidden = false;
    const tags = [...new Set(this.cards.flatMap((card) => JSON.parse(card.dataset.tags)))];
    const chip = (label, tag) => h("button", { type: "button", class: "chip", "aria-pressed": String(tag === null), onclick: (event) => this.filterBy(tag, event.currentTarget) }, label);
    if (tags.length > 1) element("chips").append(chip("All", null), ...tags.map((tag) => chip(tag, tag)));
    const search = element("search");
    search.addEventListener("input", () => this.filter());
    search.addEventListener("keydown", (event) => {
      // Enter would send the form; it goes to what was found.
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.visibleRadios()[0]?.focus();
    });
    element("clear-search").addEventListener("click", () => {
      search.value = "";
      this.filterBy(null, element("chips").firstElementChild);
      search.focus();
    });
  }

  filterBy(tag, pressed) {
    this.tag = tag;
    for (const chip of element("chips").children) chip.setAttribute("aria-pressed", String(chip === pressed));
    this.filter();
  }

  filter() {
    const query = element("search").value;
    let count = 0;
    const matches = ({ search, tags }) => matchesQuery(search, query)
      && (this.tag === null || JSON.parse(tags).includes(this.tag));
    for (const card of this.cards) {
      card.hidden = !matches(card.dataset);
      count += card.hidden ? 0 : 1;
    }
    for (const card of this.denied) card.hidden = !matches(card.dataset);
    element("nothing-found").hidden = count > 0;
    element("found").textContent = `${count} of ${this.cards.length} shown`;
  }

  visibleRadios() {
    return this.radios.filter((_radio, index) => !this.cards[index].hidden);
  }

  choose(radio) {
    if (radio) radio.checked = true;
    element("options-hint").hidden = Boolean(radio);
    element("options-body").hidden = !radio;
    if (radio) this.options.show(radio);
    for (const card of this.cards) card.classList.toggle("chosen", card.contains(radio));
  }

  keyOnCard(event, radio) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    this.choose(radio);
    this.goToOptions();
  }

  /** A click with the mouse goes on to the options; the click that arrow keys make does not. */
  clicked(event) {
    if (event.detail === 0 || !window.matchMedia("(max-width: 991.98px)").matches) return;
    requestAnimationFrame(() => element("options").scrollIntoView({ block: "start" }));
  }

  goToOptions() {
    const field = element("option-name");
    field.focus();
    field.select();
  }
}

/** How often the user has started it, in the time of the browser. */
function showUses(card) {
  const { uses, lastUsed } = card.dataset;
  const text = usesText({ uses: Number(uses), last_used: lastUsed });
  if (text) card.querySelector(".card-foot").before(h("span", { class: "card-uses" }, text));
}

// What of the form goes into a link that fills it in for others.
const LINKED = ["software", "version", "computing", "cpus", "memory", "time", "gpus", "gpu_type", "size"];

/** The address that fills in the form as it is now. */
function linkTo(form) {
  const data = new FormData(form);
  const options = Object.fromEntries(LINKED.map((key) => [key, String(data.get(key) ?? "").trim()]));
  const [hub] = location.pathname.split("spawn", 1);
  return new URL(startLink(hub, { ...options, start: "1" }), location.href).href;
}

function start() {
  const form = catalogue.closest("form");
  if (!form || !element("cards")) return;
  new Catalogue(fillIn(form));
  element("copy-link").append(copyButton("Copy a link to this", () => linkTo(form)));
  showLinkTarget(form);
  const isChosen = all("input[name=software]", form).some((radio) => radio.checked);
  if (isChosen && isOneButton(JSON.parse(catalogue.dataset.preset))) new OneButton(form);
  form.addEventListener("submit", () => {
    setAction(form);
    holdStart(SENDING, true);
  });
  window.addEventListener("pageshow", () => holdStart(SENDING, false));
  showError();
}

/** What was refused is said by the fields where it can be mended. */
function showError() {
  const error = element("spawn-error");
  if (!error) return;
  const text = error.querySelector("[data-message]");
  if (text) setMessage(text, text.textContent);
  if (!element("options-body").hidden) element("options-title").after(error);
  error.focus();
}

start();
