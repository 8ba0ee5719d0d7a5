// Fields that fill themselves, and never over what somebody has written.

export class Autofill {
  /** `fields`: inputs by key. */
  constructor(fields) {
    this.fields = fields;
    this.start({});
  }

  /** What the fields hold now is the user's own, but for empty ones and the defaults given here. */
  start(defaults) {
    this.defaults = defaults;
    this.filled = { ...defaults };
  }

  /** Whether a field holds nothing of the user's. */
  isFree(key) {
    const { value } = this.fields[key];
    return value === "" || value === this.filled[key];
  }

  /** Fills in values by key; what has no value goes back to its default. */
  fill(values) {
    for (const [key, field] of Object.entries(this.fields)) {
      if (this.isFree(key)) field.value = this.filled[key] = String(values[key] ?? this.defaults[key] ?? "");
    }
  }
}
