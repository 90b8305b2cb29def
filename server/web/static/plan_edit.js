// Puts pins where they belong: by mouse and finger, and by the arrow keys. Each move is kept by itself.

import { startZoom } from "./plan_zoom.js";
import { fill } from "./words.js";

const WHOLE = 1000; // thousandths
const STEP = 5;
const LONG_STEP = 50;
const SETTLED_MS = 400; // after the last key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const sheet = document.getElementById("plan-pins");
const status = document.getElementById("plan-status");
const waiting = new Map();
let chain = Promise.resolve();

function within(value) {
  return Math.min(WHOLE, Math.max(0, Math.round(value)));
}

function move(pin, x, y) {
  pin.dataset.x = within(x);
  pin.dataset.y = within(y);
  pin.setAttribute("x", `${pin.dataset.x / 10}%`);
  pin.setAttribute("y", `${pin.dataset.y / 10}%`);
  const form = document.querySelector(`form[data-of="${pin.id}"]`);
  form.elements.x.value = pin.dataset.x;
  form.elements.y.value = pin.dataset.y;
}

/** One after the other, so that the last move is the one that stays. */
function save(pin) {
  clearTimeout(waiting.get(pin));
  waiting.delete(pin);
  const { device, point, x, y } = pin.dataset;
  status.textContent = sheet.dataset.saving;
  chain = chain.then(() => send(new URLSearchParams({ device, point, x, y })));
}

async function send(body) {
  const token = document.querySelector('meta[name="csrf"]').content;
  const headers = { "X-CSRF-Token": token, Accept: "application/json" };
  try {
    const answer = await fetch(sheet.dataset.save, { method: "POST", headers, body, keepalive: true });
    if (!answer.ok) throw new Error(String(answer.status));
    status.textContent = fill(sheet.dataset.saved, { x: body.get("x"), y: body.get("y") });
  } catch {
    status.textContent = sheet.dataset.failed;
  }
}

function dragged(pin, event) {
  const around = sheet.getBoundingClientRect();
  move(pin, ((event.clientX - around.left) / around.width) * WHOLE, ((event.clientY - around.top) / around.height) * WHOLE);
}

sheet.addEventListener("pointerdown", (event) => {
  const pin = event.target.closest("svg.pin");
  if (!pin || event.button > 0) return;
  event.preventDefault();
  pin.focus({ preventScroll: true });
  let hasMoved = false;
  const follow = (moved) => {
    hasMoved = true;
    dragged(pin, moved);
  };
  const drop = () => {
    pin.removeEventListener("pointermove", follow);
    pin.classList.remove("held-by-hand");
    if (hasMoved) save(pin);
  };
  pin.setPointerCapture(event.pointerId);
  pin.classList.add("held-by-hand");
  pin.addEventListener("pointermove", follow);
  pin.addEventListener("pointerup", drop, { once: true });
  pin.addEventListener("pointercancel", drop, { once: true });
});

sheet.addEventListener("keydown", (event) => {
  const pin = event.target.closest("svg.pin");
  const way = ARROWS[event.key];
  if (!pin || !way) return;
  event.preventDefault();
  const step = event.shiftKey ? LONG_STEP : STEP;
  move(pin, Number(pin.dataset.x) + way[0] * step, Number(pin.dataset.y) + way[1] * step);
  clearTimeout(waiting.get(pin));
  waiting.set(pin, setTimeout(() => save(pin), SETTLED_MS));
});

window.addEventListener("pagehide", () => [...waiting.keys()].forEach(save));
startZoom();
document.querySelector("#plan-pins .sought")?.focus({ preventScroll: true });
