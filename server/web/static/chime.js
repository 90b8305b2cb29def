// Sound and vibration for what cannot wait: one chime for important alerts, ringing until taken for urgent ones.

const SOUND_KEY = "gatehouse.sound";
const RING_EVERY_MS = 4000;
const NOTES = [880, 1175, 880];
let context = null;

export class Chime {
  /** `isWaiting` says whether an urgent alert is still not taken. */
  constructor(button, isWaiting) {
    this.button = button;
    this.isWaiting = isWaiting;
    this.on = localStorage.getItem(SOUND_KEY) === "on";
  }

  start() {
    this.show();
    this.button.addEventListener("click", () => this.toggle());
    // Browsers let a page sound only after a touch.
    document.addEventListener("pointerdown", () => this.on && wake(), { once: true });
  }

  toggle() {
    this.on = !this.on;
    localStorage.setItem(SOUND_KEY, this.on ? "on" : "off");
    this.show();
    if (this.on) this.once();
    else clearInterval(this.ringing);
  }

  show() {
    this.button.setAttribute("aria-pressed", String(this.on));
  }

  once() {
    if (!this.on) return;
    wake();
    NOTES.forEach((hertz, index) => play(hertz, index * 0.18));
    if (navigator.vibrate) navigator.vibrate([200, 100, 200]);
  }

  ring() {
    clearInterval(this.ringing);
    this.once();
    this.ringing = setInterval(() => (this.isWaiting() ? this.once() : clearInterval(this.ringing)), RING_EVERY_MS);
  }
}

function wake() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
}

function play(hertz, afterS) {
  const start = context.currentTime + afterS;
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(0.0001, start);
  volume.gain.exponentialRampToValueAtTime(0.4, start + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.16);
  tone.connect(volume).connect(context.destination);
  tone.start(start);
  tone.stop(start + 0.17);
}
