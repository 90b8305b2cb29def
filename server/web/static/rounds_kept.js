// What a phone keeps of rounds until the centre has it: the round under way and its acts, sent until answered.

import { newKey, renewToken, token } from "./session.js";

const KEY = "gatehouse.rounds";
const MOST_ACTS = 2000;
const AT_ONCE = 50;
const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30000;

export class Full extends Error {}

export class Kept {
  /** `onChange` after every change; `onAnswers(answers)` with what became of acts, outcome by outcome. */
  constructor(person, onChange, onAnswers) {
    this.person = person;
    this.onChange = onChange;
    this.onAnswers = onAnswers;
    this.isSending = false;
    this.needsLogin = false;
    this.retryMs = FIRST_RETRY_MS;
  }

  start() {
    window.addEventListener("online", () => this.flush());
    window.addEventListener("storage", (event) => event.key === KEY && this.onChange());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.flush());
    this.onChange();
    this.flush();
  }

  /** Acts that the centre has not answered yet; another person's wait for them. */
  waiting() {
    return read().acts.filter((act) => act.person === this.person);
  }

  /** The round that this person walks in a complex, or null. */
  round(complex) {
    return read().rounds[`${this.person}/${complex}`] ?? null;
  }

  /** Keeps an act, with the round as it is after it, before anything is sent. Throws Full. */
  add(complex, round, act) {
    const kept = read();
    if (kept.acts.length >= MOST_ACTS) throw new Full();
    kept.acts.push({ ...act, key: newKey(), complex, person: this.person });
    kept.rounds[`${this.person}/${complex}`] = round;
    write(kept);
    this.onChange();
    this.flush();
  }

  /** Puts a round away that is over. */
  close(complex) {
    const kept = read();
    delete kept.rounds[`${this.person}/${complex}`];
    write(kept);
    this.onChange();
  }

  async flush() {
    if (this.isSending) return;
    clearTimeout(this.retry);
    this.isSending = true;
    try {
      while (this.waiting().length && (await this.send()));
    } finally {
      this.isSending = false;
    }
  }

  async send() {
    const { complex } = this.waiting()[0];
    const acts = this.waiting().filter((act) => act.complex === complex).slice(0, AT_ONCE);
    try {
      const answer = await post(complex, acts);
      if (answer.status === 401 || answer.status === 403) return this.wait(true); // nobody, or another person by now
      if (answer.status === 429 || answer.status >= 500) return this.wait(false);
      this.finish(acts, answer.ok ? (await answer.json()).answers : acts.map((act) => ({ key: act.key, outcome: "refused" })));
      return true;
    } catch {
      return this.wait(false);
    }
  }

  wait(needsLogin) {
    this.needsLogin = needsLogin;
    this.retry = setTimeout(() => this.flush(), this.retryMs);
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
    this.onChange();
    return false;
  }

  finish(acts, answers) {
    this.retryMs = FIRST_RETRY_MS;
    this.needsLogin = false;
    const done = new Set(acts.map((act) => act.key));
    const kept = read();
    write({ ...kept, acts: kept.acts.filter((act) => !done.has(act.key)) });
    this.onChange();
    this.onAnswers(answers);
  }
}

/** Sends acts; where the page's token is of an earlier login, once more with the present one. */
async function post(complex, acts) {
  const answer = await postWith(complex, acts);
  return answer.status === 403 && (await renewToken()) ? postWith(complex, acts) : answer;
}

function postWith(complex, acts) {
  const names = ["key", "round", "route", "kind", "at", "due_at", "code", "reason"];
  const sent = acts.map((act) => Object.fromEntries(names.filter((name) => name in act).map((name) => [name, act[name]])));
  return fetch(`/rounds/${encodeURIComponent(complex)}/acts`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token().content },
    body: JSON.stringify({ sent_at: new Date().toISOString(), acts: sent }),
  });
}

function read() {
  try {
    const { acts, rounds } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { acts: acts ?? [], rounds: rounds ?? {} };
  } catch {
    return { acts: [], rounds: {} }; // not ours, or not JSON: nothing that could be sent
  }
}

function write(kept) {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch (error) {
    throw new Full(String(error));
  }
}
