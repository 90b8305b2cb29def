// Counts a one-time code down by the time since the page came: a phone's own clock may be wrong. At the end it goes.

import { fill } from "./words.js";

const box = document.querySelector("[data-countdown]");
const left = box.querySelector(".left");
const endsAt = performance.now() + Number(box.dataset.countdown) * 1000;

function show() {
  const seconds = Math.ceil((endsAt - performance.now()) / 1000);
  if (seconds <= 0) {
    clearInterval(timer);
    box.remove();
    document.querySelector(".ended").hidden = false;
    return;
  }
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  left.textContent = fill(box.dataset.left, { time });
}

const timer = setInterval(show, 1000);
show();
