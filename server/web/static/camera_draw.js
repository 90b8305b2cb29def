// Draws zones, lines and masks on a camera's picture, by mouse, finger and keys. The form's own fields are what counts:
// whatever is drawn is written into them, and what is typed there is drawn.

import { fill } from "./words.js";

const WHOLE = 1000; // thousandths
const STEP = 5;
const LONG_STEP = 50;
const NEWS_MS = 1500;
const NEWS_MOST = 30;
const SVG = "http://www.w3.org/2000/svg";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const form = document.getElementById("camera-form");
const sheet = document.getElementById("camera-sheet");
const over = document.getElementById("camera-over");
const seen = parseFloat(document.getElementById("drawing").getAttribute("height")) / 100; // the rest is the strip below
const drawn = document.getElementById("drawn");
const handles = document.getElementById("handles");
const tools = document.getElementById("draw-tools");
const state = document.getElementById("draw-state");
const rowsOfShapes = document.getElementById("shape-rows");
const rowsOfRules = document.getElementById("rule-rows");
let picked = null;
let isChanged = false;

const rows = () => [...rowsOfShapes.querySelectorAll(".drawn-row")];
const fieldOf = (row) => row.querySelector(".shape-points");
const within = (value) => Math.min(WHOLE, Math.max(0, Math.round(value)));

function pointsOf(row) {
  const pairs = fieldOf(row).value.trim().split(/\s+/).filter(Boolean);
  return pairs.map((pair) => pair.split(",").map(Number)).filter((pair) => pair.length === 2 && pair.every(Number.isFinite));
}

function setPoints(row, points) {
  fieldOf(row).value = points.map((pair) => pair.join(",")).join(" ");
  isChanged = true;
  draw();
}

function made(name, attributes, inside = []) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

function draw() {
  drawn.replaceChildren(...rows().map(shapeOf));
  const points = picked ? pointsOf(picked) : [];
  const focused = [...handles.children].indexOf(document.activeElement);
  handles.replaceChildren(...points.map(handleOf));
  handles.children[focused]?.focus({ preventScroll: true });
  for (const row of rows()) row.querySelector(".pick").setAttribute("aria-pressed", String(row === picked));
  sheet.classList.toggle("is-drawing", Boolean(picked));
  const button = document.getElementById("add-point");
  if (button) button.disabled = !picked;
  tellNames();
}

function shapeOf(row) {
  const { what } = row.dataset;
  const points = pointsOf(row).map((pair) => pair.join(",")).join(" ");
  return made(what === "line" ? "polyline" : "polygon", { class: `drawn ${what}${row === picked ? " is-picked" : ""}`, points });
}

function handleOf([x, y], index) {
  const label = fill(state.dataset.point, { n: index + 1, x, y });
  const number = made("text", { y: -14 });
  number.textContent = String(index + 1);
  const inside = [made("circle", { class: "handle-touch", r: 24 }), made("circle", { class: "handle-dot", r: 8 }), number];
  const place = { x: `${x / 10}%`, y: `${y / 10}%` };
  return made("svg", { class: "handle", ...place, tabindex: 0, role: "button", "aria-label": label, "data-index": index }, inside);
}

/** Names of zones and lines, for the fields of rules. */
function tellNames() {
  for (const what of ["zone", "line"]) {
    const names = rows().filter((row) => row.dataset.what === what).map((row) => row.querySelector(".shape-name").value.trim());
    const options = [...new Set(names)].filter(Boolean).map((name) => Object.assign(document.createElement("option"), { value: name }));
    document.getElementById(`${what}-names`).replaceChildren(...options);
  }
}

function say(text, values) {
  state.textContent = fill(text, values);
}

function pick(row) {
  picked = row;
  draw();
  if (row) say(state.dataset.points, { n: pointsOf(row).length });
}

function spotOf(event) {
  const around = over.getBoundingClientRect();
  const [left, top] = [event.clientX - around.left, event.clientY - around.top];
  return [within((left / around.width) * WHOLE), within((top / (around.height * seen)) * WHOLE)];
}

function distance([x, y], [ax, ay], [bx, by]) {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const part = length ? Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
  return Math.hypot(x - ax - part * (bx - ax), y - ay - part * (by - ay));
}

/** Between the two corners that it lies nearest to; a polygon of two points is no polygon yet. */
function placeFor(spot, points) {
  if (points.length < 3) return points.length;
  const far = points.map((point, index) => distance(spot, point, points[(index + 1) % points.length]));
  return far.indexOf(Math.min(...far)) + 1;
}

function addPoint(spot) {
  const points = pointsOf(picked);
  if (picked.dataset.what === "line" && points.length >= 2) {
    say(state.dataset.full, {});
    return -1;
  }
  const index = placeFor(spot, points);
  points.splice(index, 0, spot);
  setPoints(picked, points);
  say(state.dataset.points, { n: points.length });
  return index;
}

