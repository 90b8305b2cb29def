// The page of one alert: says when it changed elsewhere, and shows a picture that has just come. Never under a pen.

import { Stream } from "./stream.js";

const { alert, position } = document.body.dataset;

function changed(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  if (holder.content.firstElementChild.dataset.alert !== alert) return;
  const note = document.querySelector('textarea[name="note"]');
  if (note && (note.value || note === document.activeElement)) document.getElementById("changed").hidden = false;
  else location.reload();
}

new Stream(position, changed).start();
