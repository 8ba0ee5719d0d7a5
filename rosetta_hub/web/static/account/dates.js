// The section "Dates and times": time zone and language of dates.

import { apiUrl, call, change } from "../api.js";
import { h, setText } from "../dom.js";
import { SaveLine, labelled } from "./fields.js";

// Ways to write dates; the pages themselves are in English.
const LANGUAGES = ["cs", "da", "de", "el", "en-GB", "en-US", "es", "fi", "fr", "hu", "it", "ja", "ko", "nb", "nl", "pl", "pt", "pt-BR", "sl", "sv", "uk", "zh"];

function choice(id, options, choiceValue) {
  // A choice of another browser may be one that this one does not list.
  if (choiceValue && !options.some(([value]) => value === choiceValue)) options.push([choiceValue, choiceValue]);
  const elements = options.map(([value, label]) => h("option", { value, selected: value === choiceValue }, label));
  return h("select", { class: "form-select", id }, ...elements);
}

function zoneOptions() {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = Intl.supportedValuesOf("timeZone");
  return [["", `The browser's (${own})`], ...["UTC", ...zones.filter((zone) => zone !== "UTC")].map((zone) => [zone, zone])];
}

function languageOptions() {
  const names = new Intl.DisplayNames("en", { type: "language" });
  const options = LANGUAGES.map((tag) => [tag, names.of(tag)]).sort((first, second) => first[1].localeCompare(second[1]));
  return [["", `The browser's (${names.of(navigator.language)})`], ...options];
}

/** A date as it will be written. */
function example(zone, language) {
  const format = new Intl.DateTimeFormat(language || undefined, {
    timeZone: zone || undefined, dateStyle: "full", timeStyle: "short",
  });
  return `For example: ${format.format(new Date())}`;
}

export async function buildDates(root) {
  const { time_zone: timeZone, language, ...dates } = await call("GET", apiUrl("account/dates"));
  const zones = choice("time-zone", zoneOptions(), timeZone);
  const languages = choice("date-language", languageOptions(), language);
  const sample = h("p", { class: "faint account-hint", id: "date-sample" });
  const line = new SaveLine("Save");
  const form = h("form", { class: "panel account-form", id: "dates-form" },
    ...labelled("Time zone", zones), ...labelled("Language of dates", languages), sample,
    h("p", { class: "faint account-hint" }, "Mails say times in this zone, too; in UTC where it is the browser's."),
    line.element);
  const show = () => setText(sample, example(zones.value, languages.value));
  form.addEventListener("input", show);
  show();
  line.attach(form, async () => {
    const body = { time_zone: zones.value || null, language: languages.value || null };
    dates.revision = (await change("PUT", apiUrl("account/dates"), dates.revision, body)).revision;
    // Whatever else this page writes from now on.
    const main = /** @type {HTMLElement} */ (root.closest("main"));
    main.dataset.timeZone = zones.value;
    main.dataset.language = languages.value;
    return "Saved.";
  });
  root.append(form);
}
