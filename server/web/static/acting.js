// The outbox of a page of alerts, and its banner: how many acts wait, and what became of those that had to.

import { Outbox } from "./outbox.js";
import { report } from "./toast.js";
import { fill, words } from "./words.js";

/** `onAnswer(act, answer)` gets what was sent at once; of what had to wait it gets the answer after the report. */
export function openOutbox(stream, onChange, onAnswer) {
  const pending = document.getElementById("pending");
  const outbox = new Outbox(document.body.dataset.person, show, answered);

  function show() {
    const acts = outbox.entries();
    const n = outbox.durable; // whoever reads it may close the page
    const text = outbox.needsLogin ? words.sign_in : fill(outbox.isKept ? words.pending : words.not_kept, { n });
    pending.hidden = n === 0 || (stream.isLive && !outbox.needsLogin);
    if (pending.textContent !== text) pending.textContent = text;
    onChange(acts);
  }

  function answered(act, answer) {
    const hadToWait = outbox.waited.delete(act.request);
    if (hadToWait) report(act, answer);
    onAnswer(act, answer, hadToWait);
  }

  outbox.show = show;
  return outbox;
}
