// What every act of a page bears: the token of the login, renewed where the page is older, and a key of its own.

export function token() {
  return document.querySelector('meta[name="csrf"]');
}

export async function renewToken() {
  const answer = await fetch("/session", { headers: { Accept: "application/json" } });
  if (!answer.ok) return false;
  const { csrf, person } = await answer.json();
  const isNew = csrf !== token().content && String(person) === document.body.dataset.person;
  if (isNew) token().content = csrf;
  return isNew;
}

// Not crypto.randomUUID: browsers have that only over https, and a complex may run without.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
