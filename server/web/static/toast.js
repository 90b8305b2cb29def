// Short words over the page that go by themselves, with a way back where there is one; and what became of kept acts.

import { fill, words } from "./words.js";

const SENT_MS = 12000;
let hiding = null;

export function say(text, milliseconds, onUndo = null) {
  const toast = document.getElementById("toast");
  clearTimeout(hiding);
  toast.querySelector(".toast-words").textContent = text;
  const button = toast.querySelector(".toast-undo");
  button.hidden = onUndo === null;
  button.onclick = onUndo;
  toast.hidden = false;
  hiding = setTimeout(() => (toast.hidden = true), milliseconds);
}

/** Why the centre did not do an act; empty where it did. */
export function refusal(answer) {
  if (answer === null) return words.refused;
  const refused = answer.outcomes.find((outcome) => outcome.refused);
  return refused ? (words[`refused_${refused.refused}`] ?? words.refused) : "";
}

/** A line that stays until it is put away; of what was sent only for a while. */
export function report(act, answer) {
  const why = refusal(answer);
  const values = { what: words[`did_${act.action}`], title: act.title, why };
  const line = document.createElement("p");
  line.className = why ? "outcome refused" : "outcome";
  line.append(fill(why ? words.was_refused : words.was_sent, values), putAway(line));
  document.getElementById("outcomes").append(line);
  if (!why) setTimeout(() => line.remove(), SENT_MS);
}

function putAway(line) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = words.put_away;
  button.addEventListener("click", () => line.remove());
  return button;
}
