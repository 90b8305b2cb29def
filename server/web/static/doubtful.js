// The queue of doubtful passages by keyboard: a key presses the button that bears it, and nothing while one types.

function isTyping(target) {
  return target.closest("input:not([type=hidden]), textarea, select, dialog[open]") !== null;
}

function help() {
  document.getElementById("keys").showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  const field = document.querySelector(`[data-focus="${CSS.escape(key)}"]`);
  const button = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if ((!field && !button) || document.getElementById("item").inert) return;
  event.preventDefault();
  if (field) field.select();
  else button.click();
});

document.addEventListener("click", (event) => {
  if (event.target.closest(".help-button")) help();
});

// Nothing is sent twice while the next one is on its way; a failed request lets one try again.
document.addEventListener("htmx:beforeRequest", () => setBusy(true));
document.addEventListener("htmx:afterRequest", () => setBusy(false));

function setBusy(busy) {
  const item = document.getElementById("item");
  if (item) item.inert = busy;
}
