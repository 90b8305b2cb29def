// Keeps the page as it stands for where there is no line: what the stream brought since it was loaded is in it.

const PAGES = "gatehouse-pages"; // the worker's (worker.js), which shows it
const AFTER_MS = 1500;
const KEPT_AT = "X-Kept-At";

export class PageKeeper {
  /** `stream` knows the position up to which the page is true, and when the centre was last heard. */
  constructor(stream) {
    this.stream = stream;
    this.coming = null;
    this.isOver = !("caches" in window);
    document.addEventListener("submit", (event) => (this.isOver ||= event.target.action.endsWith("/logout")));
  }

  /** Soon, once for whatever happens meanwhile. */
  soon() {
    this.coming ??= setTimeout(() => this.keep(), AFTER_MS);
  }

  async keep() {
    this.coming = null;
    if (this.isOver || !this.stream.isLive) return;
    const cache = await caches.open(PAGES);
    const before = await cache.match(location.pathname, { ignoreVary: true });
    if (!before || this.isOver) return; // its headers are kept too: the policy for scripts is among them
    const headers = new Headers(before.headers);
    headers.set(KEPT_AT, String(this.stream.heardAt));
    await cache.put(location.pathname, new Response(this.written(), { headers }));
  }

  written() {
    const root = document.documentElement.cloneNode(true);
    root.dataset.kept = String(this.stream.heardAt);
    root.querySelector("body").dataset.position = this.stream.position;
    for (const passing of root.querySelectorAll(".toast, .banner")) passing.hidden = true;
    for (const fresh of root.querySelectorAll(".fresh")) fresh.classList.remove("fresh");
    for (const said of root.querySelectorAll(".outcomes")) said.replaceChildren();
    return `<!doctype html>${root.outerHTML}`;
  }
}
