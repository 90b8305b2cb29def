// The photo of a form: shown, and made smaller before it is kept and sent, because a slow line carries it. The centre
// draws it anew in any case; a browser that cannot draw it here sends it as it was taken.

const LONGEST_PX = 1600;
const QUALITY = 0.82;

export class Photo {
  constructor(input, canvas) {
    this.input = input;
    this.canvas = canvas;
    this.ready = Promise.resolve(null);
    input.addEventListener("change", () => (this.ready = this.draw(input.files[0])));
  }

  /** What is to be sent; null where nothing was taken. */
  async taken() {
    const file = this.input.files[0];
    if (!file) return null;
    return (await this.ready) ?? file;
  }

  async draw(file) {
    this.canvas.hidden = true;
    if (!file || !("createImageBitmap" in window)) return null;
    try {
      const picture = await createImageBitmap(file);
      const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
      this.canvas.width = Math.round(picture.width * scale);
      this.canvas.height = Math.round(picture.height * scale);
      this.canvas.getContext("2d").drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
      this.canvas.hidden = false;
      return await new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", QUALITY));
    } catch {
      return null; // no picture to this browser: the centre says what it thinks of it
    }
  }
}
