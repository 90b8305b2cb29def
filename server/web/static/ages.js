// Keeps "4 minutes ago" true, by the centre's clock: a phone's own may be wrong.

import { fill, words } from "./words.js";

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;
const EVERY_MS = 15000;
let aheadMs = 0;

/** Learns how far the centre's clock is ahead of ours. */
export function setClock(serverTime) {
  const at = Date.parse(serverTime);
  if (!Number.isNaN(at)) aheadMs = at - Date.now();
}

/** Now by the centre's clock, in milliseconds. */
export function centreNow() {
  return Date.now() + aheadMs;
}

export function ageWords(seconds) {
  if (seconds < MINUTE_S) return words.now;
  if (seconds < HOUR_S) return fill(words.minutes, { n: Math.floor(seconds / MINUTE_S) });
  if (seconds < DAY_S) return fill(words.hours, { n: Math.floor(seconds / HOUR_S) });
  return fill(words.days, { n: Math.floor(seconds / DAY_S) });
}

export function refreshAges(root = document) {
  const now = centreNow();
  for (const time of root.querySelectorAll("time.age")) {
    const text = ageWords((now - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}

export function keepAges() {
  refreshAges();
  setInterval(refreshAges, EVERY_MS);
}
