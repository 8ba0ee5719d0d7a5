// Which rows of a list are selected, and on which one the keyboard is. Knows no element.

export class Selection {
  constructor() {
    this.keys = [];
    this.chosen = new Set();
    this.cursor = null;
    this.anchor = null;
  }

  /** The rows that there are now, in their order; what is gone is not selected any more. */
  setKeys(keys) {
    const index = this.keys.indexOf(this.cursor);
    const present = new Set(keys);
    this.keys = keys;
    this.chosen = new Set(keys.filter((key) => this.chosen.has(key)));
    if (!present.has(this.cursor)) this.cursor = keys[Math.min(Math.max(index, 0), keys.length - 1)] ?? null;
    if (!present.has(this.anchor)) this.anchor = null;
  }

  /** Moves the cursor by a number of rows; with `extend` all rows on the way are selected. */
  move(delta, extend = false) {
    this.moveTo(this.keys.indexOf(this.cursor) + delta, extend);
  }

  moveTo(index, extend = false) {
    if (this.keys.length === 0) return;
    if (extend) this.anchor ??= this.cursor;
    this.cursor = this.keys[Math.min(Math.max(index, 0), this.keys.length - 1)];
    if (extend) this.selectRange();
    else this.anchor = null;
  }

  /** Selects everything between the anchor and a row, and nothing else. */
  extendTo(key) {
    this.anchor ??= this.cursor ?? key;
    this.cursor = key;
    this.selectRange();
  }

  toggle(key) {
    this.cursor = this.anchor = key;
    if (!this.chosen.delete(key)) this.chosen.add(key);
  }

  only(key) {
    this.cursor = this.anchor = key;
    this.chosen = new Set([key]);
  }

  all() {
    this.chosen = new Set(this.keys);
  }

  clear() {
    this.chosen = new Set();
    this.anchor = null;
  }

  /** What an action is about: the selected rows, or else the one with the cursor. */
  targets() {
    if (this.chosen.size > 0) return this.keys.filter((key) => this.chosen.has(key));
    return this.cursor === null ? [] : [this.cursor];
  }

  selectRange() {
    const [from, to] = [this.keys.indexOf(this.anchor), this.keys.indexOf(this.cursor)].sort((first, second) => first - second);
    this.chosen = new Set(this.keys.slice(Math.max(from, 0), to + 1));
  }
}
