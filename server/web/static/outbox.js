// What a person tapped and the centre has not confirmed: kept in the browser, sent until answered, done there once.

const KEY = "gatehouse.outbox";
const MOST = 200;
const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30000;

export class Outbox {
  /** `onChange` after every change; `onAnswer(entry, answer)` with outcomes, or null where the centre refused. */
  constructor(person, onChange, onAnswer) {
    this.person = person;
    this.onChange = onChange;
    this.onAnswer = onAnswer;
    this.sending = null;
    this.retryMs = FIRST_RETRY_MS;
    this.needsLogin = false;
  }

  start() {
    window.addEventListener("online", () => this.flush());
    window.addEventListener("storage", (event) => event.key === KEY && this.onChange());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.flush());
    this.onChange();
    this.flush();
  }

  /** Taps of whoever is signed in; another person's wait for them. */
  entries() {
    return read().filter((entry) => entry.person === this.person);
  }

  /** Keeps a tap before anything is sent; its key. */
  add(action, alerts, title) {
    const request = newKey();
    write([...read(), { request, action, alerts, title, person: this.person }].slice(-MOST));
    this.onChange();
    this.flush();
    return request;
  }

  /** Takes a tap back; false where it may have been sent already. */
  withdraw(request) {
    if (this.sending === request) return false;
    const kept = read();
    const left = kept.filter((entry) => entry.request !== request);
    if (left.length === kept.length) return false;
    write(left);
    this.onChange();
    return true;
  }

  async flush() {
    if (this.sending) return;
    clearTimeout(this.retry);
    for (let entry = this.entries()[0]; entry; entry = this.entries()[0]) {
      if (!(await this.send(entry))) return;
    }
  }

  async send(entry) {
    this.sending = entry.request;
    try {
      const answer = await post(entry);
      if (answer.status === 401) return this.wait(true);
      if (answer.status >= 500 || answer.status === 429) return this.wait(false);
      this.finish(entry, answer.ok ? await answer.json() : null);
      return true;
    } catch {
      return this.wait(false);
    } finally {
      this.sending = null;
    }
  }

  wait(needsLogin) {
    this.needsLogin = needsLogin;
    this.retry = setTimeout(() => this.flush(), this.retryMs);
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
    this.onChange();
    return false;
  }

  finish(entry, answer) {
    this.retryMs = FIRST_RETRY_MS;
    this.needsLogin = false;
    write(read().filter((other) => other.request !== entry.request));
    this.onChange();
    this.onAnswer(entry, answer);
  }
}

/** Sends a tap; where the page's token is of an earlier login, once more with the present one. */
async function post(entry) {
  const answer = await postWith(entry, document.querySelector('meta[name="csrf"]'));
  return answer.status === 403 && (await renewToken()) ? postWith(entry, document.querySelector('meta[name="csrf"]')) : answer;
}

function postWith(entry, token) {
  return fetch("/alerts/actions", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token.content },
    body: JSON.stringify({ action: entry.action, alerts: entry.alerts, request: entry.request }),
  });
}

async function renewToken() {
  const answer = await fetch("/session", { headers: { Accept: "application/json" } });
  if (!answer.ok) return false;
  const { csrf, person } = await answer.json();
  const token = document.querySelector('meta[name="csrf"]');
  const isNew = csrf !== token.content && String(person) === document.body.dataset.person;
  if (isNew) token.content = csrf;
  return isNew;
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return []; // not ours, or not JSON: nothing that could be sent
  }
}

function write(entries) {
  localStorage.setItem(KEY, JSON.stringify(entries));
}

// Not crypto.randomUUID: browsers have that only over https, and a complex may run without.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
