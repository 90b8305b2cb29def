// Adds this browser to those that are pushed to: asks, subscribes, and tells the centre where to.

const box = document.getElementById("push");
const WORKER = "/worker.js"; // the one of all screens: its subscription outlives an upgrade
const BEFORE = "/static/push_worker.js"; // of earlier versions, in a scope of its own

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/") + "=".repeat((4 - (text.length % 4)) % 4));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

function say(words) {
  const place = document.getElementById("push-said");
  place.textContent = words;
  place.hidden = false;
}

async function add() {
  if ((await Notification.requestPermission()) !== "granted") return say(box.dataset.denied);
  const registration = await navigator.serviceWorker.register(WORKER);
  await ready(registration);
  let subscription;
  try {
    const wanted = { userVisibleOnly: true, applicationServerKey: bytes(box.dataset.key) };
    subscription = await registration.pushManager.subscribe(wanted);
  } catch {
    return say(box.dataset.away);
  }
  const given = subscription.toJSON();
  const body = new URLSearchParams({ endpoint: given.endpoint, p256dh: given.keys.p256dh, auth: given.keys.auth });
  const token = document.querySelector('meta[name="csrf"]').content;
  const answer = await fetch("/me/channels/browsers", { method: "POST", body, headers: { "X-CSRF-Token": token } });
  if (!answer.ok) return say(box.dataset.refused);
  await leaveEarlier();
  location.reload();
}

/** Else both would show the same push. */
async function leaveEarlier() {
  const all = await navigator.serviceWorker.getRegistrations();
  await Promise.all(all.filter((one) => one.active?.scriptURL.endsWith(BEFORE)).map((one) => one.unregister()));
}

/** A worker that was just registered cannot subscribe before it is active. */
function ready(registration) {
  const coming = registration.installing || registration.waiting;
  if (!coming) return Promise.resolve();
  return new Promise((done) => {
    const look = () => coming.state === "activated" && done();
    coming.addEventListener("statechange", look);
    look();
  });
}

if (box && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  const button = document.getElementById("push-add");
  button.hidden = false;
  document.getElementById("push-unable").hidden = true;
  button.addEventListener("click", () => add().catch(() => say(box.dataset.away)));
}
