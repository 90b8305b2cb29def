// Shows what is pushed, and opens its alert on a tap. It keeps nothing, and asks nobody.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let told = {};
  try {
    told = event.data.json();
  } catch {
    told = {}; // a push must show something, or the browser says so itself
  }
  const urgent = told.urgent === true;
  const shown = {
    body: String(told.body || ""),
    tag: String(told.tag || "gatehouse"), // the same step twice is one notification
    renotify: urgent,
    requireInteraction: urgent,
    vibrate: urgent ? [300, 100, 300, 100, 300] : [200],
    data: { url: String(told.url || "/") },
  };
  event.waitUntil(self.registration.showNotification(String(told.title || "Gatehouse"), shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const asked = new URL(event.notification.data.url, self.location.origin);
  const path = asked.pathname + asked.search; // whatever a push says, only pages of ours are opened
  event.waitUntil(self.clients.openWindow(self.location.origin + path));
});
