// Who may use a task: sessions by the SHA-256 of their cookie's value, and the one-time tickets that
// start them. Times are in milliseconds.

import { createHash } from "node:crypto";

// A full state may have been read before a ticket was traded: what is as young as this survives it.
const GRACE = 60_000;

/** The SHA-256 of a text, in hexadecimal. */
export function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

export class Sessions {
  #sessions = new Map();
  #tickets = new Map();

  /** Keep exactly the given `{hash: {user, expires}}` (expires in seconds), and those traded just now. */
  replace(sessions, now) {
    for (const [hash, session] of this.#sessions) {
      if (sessions[hash] === undefined && session.traded + GRACE < now) this.remove(hash);
    }
    for (const [hash, { user, expires }] of Object.entries(sessions)) {
      const session = this.#sessions.get(hash);
      if (session !== undefined) session.expires = expires * 1000;
      else this.#add(hash, user, expires * 1000, 0);
    }
  }

  #add(hash, user, expires, traded) {
    const session = { user, expires, traded, lastUsed: null, streams: new Set(), pool: null };
    this.#sessions.set(hash, session);
    return session;
  }

  /** The first live session among the values of a cookie, or null. Others may have been tossed in. */
  find(values, now) {
    for (const value of values) {
      const session = this.#sessions.get(sha256(value));
      if (session !== undefined && session.expires > now) return session;
    }
    return null;
  }

  /** End a session, cut its connections, and void the ticket that would start it. */
  remove(hash) {
    let isKnown = false;
    for (const [ticketHash, grant] of this.#tickets) {
      if (sha256(grant.value) === hash) isKnown = this.#tickets.delete(ticketHash);
    }
    const session = this.#sessions.get(hash);
    if (session === undefined) return isKnown;
    this.#sessions.delete(hash);
    for (const socket of session.streams) socket.destroy();
    session.pool?.destroy();
    return true;
  }

  /** Close the connections to the container that are kept for later requests, and those in use. */
  closePools() {
    for (const session of this.#sessions.values()) {
      session.pool?.destroy();
      session.pool = null;
    }
  }

  /** Remember a ticket by its hash: `{value, user, browser, expires, sessionExpires}`. */
  issue(ticketHash, grant) {
    this.#tickets.set(ticketHash, grant);
  }

  /**
   * Trade a ticket, once, for its grant. Null when it was used, is too old, never existed or was issued
   * for another browser.
   */
  trade(ticket, browser, now) {
    const hash = sha256(ticket);
    const grant = this.#tickets.get(hash);
    this.#tickets.delete(hash);
    if (grant === undefined || grant.expires <= now || grant.browser !== browser) return null;
    // The same login gets the same session again: what it has open stays open, and its own.
    const session = this.#sessions.get(sha256(grant.value));
    if (session !== undefined) Object.assign(session, { expires: grant.sessionExpires, traded: now });
    else this.#add(sha256(grant.value), grant.user, grant.sessionExpires, now);
    return grant;
  }

  /** Forget what has expired. */
  sweep(now) {
    for (const [hash, grant] of this.#tickets) if (grant.expires <= now) this.#tickets.delete(hash);
    for (const [hash, session] of this.#sessions) if (session.expires <= now) this.remove(hash);
  }

  /** When each session that was used was used last. */
  activity() {
    const used = [...this.#sessions].filter(([, session]) => session.lastUsed !== null);
    return Object.fromEntries(used.map(([hash, session]) => [hash, session.lastUsed]));
  }
}