function movePoint(index, x, y) {
  const points = pointsOf(picked);
  points[index] = [within(x), within(y)];
  setPoints(picked, points);
  say(state.dataset.point, { n: index + 1, x: points[index][0], y: points[index][1] });
}

function removePoint(index) {
  const points = pointsOf(picked);
  points.splice(index, 1);
  setPoints(picked, points);
  say(state.dataset.removed, {});
  handles.children[Math.min(index, points.length - 1)]?.focus({ preventScroll: true });
}

function drag(handle, event) {
  const index = Number(handle.dataset.index);
  const follow = (moved) => movePoint(index, ...spotOf(moved));
  const drop = () => {
    over.removeEventListener("pointermove", follow);
    handles.children[index]?.focus({ preventScroll: true });
  };
  over.setPointerCapture(event.pointerId);
  over.addEventListener("pointermove", follow);
  over.addEventListener("pointerup", drop, { once: true });
  over.addEventListener("pointercancel", drop, { once: true });
}

function onPress(event) {
  if (!picked || event.button > 0) return;
  event.preventDefault();
  const handle = event.target.closest(".handle");
  if (handle) return drag(handle, event);
  const index = addPoint(spotOf(event));
  if (index >= 0) drag(handles.children[index], event); // a point that was just put down can be moved on
}

function onKey(event) {
  const handle = event.target.closest(".handle");
  if (!handle) return;
  const index = Number(handle.dataset.index);
  const way = ARROWS[event.key];
  if (way) {
    event.preventDefault();
    const [x, y] = pointsOf(picked)[index];
    const step = event.shiftKey ? LONG_STEP : STEP;
    movePoint(index, x + way[0] * step, y + way[1] * step);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    removePoint(index);
  }
}

function nextIndex(prefix) {
  const taken = [...form.elements].map((one) => new RegExp(`^${prefix}-(\\d+)-`).exec(one.name)).filter(Boolean);
  return taken.reduce((most, found) => Math.max(most, Number(found[1])), -1) + 1;
}

function newRow(template, prefix, into) {
  const row = document.getElementById(template).content.firstElementChild.cloneNode(true);
  const index = nextIndex(prefix);
  for (const one of row.querySelectorAll("[name]")) one.name = one.name.replace("-NEW-", `-${index}-`);
  into.append(row);
  ready(row);
  isChanged = true;
  return row;
}

function usualName(what) {
  const names = rows().filter((row) => row.dataset.what === what).map((row) => row.querySelector(".shape-name").value);
  const first = what === "zone" ? "restricted" : "gate";
  return names.includes(first) ? `${what}-${names.length + 1}` : first;
}

function addShape(what) {
  const name = what === "zone" || what === "line" ? usualName(what) : "";
  const row = newRow(`new-${what}`, "shape", rowsOfShapes);
  if (name) row.querySelector(".shape-name").value = name;
  pick(row);
}

function ready(row) {
  for (const button of row.querySelectorAll("button[hidden]")) button.hidden = false;
}

function onRowClick(event) {
  const row = event.target.closest(".drawn-row, .rule-row");
  if (!row) return;
  if (event.target.closest(".pick")) pick(row === picked ? null : row);
  if (event.target.closest(".remove")) {
    if (row === picked) picked = null;
    row.remove();
    isChanged = true;
    draw();
  }
}

function addRule(event) {
  const choice = document.getElementById("add-rule");
  event.preventDefault();
  if (!choice.value) return;
  const row = newRow(`new-rule-${choice.value}`, "rule", rowsOfRules);
  choice.value = "";
  row.querySelector("input:not([type=hidden]), select")?.focus();
}

/** A picture that was asked for: looked for until it is there, or too late. */
async function waitForPicture() {
  const place = document.getElementById("picture-state");
  for (let turn = 0; turn < NEWS_MOST; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, NEWS_MS));
    const answer = await fetch(place.dataset.news, { headers: { Accept: "application/json" } }).catch(() => null);
    const said = answer?.ok ? await answer.json() : {};
    if (!said.picture) continue;
    if (isChanged) place.textContent = place.dataset.kept;
    else window.location.replace(place.dataset.here);
    return;
  }
  place.textContent = place.dataset.late;
}

if (tools) {
  tools.hidden = false;
  for (const row of form.querySelectorAll(".drawn-row, .rule-row")) ready(row);
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-add]");
    if (button) addShape(button.dataset.add);
  });
  document.getElementById("add-point").addEventListener("click", () => {
    const index = addPoint([WHOLE / 2, WHOLE / 2]);
    handles.children[index]?.focus({ preventScroll: true });
  });
  document.getElementById("add-rule-button").addEventListener("click", addRule);
  over.addEventListener("pointerdown", onPress);
  over.addEventListener("keydown", onKey);
  form.addEventListener("click", onRowClick);
  form.addEventListener("input", (event) => {
    isChanged = true;
    if (event.target.matches(".shape-points, .shape-name")) draw();
  });
  draw();
}
if (document.getElementById("picture-state").dataset.news) waitForPicture();
