// Choosing a part of a picture: drawn with a finger or the mouse, or by four sliders, which the keyboard moves.

const EDGES = ["left", "top", "right", "bottom"];
const OPPOSITE = {left: "right", right: "left", top: "bottom", bottom: "top"};
/** Least share of a side that stays, in percent: a slip of the finger is no choice. */
const LEAST = 5;
const SHADE = "rgb(0 0 0 / 60%)";

/**
 * @param {HTMLElement} element copy of the page's template
 * @param {HTMLElement} place where it is shown until the choice is made
 * @param {ImageBitmap} bitmap a small copy of the picture
 * @param {object|null} before the part that was chosen before, as shares of the sides
 * @returns {Promise<{crop: object|null}|null>} the part, or null for all of it; no answer if nothing changes
 */
export function choose(element, place, bitmap, before) {
  const cropper = new Cropper(element, bitmap, before);
  place.replaceChildren(element);
  cropper.inputs.left.focus();
  return new Promise((resolve) => {
    const close = (answer) => {
      place.replaceChildren();
      bitmap.close();
      resolve(answer);
    };
    element.querySelector("[data-use]").onclick = () => close({crop: cropper.part()});
    element.querySelector("[data-whole]").onclick = () => close({crop: null});
    element.querySelector("[data-leave]").onclick = () => close(null);
    element.onkeydown = (event) => {
      if (event.key === "Enter" && event.target.type === "range") event.preventDefault(); // would send the form
      if (event.key === "Escape") close(null);
    };
  });
}

class Cropper {
  constructor(element, bitmap, before) {
    this.bitmap = bitmap;
    this.canvas = element.querySelector("canvas");
    this.canvas.width = bitmap.width;
    this.canvas.height = bitmap.height;
    this.inputs = Object.fromEntries(EDGES.map((edge) => [edge, element.querySelector(`[data-edge="${edge}"]`)]));
    for (const edge of EDGES) this.inputs[edge].oninput = () => this.#moved(edge);
    if (before) {
      const {left, top, width, height} = before;
      this.#set({left, top, right: 1 - left - width, bottom: 1 - top - height});
    }
    this.#followPointer();
    this.#draw();
  }

  /** @returns {object|null} shares of the sides; null for the whole picture */
  part() {
    const [left, top, right, bottom] = EDGES.map((edge) => Number(this.inputs[edge].value) / 100);
    if (!left && !top && !right && !bottom) return null;
    return {left, top, width: 1 - left - right, height: 1 - top - bottom};
  }

  /** A slider stops before the one that comes towards it. */
  #moved(edge) {
    const most = 100 - LEAST - Number(this.inputs[OPPOSITE[edge]].value);
    if (Number(this.inputs[edge].value) > most) this.inputs[edge].value = most;
    this.#draw();
  }

  #set(shares) {
    for (const edge of EDGES) this.inputs[edge].value = 100 * shares[edge];
  }

  #followPointer() {
    let from = null;
    this.canvas.onpointerdown = (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      from = this.#at(event);
      event.preventDefault();
    };
    this.canvas.onpointermove = (event) => {
      if (from) this.#span(from, this.#at(event));
    };
    this.canvas.onpointerup = this.canvas.onpointercancel = () => {
      from = null;
    };
  }

  #span(from, to) {
    const left = Math.min(from.x, to.x), right = 1 - Math.max(from.x, to.x);
    const top = Math.min(from.y, to.y), bottom = 1 - Math.max(from.y, to.y);
    if (Math.min(1 - left - right, 1 - top - bottom) < LEAST / 100) return;
    this.#set({left, top, right, bottom});
    this.#draw();
  }

  /** Where a pointer is, as shares of the sides. */
  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = (value) => Math.min(Math.max(value, 0), 1);
    return {x: share((event.clientX - box.left) / box.width), y: share((event.clientY - box.top) / box.height)};
  }

  #draw() {
    const {width, height} = this.canvas;
    const context = this.canvas.getContext("2d");
    const part = this.part() ?? {left: 0, top: 0, width: 1, height: 1};
    const [x, y, w, h] = [part.left * width, part.top * height, part.width * width, part.height * height];
    context.clearRect(0, 0, width, height);
    context.drawImage(this.bitmap, 0, 0);
    context.fillStyle = SHADE;
    const hole = new Path2D();
    hole.rect(0, 0, width, height);
    hole.rect(x, y, w, h);
    context.fill(hole, "evenodd");
    context.lineWidth = 3;
    context.strokeStyle = "white";
    context.strokeRect(x, y, w, h);
  }
}
