// Keeps the screens of a patrol for where there is no line: files by their version, pages as they were last seen.
// The centre writes VERSION, SHELL and OFFLINE before it (server/api/shell.py). The live stream passes by untouched.

const FILES = `gatehouse-files-${VERSION}`;
const PAGES = "gatehouse-pages";
const KEPT = [/^\/$/, /^\/alerts\/[^/]+$/, /^\/complexes\/[^/]+\/plan$/];
const MOST_PAGES = 30;
const MOST_AGE_MS = 12 * 3600 * 1000; // no longer than a login lives
const PATIENCE_MS = 8000; // of a line that is there and brings nothing, where an older page is
const SPEAKS = /^\/(lang|theme)\//; // afterwards the page for no line is another
const KEPT_AT = "X-Kept-At";

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOldFiles()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== self.location.origin) return;
  if (isFarewell(event.request, url)) event.waitUntil(caches.delete(PAGES));
  if (event.request.method !== "GET") return;
  if (url.pathname.startsWith("/static/")) event.respondWith(file(event.request));
  else if (event.request.mode === "navigate") event.respondWith(page(event, url));
});

/** Whoever leaves, or comes, finds no page of somebody else. */
function isFarewell(request, url) {
  return url.pathname === "/logout" || (url.pathname === "/login" && (request.method === "POST" || request.mode === "navigate"));
}

async function fill() {
  const cache = await caches.open(FILES);
  await cache.addAll([...SHELL, OFFLINE]);
}

async function forgetOldFiles() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("gatehouse-files-") && name !== FILES).map((name) => caches.delete(name)));
}

async function file(request) {
  const cache = await caches.open(FILES);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}

/** The centre's page; without a line the one that was kept, else the page that says so. */
async function page(event, url) {
  const isKept = KEPT.some((path) => path.test(url.pathname));
  const older = isKept ? await kept(url) : undefined;
  const isPatient = !older || event.request.cache !== "default"; // who loads anew wants what is new
  try {
    const answer = await within(fetch(event.request), isPatient ? 0 : PATIENCE_MS);
    if (isKept && !url.search) event.waitUntil(keep(url.pathname, answer.clone()));
    if (SPEAKS.test(url.pathname)) event.waitUntil(renewOffline());
    return answer;
  } catch {
    return older ?? (await offline()) ?? Response.error();
  }
}

async function offline() {
  return (await caches.open(FILES)).match(OFFLINE, { ignoreVary: true });
}

async function renewOffline() {
  await (await caches.open(FILES)).add(OFFLINE).catch(() => {}); // the older one stays, in the other language
}

function within(answer, milliseconds) {
  if (!milliseconds) return answer;
  const late = new Promise((_, refuse) => setTimeout(() => refuse(new Error("late")), milliseconds));
  return Promise.race([answer, late]);
}

async function kept(url) {
  const found = await (await caches.open(PAGES)).match(url.pathname, { ignoreVary: true });
  if (!found) return undefined;
  return Date.now() - Number(found.headers.get(KEPT_AT)) < MOST_AGE_MS ? found : undefined;
}

/** Pages bear when they were kept, by this phone's own clock: shown later, they say how old they are. */
async function keep(path, answer) {
  const isPage = answer.ok && answer.type === "basic" && !answer.redirected;
  if (!isPage || !(answer.headers.get("Content-Type") ?? "").startsWith("text/html")) return;
  const now = Date.now();
  const text = (await answer.text()).replace("<html ", `<html data-kept="${now}" `);
  const headers = new Headers(answer.headers);
  headers.set(KEPT_AT, String(now));
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  const cache = await caches.open(PAGES);
  await cache.delete(path);
  await cache.put(path, new Response(text, { headers }));
  const paths = await cache.keys();
  await Promise.all(paths.slice(0, -MOST_PAGES).map((old) => cache.delete(old)));
}
