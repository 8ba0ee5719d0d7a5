// The search of software: all words have to be there, in whatever letters they are written.

/** A text as it is searched: compatible letters are the same, and so are capitals. */
function foldText(text) {
  return text.normalize("NFKC").toLowerCase();
}

/** Whether a text has all words of a query. */
export function matchesQuery(text, query) {
  const folded = foldText(text);
  return foldText(query).split(/\s+/).filter(Boolean).every((word) => folded.includes(word));
}
