// What a person did and the centre has not confirmed: kept in the browser, sent in order until answered, done there once.

import { openStore } from "./outbox_store.js";
import { newKey, renewToken, token } from "./session.js";

const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30000;
const MOST = 200;
const FULL = { outcomes: [{ refused: "full" }] };
const PATIENCE_MS = 20000;
const PATIENCE_WITH_PHOTO_MS = 120000;
const OTHERS = "BroadcastChannel" in window ? new BroadcastChannel("gatehouse.outbox") : null;

export class Outbox {
  /** `onChange` after every change; `onAnswer(act, answer)` with outcomes, or null where the centre refused. */
  constructor(person, onChange, onAnswer) {
    this.person = person;
    this.onChange = onChange;
    this.onAnswer = onAnswer;
    this.kept = [];
    this.waited = new Set(); // the keys of acts that could not be sent at once,
    this.coming = new Set(); // that are about to be written,
    this.gone = new Set(); // and that are done with, written or not
    this.isKept = true;
    this.sending = null;
    this.isFlushing = false;
    this.retryMs = FIRST_RETRY_MS;
    this.needsLogin = false;
    this.written = openStore().then((store) => (this.store = store)); // what is written, one after the other
  }

  async start() {
    await this.written;
    await this.look();
    for (const act of this.kept) this.waited.add(act.request);
    window.addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.return());
    if (OTHERS) OTHERS.onmessage = () => this.look();
    await this.flush();
  }

  get keepsPhotos() {
    return this.store?.keepsPhotos === true;
  }

  async return() {
    await this.look();
    await this.flush();
  }

  /** What lies in the store now: another page of ours may have sent some of it. */
  look() {
    this.written = this.written.then(async () => {
      const found = (await this.store.all()).filter((act) => !this.gone.has(act.request));
      this.kept = [...found, ...this.kept.filter((act) => this.coming.has(act.request))];
      this.onChange();
    });
    return this.written;
  }

  /** Acts of whoever is signed in; another person's wait for them. */
  entries() {
    return this.kept.filter((act) => act.person === this.person);
  }

  /** Keeps an act, before anything is sent; its key. `more`: {note, photo}. */
  add(action, alerts, title, more = {}) {
    const act = { request: newKey(), action, alerts, title, person: this.person, ...more };
    if (this.entries().length >= MOST) {
      this.onAnswer(act, FULL);
      return act.request;
    }
    this.kept = [...this.kept, act];
    this.coming.add(act.request);
    this.onChange();
    this.write(() => this.store.put({ ...act }).finally(() => this.wrote(act))).then(() => this.flush());
    return act.request;
  }

  wrote(act) {
    this.coming.delete(act.request);
    this.onChange();
  }

  /** How many outlive the page: what is about to be written might not. */
  get durable() {
    return this.entries().filter((act) => !this.coming.has(act.request)).length;
  }

  /** Takes an act back; false where it may have been sent already. */
  withdraw(request) {
    if (this.sending === request || !this.kept.some((act) => act.request === request)) return false;
    this.forget(request);
    return true;
  }

  forget(request) {
    this.kept = this.kept.filter((act) => act.request !== request);
    this.gone.add(request);
    this.write(() => this.store.drop(request));
    this.onChange();
  }

  write(work) {
    this.written = this.written.then(work).catch(() => (this.isKept = false)); // said by the page; it still sends
    return this.written.then(() => OTHERS?.postMessage("changed"));
  }

  async flush() {
    if (this.isFlushing) return;
    this.isFlushing = true;
    clearTimeout(this.retry);
    await this.written;
    for (let act = this.entries()[0]; act; act = this.entries()[0]) {
      if (!(await this.send(act))) break;
    }
    this.isFlushing = false;
  }

  async send(act) {
    this.sending = act.request;
    try {
      const answer = await post(act);
      if (answer.status === 401) return this.wait(act, true);
      if (answer.status >= 500 || answer.status === 429) return this.wait(act, false);
      this.finish(act, answer.ok ? await answer.json() : null);
      return true;
    } catch {
      return this.wait(act, false);
    } finally {
      this.sending = null;
    }
  }

  wait(act, needsLogin) {
    this.waited.add(act.request);
    this.needsLogin = needsLogin;
    this.retry = setTimeout(() => this.flush(), this.retryMs);
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
    this.onChange();
    return false;
  }

  finish(act, answer) {
    this.retryMs = FIRST_RETRY_MS;
    this.needsLogin = false;
    this.forget(act.request);
    this.onAnswer(act, answer);
  }
}

/** Sends an act; where the page's token is of an earlier login, once more with the present one. */
async function post(act) {
  const answer = await postWith(act);
  return answer.status === 403 && (await renewToken()) ? postWith(act) : answer;
}

async function postWith(act) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), act.photo ? PATIENCE_WITH_PHOTO_MS : PATIENCE_MS);
  try {
    const headers = { Accept: "application/json", "X-CSRF-Token": token().content };
    const [path, body] = act.photo ? withPhoto(act) : ["/alerts/actions", inWords(act)];
    return await fetch(path, { method: "POST", headers, body, signal: stop.signal });
  } finally {
    clearTimeout(timer);
  }
}

function inWords({ action, alerts, request, note }) {
  return new Blob([JSON.stringify({ action, alerts, request, note: note || null })], { type: "application/json" });
}

/** As the form of the alert's page sends it. */
function withPhoto({ action, alerts, request, note, photo }) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ action, request, note: note || "" })) form.append(name, value);
  form.append("photo", photo, "photo.jpg");
  return [`/alerts/${encodeURIComponent(alerts[0])}/actions`, form];
}
