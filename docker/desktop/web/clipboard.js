// One clipboard for the browser's machine and the remote desktop. Three ways, by what the browser
// allows: read when the window is entered (with the permission), paste events (always, on Ctrl+V),
// and a panel with the text.
const XK_V = 0x76;

export class Clipboard {
  #rfb = null;
  #known = null;     // the text that both sides have
  #unwritten = null; // remote text that the browser has not let us write yet
  #asked = false;
  #box = document.getElementById('clipboard');
  #toggle = document.getElementById('clipboard-toggle');
  #panel = document.getElementById('clipboard-panel');
  #text = document.getElementById('clipboard-text');

  constructor() {
    window.addEventListener('focus', () => this.#read());
    // A gesture of the user: now the browser may ask for the permission, or let us write
    window.addEventListener('pointerdown', () => { this.#write(); this.#ask(); }, true);
    window.addEventListener('keydown', (event) => this.#keydown(event), true);
    window.addEventListener('paste', (event) => this.#paste(event), true);
    this.#toggle.addEventListener('click', () => this.#show(this.#panel.hidden));
    this.#text.addEventListener('input', () => this.#send(this.#text.value));
    this.#panel.addEventListener('keydown', (event) => { if (event.key === 'Escape') { this.#show(false); } });
  }

  attach(rfb) {
    this.#rfb = rfb;
    this.#known = null;
    this.#box.hidden = false;
    rfb.addEventListener('clipboard', (event) => this.#receive(event.detail.text));
    this.#read();
  }

  detach() {
    this.#rfb = null;
    this.#box.hidden = true;
  }

  #show(open) {
    this.#panel.hidden = !open;
    this.#toggle.setAttribute('aria-expanded', String(open));
    if (open) { this.#text.focus(); } else { this.#rfb?.focus(); }
  }

  #send(text) {
    if (!this.#rfb || text === this.#known) { return; }
    this.#known = text;
    this.#unwritten = null;
    this.#text.value = text;
    this.#rfb.clipboardPasteFrom(text);
  }

  #receive(text) {
    if (text === this.#known) { return; }
    this.#known = text;
    this.#text.value = text;
    this.#unwritten = text;
    this.#write();
  }

  async #write() {
    if (this.#unwritten === null || !navigator.clipboard) { return; }
    const text = this.#unwritten;
    try {
      await navigator.clipboard.writeText(text);
      if (this.#unwritten === text) { this.#unwritten = null; }
    } catch {
      // not focused, or not allowed without a gesture: the next gesture tries again
    }
  }

  async #permission() {
    try {
      return (await navigator.permissions.query({ name: 'clipboard-read' })).state;
    } catch {
      return 'denied'; // a browser that asks at every single read (Firefox, Safari)
    }
  }

  async #read() {
    if (this.#unwritten !== null || !navigator.clipboard || !document.hasFocus()) { return; }
    if (await this.#permission() !== 'granted') { return; }
    try {
      const text = await navigator.clipboard.readText();
      if (text) { this.#send(text); }
    } catch {
      // focus was lost meanwhile
    }
  }

  async #ask() {
    if (this.#asked || !navigator.clipboard) { return; }
    this.#asked = true;
    if (await this.#permission() !== 'prompt') { return; }
    try {
      const text = await navigator.clipboard.readText();
      if (text && this.#unwritten === null) { this.#send(text); }
    } catch {
      // refused: paste events and the panel remain
    }
  }

  // Ctrl+V must reach the browser, so that it fires a paste event: the text goes first, then the key.
  #keydown(event) {
    this.#write();
    const isPaste = (event.ctrlKey || event.metaKey) && !event.altKey && event.code === 'KeyV';
    if (isPaste && this.#rfb && event.target !== this.#text) { event.stopImmediatePropagation(); }
  }

  #paste(event) {
    if (!this.#rfb || event.target === this.#text) { return; }
    event.preventDefault();
    const text = event.clipboardData.getData('text/plain');
    if (text) { this.#send(text); }
    this.#rfb.sendKey(XK_V, 'KeyV', true);
    this.#rfb.sendKey(XK_V, 'KeyV', false);
  }
}
