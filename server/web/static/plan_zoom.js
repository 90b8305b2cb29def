// Makes the plan larger and smaller, about the middle of what is seen. Without scripts the browser's own zoom does it.

const LARGEST = 4;
const sheet = document.getElementById("plan-sheet");
const box = sheet.parentElement;

function zoom(by) {
  const before = sheet.clientWidth;
  const level = Math.min(LARGEST, Math.max(1, Number(sheet.dataset.zoom) + by));
  const [across, down] = [box.scrollLeft + box.clientWidth / 2, box.scrollTop + box.clientHeight / 2];
  sheet.dataset.zoom = String(level);
  const times = sheet.clientWidth / before;
  box.scrollTo(across * times - box.clientWidth / 2, down * times - box.clientHeight / 2);
}

/** Brings a pin into the middle of the box. */
export function show(pin) {
  const at = pin.getBoundingClientRect();
  const around = box.getBoundingClientRect();
  box.scrollBy(at.left - around.left - box.clientWidth / 2, at.top - around.top - box.clientHeight / 2);
}

export function startZoom() {
  const buttons = document.getElementById("plan-zoom");
  buttons.hidden = false;
  buttons.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) zoom(Number(button.dataset.by));
  });
  const sought = document.querySelector("#plan-pins .sought");
  if (sought) show(sought);
}
