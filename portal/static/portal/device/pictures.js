// The list of chosen pictures: how far each is, and its fingerprint in a hidden field once it is made.

import {Queue} from "./queue.js";

/** Quality of a PDQ code below which it says little (docs/fingerprints.md). */
const LEAST_QUALITY = 50;
/** Longest side of the copy on which a part is chosen, in pixels. */
const PREVIEW = 640;

/**
 * @param {HTMLElement} root the block of templates/public/device.html
 * @param {{part: (name: string) => HTMLElement, text: (name: string) => string, say: (name: string) => void,
 *   settled: (wentWell: boolean) => void}} page finds an element of the block; gives a sentence of it; shows one to
 *   all; is told when a picture is done, refused or removed
 * @returns {{add: (files: File[]) => void, busy: () => boolean}}
 */
export function pictures(root, page) {
  const list = new List(root, page);
  const add = (files) => {
    const room = Math.max(Number(root.dataset.most) - list.rows.length, 0);
    if (files.length > room) page.say("too-many");
    for (const file of files.slice(0, room)) list.add(file);
  };
  return {add, busy: () => list.rows.some((row) => row.busy)};
}

class List {
  constructor(root, page) {
    this.page = page;
    this.queue = new Queue(root.dataset.worker);
    this.rows = [];
    this.made = 0;
  }

  add(file) {
    const row = new Row(this, file, ++this.made);
    this.rows.push(row);
    this.page.part("list").append(row.element);
    row.make(null);
  }

  remove(row) {
    const at = this.rows.indexOf(row);
    this.rows.splice(at, 1);
    row.element.remove();
    const near = this.rows[Math.min(at, this.rows.length - 1)];
    (near ? near.part("remove") : this.page.part("files")).focus();
    this.page.settled(true);
  }

  copy(template) {
    return this.page.part(template).content.firstElementChild.cloneNode(true);
  }
}

class Row {
  constructor(list, file, number) {
    this.list = list;
    this.file = file;
    this.crop = null;
    this.job = null;
    this.base = null;
    this.element = list.copy("row");
    this.part("name").textContent = file.name;
    this.#label(`device-${number}`);
    this.part("remove").onclick = () => this.remove();
    this.part("crop").onclick = () => this.choosePart();
  }

  get busy() {
    return this.job !== null;
  }

  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  /** Make the fingerprint, of a part if one was chosen. */
  make(crop) {
    this.#breakOff();
    this.crop = crop;
    this.part("field").value = "";
    this.part("field").disabled = true;
    this.#show("waiting");
    this.part("crop").hidden = false;
    this.part("progress").hidden = false;
    this.part("progress").removeAttribute("value");
    this.job = {message: {file: this.file, crop}, answer: (said) => this.#take(said)};
    this.list.queue.add(this.job);
  }

  remove() {
    this.#breakOff();
    this.list.remove(this);
  }

  async choosePart() {
    this.part("crop").disabled = true;
    try {
      const {choose} = await import("./crop.js");
      const bitmap = await this.#preview();
      const answer = await choose(this.list.copy("cropper"), this.part("place"), bitmap, this.crop);
      if (answer) this.make(answer.crop);
    } catch (error) {
      this.#show(error.reason ?? "failed");
    }
    this.part("crop").disabled = false;
    this.part("crop").focus();
  }

  #preview() {
    return new Promise((resolve, reject) => {
      const answer = (said) => {
        if (said.step === "preview") resolve(said.bitmap);
        else reject(said);
        return true;
      };
      this.list.queue.add({message: {file: this.file, preview: PREVIEW}, answer}, true);
    });
  }

  #take(said) {
    if (said.step === "progress") this.#progress(said);
    if (said.step === "base") {
      this.#keep(said.fingerprint);
      this.#show("working");
    }
    if (said.step === "whole") this.#finish(said.fingerprint);
    if (said.step === "refused") this.#refuse(said.reason);
    return !this.busy;
  }

  #progress({done, all}) {
    this.part("progress").max = all;
    this.part("progress").value = done;
  }

  #keep(fingerprint) {
    this.base = fingerprint;
    this.part("field").value = JSON.stringify(fingerprint);
    this.part("field").disabled = false;
  }

  #finish(fingerprint) {
    this.#keep(fingerprint);
    this.#end(fingerprint.pdq_quality < LEAST_QUALITY ? "even" : this.crop ? "ready-part" : "ready");
    this.list.page.settled(true);
  }

  /** What was made before the worker failed is enough to look for the picture as it is. */
  #refuse(reason) {
    if (!this.part("field").disabled) {
      this.#finish(this.base);
      return;
    }
    this.#end(reason);
    this.part("crop").hidden = true;
    this.element.classList.add("wrong-picture");
    this.list.page.settled(false);
  }

  #end(text) {
    this.job = null;
    this.part("progress").hidden = true;
    this.#show(text);
  }

  #show(text) {
    this.element.classList.remove("wrong-picture");
    this.part("state").textContent = this.list.page.text(text);
  }

  #breakOff() {
    const {job} = this;
    this.job = null;
    if (job) this.list.queue.remove(job);
  }

  /** Buttons and progress bar are called by what they do and by the name of the picture. */
  #label(id) {
    this.part("name").id = id;
    this.part("progress").setAttribute("aria-labelledby", id);
    for (const name of ["crop", "remove"]) {
      const button = this.part(name);
      button.id = `${id}-${name}`;
      button.setAttribute("aria-labelledby", `${button.id} ${id}`);
    }
  }
}
