// The list of alerts: a card replaces the one of the same alert, cards of one incident are one row, the newest on top.

import { refreshAges } from "./ages.js";
import { fill, words } from "./words.js";

const SHOWN_STATUSES = new Set(["open", "acknowledged"]);
const MOST_GROUPS = 250;
const MOST_CARDS = 50; // of one incident: the alert's own page has them all
const TIDY_AFTER_MS = 40;

const besides = new Map(); // incident -> alerts of it that were on the page and gave way
let coming = null;
const FRESH_MS = 6000;

/** Puts a card where it belongs; the card, and whether its alert was not on the page before. */
export function place(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const card = holder.content.firstElementChild;
  const old = document.getElementById(card.id);
  const hadFocus = old !== null && old.contains(document.activeElement);
  const gaveWay = besides.get(card.dataset.incident)?.delete(card.dataset.alert) ?? false;
  if (old) removeCard(old);
  if (SHOWN_STATUSES.has(card.dataset.status)) insert(card);
  adorn(card);
  if (hadFocus && card.isConnected) card.querySelector(".card-title a").focus();
  const isNew = old === null && !gaveWay;
  if (isNew) markFresh(card);
  refreshAges(card);
  tidySoon();
  return { card, isNew };
}

/** Whose card it is: only this page knows who looks at it. */
export function adorn(card) {
  const isMine = card.dataset.holder === document.body.dataset.person;
  card.classList.toggle("mine", isMine);
  if (isMine) card.querySelector(".holder").textContent = words.mine;
}

function insert(card) {
  const list = document.querySelector(`[data-section="${card.dataset.status}"] .groups`);
  const group = groupOf(list, card.dataset.incident);
  insertByArrival(group.querySelector(".cards"), card, (other) => other.dataset.received);
  shorten(group);
  group.remove(); // the group moves with its newest card
  insertByArrival(list, group, newestIn, newestIn(group));
}

/** Of a flood the newest stay, and how many there are beside them is counted. */
function shorten(group) {
  const cards = group.querySelector(".cards");
  const { incident } = group.dataset;
  while (cards.children.length > MOST_CARDS) {
    if (!besides.has(incident)) besides.set(incident, new Set());
    besides.get(incident).add(cards.lastElementChild.dataset.alert);
    cards.lastElementChild.remove();
  }
}

function beside(group) {
  return besides.get(group.dataset.incident)?.size ?? 0;
}

function groupOf(list, incident) {
  const found = [...list.children].find((group) => group.dataset.incident === incident);
  if (found) return found;
  const group = document.getElementById("group").content.firstElementChild.cloneNode(true);
  group.dataset.incident = incident;
  return group;
}

function newestIn(group) {
  return group.querySelector(".card").dataset.received;
}

function insertByArrival(list, item, arrivedAt, at = arrivedAt(item)) {
  const next = [...list.children].find((other) => Date.parse(arrivedAt(other)) <= Date.parse(at));
  list.insertBefore(item, next ?? null);
}

function removeCard(card) {
  const group = card.closest(".group");
  card.remove();
  if (group.querySelector(".card")) return;
  besides.delete(group.dataset.incident);
  group.remove();
}

function markFresh(card) {
  card.classList.add("fresh");
  setTimeout(() => card.classList.remove("fresh"), FRESH_MS);
}

/** Once for all that comes within a blink: in a flood each card would count all the others. */
function tidySoon() {
  coming ??= setTimeout(tidy, TIDY_AFTER_MS);
}

/** Counts, and what follows from them. */
export function tidy() {
  clearTimeout(coming);
  coming = null;
  for (const section of document.querySelectorAll("[data-section]")) {
    const groups = [...section.querySelectorAll(".group")];
    groups.splice(MOST_GROUPS).forEach((group) => group.remove());
    groups.forEach(showCount);
    const hidden = groups.reduce((sum, group) => sum + beside(group), 0);
    section.querySelector("[data-tally]").textContent = section.querySelectorAll(".card").length + hidden;
    section.classList.toggle("is-empty", groups.length === 0);
  }
  const waiting = document.querySelectorAll('[data-section="open"] .card').length;
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = waiting ? `(${waiting}) ${title}` : title;
}

function showCount(group) {
  const cards = group.querySelectorAll(".card");
  const all = cards.length + beside(group);
  const button = group.querySelector(".more");
  const isExpanded = group.classList.contains("expanded");
  button.hidden = cards.length < 2;
  button.setAttribute("aria-expanded", String(isExpanded));
  button.textContent = isExpanded ? words.fewer : fill(words.more, { n: all - 1 });
  cards.forEach((card, index) => {
    const count = card.querySelector(".count");
    count.hidden = index > 0 || cards.length < 2;
    count.textContent = `×${all}`;
  });
}

/** The cards a tap on this one means: all of a closed group, only itself in an open one. */
export function meant(card) {
  const group = card.closest(".group");
  return group.classList.contains("expanded") ? [card] : [...group.querySelectorAll(".card")];
}

/** Marks the alerts whose taps wait to be sent, and unmarks the others. */
export function showWaiting(alerts) {
  if (alerts.size === 0 && !document.querySelector(".card.waiting")) return;
  for (const card of document.querySelectorAll(".card")) {
    const isWaiting = alerts.has(card.dataset.alert);
    card.classList.toggle("waiting", isWaiting);
    const button = card.querySelector(".take");
    if (button) button.disabled = isWaiting;
  }
}
