// The page of live alerts: stream in, taps out.

import { openOutbox } from "./acting.js";
import { adorn, meant, place, showWaiting, tidy } from "./cards.js";
import { Chime, heardAs, rings, whenHeardAgain, whenJudged } from "./chime.js";
import { PageKeeper } from "./keep_page.js";
import { Stream } from "./stream.js";
import { refusal, say } from "./toast.js";
import { fill, words } from "./words.js";

const UNDO_MS = 5000;
const MESSAGE_MS = 4000;

const stream = new Stream(document.body.dataset.position, arrived);
const outbox = openOutbox(stream, showTaps, answered);
const keeper = new PageKeeper(stream);
const chime = new Chime(document.getElementById("sound"), () =>
  [...document.querySelectorAll('[data-section="open"] .card[data-severity="critical"]:not(.waiting)')].some(rings),
);

function arrived(html) {
  const { card, isNew } = place(html);
  outbox.show();
  keeper.soon();
  if (isNew) whenJudged(card, () => document.getElementById(card.id), sound); // what comes late is looked at, not rung for
}

function sound(card) {
  const { title } = card.dataset;
  const severity = heardAs(card);
  if (rings(card)) chime.ring();
  else chime.soundFor(card);
  if (severity === "critical" || severity === "high") announce(fill(words.urgent, { title }));
}

function announce(text) {
  document.getElementById("announce").textContent = text;
}

function take(card) {
  const cards = meant(card);
  const alerts = cards.map((one) => one.dataset.alert);
  const title = card.dataset.title;
  const request = outbox.add("acknowledge", alerts, title);
  const taken = alerts.length > 1 ? words.taken_many : words.taken;
  const text = stream.isLive ? taken : words.kept;
  say(fill(text, { n: alerts.length, title }), UNDO_MS, () => undo(request, alerts, title));
}

function undo(request, alerts, title) {
  if (!outbox.withdraw(request)) outbox.add("undo", alerts, title);
  say(words.undone, MESSAGE_MS);
}

function answered(act, answer, hadToWait) {
  const why = refusal(answer);
  if (why && !hadToWait) say(why, MESSAGE_MS);
}

function showTaps(acts) {
  showWaiting(new Set(acts.filter((act) => act.action !== "undo").flatMap((act) => act.alerts)));
}

document.getElementById("main").addEventListener("click", (event) => {
  const more = event.target.closest(".more");
  if (more) {
    more.closest(".group").classList.toggle("expanded");
    tidy();
  }
  const button = event.target.closest("[data-act]");
  if (button) take(button.closest(".card"));
});

stream.onLive = () => {
  outbox.flush();
  keeper.soon();
};
whenHeardAgain(() => document.querySelectorAll('[data-section="open"] .card'), sound);
stream.onWake = () => chime.resume();
document.querySelectorAll(".card").forEach(adorn);
tidy();
chime.start();
outbox.start();
stream.start();
setInterval(outbox.show, 1000);
