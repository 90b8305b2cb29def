// The live stream: reads on from the last position, notices silence, says honestly whether the page is live.

import { setClock } from "./ages.js";
import { fill, words } from "./words.js";

const SILENT_AFTER_MS = 25000; // two and a half heartbeats
const SHOW_LOST_AFTER_MS = 5000;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 5000;
const LOOK_EVERY_MS = 1000;
const SLEPT_MS = 5000; // between two looks of a page that is in front
const AWAY_MS = 3000; // behind another app: its line may be dead, and no browser says so

export class Stream {
  /** `position` is where the page was read; `onAlert` gets the HTML of a card, `onPlan` the complex of a plan. */
  constructor(position, onAlert, onPlan = () => {}) {
    this.position = position;
    this.onAlert = onAlert;
    this.onPlan = onPlan;
    this.heardAt = Number(document.documentElement.dataset.kept) || Date.now(); // a kept page is as old as it says
    this.isLive = false;
    this.retryMs = FIRST_RETRY_MS;
    this.onLive = () => {};
    this.onWake = () => {};
    this.lookedAt = this.leftAt = Date.now();
  }

  start() {
    this.open();
    setInterval(() => this.look(), LOOK_EVERY_MS);
    window.addEventListener("online", () => this.open());
    window.addEventListener("offline", () => this.lose());
    window.addEventListener("pageshow", (event) => event.persisted && this.open());
    document.addEventListener("visibilitychange", () => this.returned());
  }

  open() {
    this.close();
    const source = new EventSource(`/live?after=${this.position}`);
    this.source = source;
    source.addEventListener("beat", (event) => this.beat(event.data));
    source.addEventListener("alert", (event) => this.take(event, this.onAlert));
    source.addEventListener("plan", (event) => this.take(event, this.onPlan));
    source.addEventListener("reload", () => this.reload());
    source.addEventListener("error", () => this.source === source && this.lose());
  }

  close() {
    clearTimeout(this.retry);
    if (this.source) this.source.close();
    this.source = null;
  }

  take(event, tell) {
    this.heard();
    this.position = event.lastEventId || this.position;
    tell(event.data);
  }

  beat(serverTime) {
    setClock(serverTime);
    this.heard();
  }

  heard() {
    this.heardAt = Date.now();
    this.retryMs = FIRST_RETRY_MS;
    if (!this.isLive) {
      this.isLive = true;
      this.onLive();
    }
    this.show();
  }

  /** The connection is gone: try again by ourselves, because the browser's own retry forgets the position. */
  lose() {
    this.close();
    this.isLive = false;
    this.show();
    this.retry = setTimeout(() => this.again(), this.retryMs * (0.5 + Math.random() / 2));
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
  }

  async again() {
    if (await isSignedOut()) {
      location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
      return;
    }
    this.open();
  }

  look() {
    const sleptMs = Date.now() - this.lookedAt;
    this.lookedAt = Date.now();
    if (document.visibilityState === "visible" && sleptMs > SLEPT_MS) this.wake();
    if (this.isLive && Date.now() - this.heardAt > SILENT_AFTER_MS) this.lose();
    this.show();
  }

  returned() {
    if (document.visibilityState !== "visible") this.leftAt = Date.now();
    else if (Date.now() - this.leftAt > AWAY_MS) this.wake();
  }

  /** Not live before the centre is heard again: what was missed since the last position comes first, then what happens. */
  wake() {
    this.lookedAt = Date.now();
    this.isLive = false;
    this.open();
    this.show();
    this.onWake();
  }

  reload() {
    const banner = document.getElementById("banner");
    banner.textContent = words.reload;
    banner.hidden = false;
    this.close();
    location.reload();
  }

  show() {
    const state = document.getElementById("live-state");
    const lostMs = Date.now() - this.heardAt;
    const isLost = !this.isLive && lostMs > SHOW_LOST_AFTER_MS;
    const name = this.isLive ? "live" : isLost ? "offline" : "connecting";
    if (state.dataset.state !== name) {
      state.dataset.state = name;
      state.querySelector(".live-words").textContent = words[name];
    }
    showBanner(isLost ? lostWords(Math.round(lostMs / 1000)) : "");
  }
}

function lostWords(seconds) {
  if (seconds < 120) return fill(words.lost, { n: seconds });
  return fill(words.lost_minutes, { n: Math.floor(seconds / 60) });
}

function showBanner(text) {
  const banner = document.getElementById("banner");
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = text === "";
}

async function isSignedOut() {
  try {
    return (await fetch("/session", { headers: { Accept: "application/json" } })).status === 401;
  } catch {
    return false; // no network: not known, so stay
  }
}
