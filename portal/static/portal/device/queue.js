// Hands pictures to the worker one after the other, and never waits for ever.

/** Longest silence of the worker, in milliseconds: a slow telephone decodes 50 megapixels in less. */
const SILENCE = 90_000;

/**
 * @typedef {{message: object, answer: (said: object) => boolean}} Job what the worker is asked; `answer` takes each
 *   message of it and says whether it was the last
 */

export class Queue {
  /** @param {string} address of the worker's script */
  constructor(address) {
    this.address = address;
    this.jobs = [];
    this.current = null;
    this.worker = null;
    this.timer = 0;
  }

  /**
   * @param {Job} job
   * @param {boolean} [first] before those that wait
   */
  add(job, first = false) {
    if (first) this.jobs.unshift(job);
    else this.jobs.push(job);
    this.#next();
  }

  /** Forget a job; one that is being done is broken off. */
  remove(job) {
    this.jobs = this.jobs.filter((other) => other !== job);
    if (this.current !== job) return;
    this.#stop();
    this.#next();
  }

  #next() {
    if (this.current || !this.jobs.length) return;
    this.current = this.jobs.shift();
    this.worker ??= this.#start();
    this.#listen();
    this.worker.postMessage(this.current.message);
  }

  #start() {
    const worker = new Worker(this.address, {type: "module"});
    worker.onmessage = ({data}) => this.#take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail("failed");
    };
    return worker;
  }

  #take(said) {
    this.#listen();
    if (!this.current?.answer(said)) return;
    clearTimeout(this.timer);
    this.current = null;
    this.#next();
  }

  #fail(reason) {
    const job = this.current;
    this.#stop();
    job?.answer({step: "refused", reason});
    this.#next();
  }

  #listen() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#fail("slow"), SILENCE);
  }

  #stop() {
    clearTimeout(this.timer);
    this.worker?.terminate();
    this.worker = null;
    this.current = null;
  }
}
