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

// On a narrow screen a row of tabs is longer than the screen: the one that is open is to be seen.
for (const tabs of document.querySelectorAll(".subtabs")) {
  const here = tabs.querySelector("[aria-current]");
  if (here) tabs.scrollLeft = here.offsetLeft - (tabs.clientWidth - here.offsetWidth) / 2;
}

// Only over https, or on this machine; without it everything works but the pages for where there is no line.
if (document.body.dataset.person && "serviceWorker" in navigator) {
  navigator.serviceWorker.register("/worker.js").catch((error) => console.warn("no worker:", error.message));
}

keepAges();
