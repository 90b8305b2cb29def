// Emergencies ring on a page that shows something else, too: until somebody takes them, on this phone or another.

import { centreNow } from "./ages.js";
import { Chime, rings, whenHeardAgain, whenJudged } from "./chime.js";
import { say } from "./toast.js";
import { fill, words } from "./words.js";

const NEWS_MS = 60000;
const MESSAGE_MS = 8000;
const MOST_KEPT = 500;

/** A function that is told the card of each alert that the stream brings. */
export function listenElsewhere() {
  const urgent = new Map(); // by alert, the card
  const latest = new Map(); // by alert, the card as it came last
  const chime = new Chime(document.getElementById("sound"), () => [...urgent.values()].some(rings));
  chime.start();
  whenHeardAgain(
    () => [...latest.values()],
    (card) => (rings(card) ? heard(card) : chime.soundFor(card)),
  );
  return heard;

  function heard(card) {
    const { alert, received, title } = card.dataset;
    const isNew = !latest.has(alert) && centreNow() - Date.parse(received) < NEWS_MS;
    keep(alert, card);
    if (!rings(card)) {
      urgent.delete(alert);
      if (isNew) whenJudged(card, () => latest.get(alert), (one) => chime.soundFor(one));
    } else if (!urgent.has(alert)) {
      urgent.set(alert, card);
      chime.ring();
      say(fill(words.urgent, { title }), MESSAGE_MS);
    }
  }

  function keep(alert, card) {
    latest.delete(alert);
    latest.set(alert, card);
    if (latest.size > MOST_KEPT) latest.delete(latest.keys().next().value);
  }
}
