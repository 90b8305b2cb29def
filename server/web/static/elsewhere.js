// Emergencies ring on a page that shows something else, too: until somebody takes them, on this phone or another.

import { centreNow } from "./ages.js";
import { Chime, isSilenced, rings, whenHeardAgain } from "./chime.js";
import { say } from "./toast.js";
import { fill, words } from "./words.js";

const NEWS_MS = 60000;
const MESSAGE_MS = 8000;

/** A function that is told the card of each alert that the stream brings. */
export function listenElsewhere() {
  const urgent = new Map(); // by alert, the card
  const silenced = new Map();
  const known = new Set();
  const chime = new Chime(document.getElementById("sound"), () => [...urgent.values()].some(rings));
  chime.start();
  whenHeardAgain(
    () => [...silenced.values()],
    (card) => (rings(card) ? heard(card) : chime.sound(card.dataset.severity)),
  );
  return heard;

  function heard(card) {
    const { alert, severity, status, lateness, received, title } = card.dataset;
    const isNew = !known.has(alert) && centreNow() - Date.parse(received) < NEWS_MS;
    known.add(alert);
    if (isSilenced(card)) silenced.set(alert, card);
    else silenced.delete(alert);
    if (!rings(card)) {
      urgent.delete(alert);
      if (isNew && status === "open" && lateness !== "late" && !isSilenced(card)) chime.sound(severity);
    } else if (!urgent.has(alert)) {
      urgent.set(alert, card);
      chime.ring();
      say(fill(words.urgent, { title }), MESSAGE_MS);
    }
  }
}
