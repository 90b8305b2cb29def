// The words of this page's language, which the server wrote into it.

export const words = JSON.parse(document.getElementById("words").textContent);

/** A text with its {names} replaced. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
