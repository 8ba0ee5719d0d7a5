// What a page says of an entry of a folder.

import { bytes, formatDate, isToday } from "../format.js";

const NOTEBOOK = /\.ipynb$/i;
const TABLE = /\.(csv|tsv)$/i;
const FITS = /\.(fits?|fts|fz)$/i;
const IMAGE = /\.(png|jpe?g|gif|webp|avif)$/i;
const CONVERTED_IMAGE = /\.tiff?$/i;
const PDF = /\.pdf$/i;
const KINDS = { notebook: NOTEBOOK, table: TABLE, fits: FITS, converted: CONVERTED_IMAGE, pdf: PDF, image: IMAGE };
const ARCHIVE = /\.(zip|tar|t?gz|t?xz|bz2|zst|7z|rar)$/i;
const TEXT = /\.(txt|md|rst|log|py|r|jl|sh|c|h|cc|cpp|hpp|f|f90|js|mjs|ts|css|html?|xml|svg|json|ya?ml|toml|ini|cfg|conf|tex|bib|sql|def|env)$/i;
const TEXT_TYPES = ["application/json", "application/xml", "application/x-sh", "application/toml", "application/yaml"];
const MOST_EDITED = 2 * 2 ** 20;
const MOST_SHOWN_AS_IMAGE = 50 * 2 ** 20;

export const isFolder = (entry) => (entry.type === "link" ? entry.target_type : entry.type) === "directory";

export const isFile = (entry) => (entry.type === "link" ? entry.target_type : entry.type) === "file";

/** How a file can be shown: `image`, `converted` (by the service), `pdf`, `table`, `notebook`, `fits`, `text`, or `none`. */
export function previewKind(entry) {
  if (!isFile(entry)) return "none";
  const { name } = entry;
  const kind = Object.keys(KINDS).find((key) => KINDS[key].test(name));
  if (kind === "image" && entry.size > MOST_SHOWN_AS_IMAGE) return "none";
  return kind || (isText(entry) ? "text" : "none");
}

/** Whether it is worth a try to show a file as text: those without an ending often are. */
export function isText(entry) {
  const type = entry.media_type || "";
  return TEXT.test(entry.name) || type.startsWith("text/") || TEXT_TYPES.includes(type) || !entry.name.slice(1).includes(".");
}

export function isEditable(entry) {
  return isFile(entry) && entry.size <= MOST_EDITED && (isText(entry) || TABLE.test(entry.name));
}

export function iconName(entry) {
  if (isFolder(entry)) return "folder";
  if (!isFile(entry)) return "special";
  if (ARCHIVE.test(entry.name)) return "archive";
  const kind = previewKind(entry);
  const icons = { image: "image", converted: "image", fits: "image", table: "table", notebook: "notebook", text: "document", pdf: "document" };
  return icons[kind] || "file";
}

const TYPES = { directory: "Folder", file: "File", link: "Link", fifo: "Named pipe", socket: "Socket", device: "Device" };

/** The type in words, for whoever does not see the icon. */
export function typeText(entry) {
  if (entry.type !== "link") return TYPES[entry.type] || "Special file";
  if (!entry.target_type) return "Broken link, or one that leads out of the storage";
  return `Link to a ${(TYPES[entry.target_type] || "special file").toLowerCase()}`;
}

export function sizeText(entry) {
  return isFile(entry) ? bytes(entry.size) : "";
}

/** `-rw-r--r--`, as `ls` writes it. */
export function modeText(entry) {
  const kinds = { directory: "d", link: "l", fifo: "p", socket: "s", device: "b" };
  const bits = [..."rwxrwxrwx"].map((letter, index) => (entry.mode & (1 << (8 - index)) ? letter : "-"));
  const special = [[0o4000, 2, "s"], [0o2000, 5, "s"], [0o1000, 8, "t"]];
  for (const [bit, place, letter] of special) {
    if (entry.mode & Number(bit)) bits[place] = bits[place] === "-" ? String(letter).toUpperCase() : letter;
  }
  return (kinds[entry.type] || "-") + bits.join("");
}

export function ownerText(entry) {
  return [entry.owner, entry.group].filter((name) => name !== null && name !== undefined && name !== "").join(":");
}

/** The time of the last change: of the day where it is today's, otherwise the date; empty where there is none. */
export function modifiedText(entry, now = new Date()) {
  if (!entry.modified) return "";
  const at = new Date(entry.modified * 1000);
  if (isToday(at, now)) return formatDate(at, { hour: "2-digit", minute: "2-digit" });
  return formatDate(at, { day: "numeric", month: "short", year: "numeric" });
}

/** `1 folder`, `3 files`. */
export function plural(count, noun, many = `${noun}s`) {
  return `${count.toLocaleString()} ${count === 1 ? noun : many}`;
}

/** What is selected, in words: `3 selected, 12 MB`. */
export function selectionText(entries) {
  const files = entries.filter((entry) => entry.type === "file");
  const size = files.reduce((sum, entry) => sum + entry.size, 0);
  return `${entries.length.toLocaleString()} selected${files.length ? `, ${bytes(size)}` : ""}`;
}
