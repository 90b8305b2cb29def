// Sound and vibration, another for each severity: emergencies ring until they are taken, important ones chime thrice,
// ordinary ones once and softly, hints not at all.

import { centreNow } from "./ages.js";
import { say } from "./toast.js";
import { words } from "./words.js";

const SOUND_KEY = "gatehouse.sound";
const RING_EVERY_MS = 4000;
const RINGS_FOR_MS = 30 * 60 * 1000; // afterwards the ladder has told others, and a card says how old it is
const MESSAGE_MS = 6000;
const LOOK_EVERY_MS = 1000; // whether a silence is over
const SILENT_MS = 500; // so long a browser may take to begin
const JUDGED_MS = 800; // so long the ladder has to say that what is no emergency is not to be heard
const SAME_MS = 10 * 60 * 1000; // so long one matter sounds once, as it is told once
const MOST_MATTERS = 500;
const RANKS = { low: 0, medium: 1, high: 2, critical: 3 };
// Notes in hertz, each so long, so loud; and the vibration in milliseconds.
const SOUNDS = {
  critical: { notes: [988, 659, 988, 659, 988, 659], lastsS: 0.24, volume: 0.5, buzz: [500, 150, 500, 150, 500] },
  high: { notes: [880, 1175, 880], lastsS: 0.18, volume: 0.4, buzz: [200, 100, 200] },
  medium: { notes: [660], lastsS: 0.2, volume: 0.25, buzz: [120] },
};
const quiet = new Set(); // alerts that were not to be heard when they were last looked at
let context = null;

/** Whether somebody silenced it, and that is not over. It is listed all the same. */
export function isSilenced(card) {
  const { silencedUntil } = card.dataset;
  return Boolean(silencedUntil) && centreNow() < Date.parse(silencedUntil);
}

/** As what it sounds: of a source that is often wrong it is milder than it says. */
export function heardAs(card) {
  return card.dataset.heardAs ?? card.dataset.severity;
}

/** Whether it is not to be heard: somebody silenced it, or the ladder found that nobody is to be asked about it. */
function isQuiet(card) {
  return Boolean(card.dataset.quiet) || isSilenced(card);
}

/** Whether a card may sound now: it is open, news, and to be heard. */
export function sounds(card) {
  const { status, lateness, received } = card.dataset;
  const isFresh = centreNow() - Date.parse(received) < RINGS_FOR_MS;
  return status === "open" && lateness !== "late" && isFresh && !isQuiet(card);
}

/** Whether a card is something that rings until it is taken. */
export function rings(card) {
  return heardAs(card) === "critical" && sounds(card);
}

/** Calls `sound` with the card of an alert that is new: an emergency at once, all else as `latest` has it a moment later. */
export function whenJudged(card, latest, sound) {
  if (rings(card)) sound(card);
  else setTimeout(() => soundIfItMay(latest(), sound), JUDGED_MS);
}

function soundIfItMay(card, sound) {
  if (!card) return;
  if (isQuiet(card)) quiet.add(card.dataset.alert); // it may be heard before anyone looks again
  else if (sounds(card)) sound(card);
}

/** Calls `again` for each of the cards that was quiet and is no longer: the silence is over, or it is sure by now. */
export function whenHeardAgain(cards, again) {
  setInterval(() => {
    for (const card of cards()) {
      const { alert } = card.dataset;
      if (isQuiet(card)) quiet.add(alert);
      else if (quiet.delete(alert) && sounds(card)) again(card);
    }
  }, LOOK_EVERY_MS);
}

export class Chime {
  /** `isWaiting` says whether an emergency is still not taken. */
  constructor(button, isWaiting) {
    this.button = button;
    this.isWaiting = isWaiting;
    this.on = localStorage.getItem(SOUND_KEY) !== "off";
    this.soundedFor = new Map(); // matter -> as what, and when
  }

  start() {
    this.show();
    this.button.addEventListener("click", () => this.toggle());
    // Browsers let a page sound only after a touch.
    document.addEventListener("pointerdown", () => this.on && wake(), { once: true });
    this.resume();
  }

  /** What rang before the page was loaded, or before the phone slept, rings on. */
  resume() {
    if (this.isWaiting()) this.ring();
  }

  toggle() {
    this.on = !this.on;
    localStorage.setItem(SOUND_KEY, this.on ? "on" : "off");
    this.show();
    clearInterval(this.ringing);
    if (this.on) this.sound("high");
    if (this.on) this.resume();
  }

  show() {
    this.button.setAttribute("aria-pressed", String(this.on));
  }

  /** Of one matter once, unless something worse comes to it. Only what was to be heard counts. */
  soundFor(card) {
    const { incident } = card.dataset;
    const severity = heardAs(card);
    const last = this.soundedFor.get(incident);
    if (last && RANKS[last.severity] >= RANKS[severity] && centreNow() - last.at < SAME_MS) return;
    if (this.on) this.remember(incident, severity);
    this.sound(severity);
  }

  remember(incident, severity) {
    this.soundedFor.delete(incident);
    this.soundedFor.set(incident, { severity, at: centreNow() });
    if (this.soundedFor.size > MOST_MATTERS) this.soundedFor.delete(this.soundedFor.keys().next().value);
  }

  sound(severity) {
    const wanted = SOUNDS[severity];
    if (!this.on || !wanted) return;
    wake();
    setTimeout(() => context.state === "suspended" && this.askForTouch(), SILENT_MS);
    wanted.notes.forEach((hertz, index) => play(hertz, index * wanted.lastsS, wanted));
    if (navigator.vibrate) navigator.vibrate(wanted.buzz);
  }

  ring() {
    clearInterval(this.ringing);
    this.sound("critical");
    this.ringing = setInterval(() => (this.isWaiting() ? this.sound("critical") : clearInterval(this.ringing)), RING_EVERY_MS);
  }

  /** Honest where the browser keeps us silent. */
  askForTouch() {
    if (this.asked) return;
    this.asked = true;
    say(words.touch, MESSAGE_MS);
  }
}

function wake() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
}

function play(hertz, afterS, { lastsS, volume }) {
  const start = context.currentTime + afterS;
  const tone = context.createOscillator();
  const loud = context.createGain();
  tone.frequency.value = hertz;
  loud.gain.setValueAtTime(0.0001, start);
  loud.gain.exponentialRampToValueAtTime(volume, start + 0.02);
  loud.gain.exponentialRampToValueAtTime(0.0001, start + lastsS - 0.02);
  tone.connect(loud).connect(context.destination);
  tone.start(start);
  tone.stop(start + lastsS - 0.01);
}
