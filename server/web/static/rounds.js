// A round on a phone: begun, read checkpoint by checkpoint, ended; all of it without a network as long as the page stands.

import { canonical, markOf } from "./round_codes.js";
import { Kept } from "./rounds_kept.js";
import { newKey } from "./session.js";
import { fill } from "./words.js";

const phone = JSON.parse(document.getElementById("phone").textContent);
const words = JSON.parse(document.getElementById("round-words").textContent);
const at = (id) => document.getElementById(id);
const kept = new Kept(document.body.dataset.person, show, answered);

function say(text) {
  at("round-said").textContent = text;
}

/** Keeps an act with the round as it is after it. */
function act(round, kind, more = {}) {
  const said = { round: round.id, route: round.route.id, kind, at: new Date().toISOString(), ...more };
  if (round.due_at) said.due_at = round.due_at;
  try {
    kept.add(phone.complex, round, said);
    return true;
  } catch {
    say(words.full);
    return false;
  }
}

function begin(route, dueAt) {
  const round = { id: newKey(), route, due_at: dueAt, reads: {}, ended: false };
  if (act(round, "begin") && phone.scanned) readCode(phone.scanned.code);
}

function readCode(text) {
  const round = kept.round(phone.complex);
  const code = canonical(text);
  if (code === null) return say(words.slip);
  const point = round.route.points.find((one) => one.mark === markOf(code));
  if (!point) return say(words.other);
  if (point.id in round.reads) return say(fill(words.again, { name: point.name }));
  round.reads[point.id] = new Date().toISOString();
  if (!act(round, "read", { code })) return undefined;
  return say(isThrough(round) ? words.done : fill(words.read, { name: point.name }));
}

function isThrough(round) {
  return round.route.points.every((point) => point.id in round.reads);
}

function end(reason) {
  const round = kept.round(phone.complex);
  if (!reason.trim()) return say(words.reason);
  if (!act({ ...round, ended: true }, "end", { reason: reason.trim() })) return undefined;
  kept.close(phone.complex);
  return say(words.ended);
}

function answered(answers) {
  const refused = answers.filter((answer) => answer.outcome !== "kept" && answer.outcome !== "known").length;
  if (refused) say(fill(words.refused, { n: refused }));
}

function show() {
  const count = kept.waiting().length;
  const waiting = kept.needsLogin ? words.sign_in : fill(words.waiting, { n: count });
  at("round-waiting").textContent = count ? waiting : words.sent;
  at("round-waiting").dataset.count = String(count);
  const round = kept.round(phone.complex);
  at("round-choose").hidden = round !== null;
  at("round-walk").hidden = round === null;
  if (round === null) showChoice();
  else showRound(round);
}

function showChoice() {
  const slots = phone.slots.filter((slot) => new Date(slot.missed_after) > new Date());
  const planned = slots.map((slot) => choice(slot.route, slot.name, fill(words.planned, slot), slot));
  const extra = phone.routes.map((route) => choice(route.id, route.name, words.extra, null));
  at("round-slots").replaceChildren(...planned, ...extra);
  at("round-none").hidden = phone.routes.length > 0;
}

function choice(routeId, name, note, slot) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `${name} · ${note}`;
  button.className = slot ? "primary" : "";
  button.addEventListener("click", () => {
    if (slot && new Date(slot.opens_at) > new Date()) say(words.not_yet);
    else begin(phone.routes.find((route) => route.id === routeId), slot ? slot.due_at : null);
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function showRound(round) {
  const isOver = isThrough(round);
  at("walk-title").textContent = round.route.name;
  at("round-progress").textContent = fill(words.progress, {
    read: Object.keys(round.reads).length,
    all: round.route.points.length,
  });
  at("round-points").replaceChildren(...round.route.points.map((point) => line(point, round.reads[point.id])));
  at("round-code").hidden = isOver;
  at("round-nfc").hidden = isOver || !("NDEFReader" in window);
  at("round-end").closest("details").hidden = isOver;
  at("round-close").hidden = !isOver;
}

function line(point, readAt) {
  const item = document.createElement("li");
  const clock = readAt ? new Date(readAt).toTimeString().slice(0, 5) : "";
  item.textContent = readAt ? `✓ ${point.name} ${clock}` : point.name;
  item.className = readAt ? "is-read" : "";
  return item;
}

/** Tags carry the address that the label's QR code has. */
async function readTags() {
  try {
    const reader = new NDEFReader();
    await reader.scan();
    say(words.nfc);
    reader.addEventListener("reading", ({ message }) => {
      for (const record of message.records) {
        if (record.recordType === "url") readCode(new TextDecoder().decode(record.data));
      }
    });
  } catch {
    say(words.nfc_refused);
  }
}

at("round-code").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.code;
  readCode(field.value);
  field.value = "";
  field.focus();
});
at("round-end").addEventListener("submit", (event) => {
  event.preventDefault();
  end(event.target.elements.reason.value);
});
at("round-nfc").addEventListener("click", readTags);
at("round-close").addEventListener("click", () => kept.close(phone.complex));

kept.start();
if (phone.scanned && kept.round(phone.complex)) readCode(phone.scanned.code);
