// Texts of the form that stand for lists: the words of a command, and keywords.

const WORD = /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)|([^\s"'\\]+)/gsy;

/**
 * The words of a command line, with quotes and backslashes read as a shell reads them; nothing else
 * of a shell counts. Null where a quote is not closed.
 */
export function splitCommand(text) {
  const words = [];
  let open = false;
  let rest = text;
  while (rest) {
    const space = /^\s+/.exec(rest);
    if (space) {
      open = false;
      rest = rest.slice(space[0].length);
      continue;
    }
    WORD.lastIndex = 0;
    const match = WORD.exec(rest);
    if (!match) return null;
    const [, double, single, escaped, plain] = match;
    const part = double !== undefined ? double.replace(/\\(["\\$`])/g, "$1") : single ?? escaped ?? plain;
    if (open) words[words.length - 1] += part;
    else words.push(part);
    open = true;
    rest = rest.slice(match[0].length);
  }
  return words;
}

/** A list of words as a command line that `splitCommand` reads. */
export function joinCommand(words) {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}

/** The keywords of a text with commas, each once. */
export function splitKeywords(text) {
  return [...new Set(text.split(",").map((word) => word.trim()).filter(Boolean))];
}
