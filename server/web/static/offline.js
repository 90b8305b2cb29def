// The page for where there is no line: goes on by itself once the centre answers again.

const LOOK_MS = 5000; // a radio that is on, and a centre that is not there yet, raise no event when it comes back

window.addEventListener("online", () => location.reload());
document.getElementById("again").addEventListener("click", () => location.reload());
setInterval(look, LOOK_MS);

async function look() {
  const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null); // no line yet: the next look is soon
  if (answer?.ok) location.reload();
}
