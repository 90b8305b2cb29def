// What every page does: ages stay true, requests bear the login's token, the menu closes, the worker is there.

import { keepAges, refreshAges } from "./ages.js";

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf"]');
  if (token) event.detail.headers["X-CSRF-Token"] = token.content;
});
document.addEventListener("htmx:afterSwap", () => refreshAges());

const menu = document.querySelector("details.menu");
if (menu) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// Only over https, or on this machine; without it everything works but the pages for where there is no line.
if (document.body.dataset.person && "serviceWorker" in navigator) {
  navigator.serviceWorker.register("/worker.js").catch((error) => console.warn("no worker:", error.message));
}

keepAges();
