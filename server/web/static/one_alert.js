// The page of one alert: says when it changed elsewhere, shows a picture that has just come (never under a pen), and
// puts what is done here into the outbox, so that it is done without a line too.

import { openOutbox } from "./acting.js";
import { listenElsewhere } from "./elsewhere.js";
import { Photo } from "./photo.js";
import { Stream } from "./stream.js";
import { refusal, say } from "./toast.js";
import { fill, words } from "./words.js";

const KEPT_MS = 6000;
const { alert, position } = document.body.dataset;
const stream = new Stream(position, changed);
const outbox = openOutbox(stream, showWaiting, answered);
const input = document.querySelector('input[name="photo"]');
const hear = listenElsewhere();
const photo = input && new Photo(input, document.getElementById("photo-shown"));
let isLeaving = false; // a link was followed: loading anew would keep the person here

function changed(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const card = holder.content.firstElementChild;
  hear(card);
  if (card.dataset.alert !== alert) return;
  const note = document.querySelector('textarea[name="note"]');
  if (outbox.entries().some(isHere)) return; // the answer to it loads the page anew
  if (isLeaving || (note && (note.value || input?.files.length || note === document.activeElement))) document.getElementById("changed").hidden = false;
  else location.reload();
}

function isHere(act) {
  return act.alerts.includes(alert);
}

function showWaiting(acts) {
  const isWaiting = acts.some(isHere);
  const panel = document.getElementById("finish");
  if (!panel) return;
  panel.classList.toggle("waiting", isWaiting);
  for (const button of panel.querySelectorAll("button")) button.disabled = isWaiting;
}

/** What the form would send, kept first. Forms of the ladder go straight: they need the centre's answer at once. */
async function sent(event) {
  const form = event.target;
  const hasPhoto = form.contains(input) && input.files.length > 0;
  if (!form.matches("[data-acts]") || !outbox.store || (hasPhoto && !outbox.keepsPhotos)) return;
  event.preventDefault();
  const fields = new FormData(form);
  if (event.submitter?.name) fields.set(event.submitter.name, event.submitter.value);
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  const { title } = document.getElementById("alert").dataset;
  const more = { note: fields.get("note"), photo: hasPhoto ? await photo.taken() : null };
  outbox.add(fields.get("action"), [alert], title, more);
  if (!stream.isLive) say(fill(words.kept, { title }), KEPT_MS);
}

function answered(act, answer) {
  if (!isHere(act)) return;
  const why = refusal(answer);
  const word = answer?.outcomes.find((outcome) => outcome.refused)?.refused;
  if (answer !== null) location.assign(`/alerts/${encodeURIComponent(alert)}${word ? `?refused=${word}` : ""}`);
  else say(why, KEPT_MS);
}

document.addEventListener("submit", sent);
window.addEventListener("beforeunload", () => (isLeaving = true));
window.addEventListener("pageshow", () => (isLeaving = false)); // and came back
stream.onLive = () => outbox.flush();
outbox.start();
stream.start();
setInterval(outbox.show, 1000);
