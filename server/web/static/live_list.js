// The page of live alerts: stream in, taps out.

import { adorn, meant, place, showWaiting, tidy } from "./cards.js";
import { Chime } from "./chime.js";
import { Outbox } from "./outbox.js";
import { Stream } from "./stream.js";
import { fill, words } from "./words.js";

const UNDO_MS = 5000;
const MESSAGE_MS = 4000;
const { person, position } = document.body.dataset;
const toast = document.getElementById("toast");
const pending = document.getElementById("pending");

const outbox = new Outbox(person, showPending, answered);
const stream = new Stream(position, arrived);
const chime = new Chime(document.getElementById("sound"), () =>
  document.querySelector('[data-section="open"] .card[data-severity="critical"]:not(.waiting)'),
);
let hiding = null;

function arrived(html) {
  const { card, isNew } = place(html);
  showPending();
  const { severity, lateness, status, title } = card.dataset;
  if (!isNew || status !== "open" || lateness === "late") return; // what comes late is looked at, not rung for
  if (severity === "critical") chime.ring();
  if (severity === "high") chime.once();
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
  say(words.undone, MESSAGE_MS, null);
}

function answered(entry, answer) {
  if (answer === null) {
    say(words.refused, MESSAGE_MS, null);
    return;
  }
  const refused = answer.outcomes.find((outcome) => outcome.refused);
  if (refused) say(words[`refused_${refused.refused}`] ?? words.refused, MESSAGE_MS, null);
}

function say(text, milliseconds, onUndo) {
  clearTimeout(hiding);
  toast.querySelector(".toast-words").textContent = text;
  const button = toast.querySelector(".toast-undo");
  button.hidden = onUndo === null;
  button.onclick = onUndo;
  toast.hidden = false;
  hiding = setTimeout(() => (toast.hidden = true), milliseconds);
}

function showPending() {
  const entries = outbox.entries();
  showWaiting(new Set(entries.filter((entry) => entry.action === "acknowledge").flatMap((entry) => entry.alerts)));
  const text = outbox.needsLogin ? words.sign_in : fill(words.pending, { n: entries.length });
  pending.hidden = entries.length === 0 || (stream.isLive && !outbox.needsLogin);
  if (pending.textContent !== text) pending.textContent = text;
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

stream.onLive = () => outbox.flush();
document.querySelectorAll(".card").forEach(adorn);
tidy();
chime.start();
outbox.start();
stream.start();
setInterval(showPending, 1000);
