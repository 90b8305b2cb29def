// The plan to look at: asks for its signs anew when the centre says that something stands otherwise.

import { refreshAges } from "./ages.js";
import { listenElsewhere } from "./elsewhere.js";
import { startZoom } from "./plan_zoom.js";
import { Stream } from "./stream.js";

const LEAST_MS = 700; // between two askings, however much happens
const PARTS = ["plan-notes", "plan-pins", "plan-list"];
const LOUD = new Set(["forced", "held", "offline"]);
const { complex, position } = document.body.dataset;
let asked = null;
let isAsking = false;
let again = false;

const hear = listenElsewhere();
const stream = new Stream(position, alertCame, (one) => one === complex && askSoon());

function alertCame(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const card = holder.content.firstElementChild;
  hear(card);
  if (card.dataset.complex === complex) askSoon();
}

function askSoon() {
  again = true;
  asked ??= setTimeout(ask, LEAST_MS);
}

async function ask() {
  asked = null;
  if (isAsking) return;
  isAsking = true;
  again = false;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    again = true; // the line is gone: the stream notices, and asks once it is back
  }
  isAsking = false;
  if (again && stream.isLive) askSoon();
}

function put(page) {
  const before = signs(document);
  const held = document.activeElement?.id;
  const scrolled = document.getElementById("plan-list").scrollTop;
  for (const id of PARTS) {
    const fresh = page.getElementById(id);
    if (fresh) document.getElementById(id).replaceWith(document.adoptNode(fresh));
  }
  document.getElementById("plan-list").scrollTop = scrolled;
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
  refreshAges();
  announce(before);
}

function signs(root) {
  return new Map([...root.querySelectorAll(".pin-link")].map((pin) => [pin.id, `${pin.dataset.sign} ${pin.dataset.alerts}`]));
}

/** What became worse is said to who does not see the picture. */
function announce(before) {
  const worse = [...document.querySelectorAll(".pin-link")].filter(
    (pin) => before.get(pin.id) !== `${pin.dataset.sign} ${pin.dataset.alerts}` && (LOUD.has(pin.dataset.sign) || pin.dataset.alerts !== "0"),
  );
  if (worse.length) document.getElementById("announce").textContent = worse.map((pin) => pin.getAttribute("aria-label")).join("; ");
}

let isFirst = true;
stream.onLive = () => {
  if (!isFirst) askSoon(); // what was said meanwhile is not said again
  isFirst = false;
};
startZoom();
stream.start();
