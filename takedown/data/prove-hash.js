// SHA-256, HMAC and HKDF (FIPS 180-4, RFC 2104, RFC 5869).
//
// The browser's own SHA-256 answers one message a call, some time later. The log is some hundred thousand
// messages of two blocks each, so they are hashed here; the rest is small enough to share the code.

const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);
/** The first 32 bits behind the point of a root of each of the first primes. */
const fractions = (root, count) => PRIMES.slice(0, count).map((p) => (root(p) % 1) * 2 ** 32);
const ROUNDS = new Uint32Array(fractions(Math.cbrt, 64));
const START = new Uint32Array(fractions(Math.sqrt, 8));
const schedule = new Uint32Array(64);

/** SHA-256 of a Uint8Array, 32 bytes. */
function sha256(message) {
  const state = START.slice();
  const whole = message.length & ~63;
  for (let at = 0; at < whole; at += 64) compress(state, message, at);
  const left = message.length - whole;
  const tail = new Uint8Array(left < 56 ? 64 : 128);
  tail.set(message.subarray(whole));
  tail[left] = 0x80;
  const view = new DataView(tail.buffer);
  view.setUint32(tail.length - 8, Math.floor(message.length / 2 ** 29));
  view.setUint32(tail.length - 4, message.length << 3);
  for (let at = 0; at < tail.length; at += 64) compress(state, tail, at);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, n) => digest.setUint32(4 * n, word));
  return new Uint8Array(digest.buffer);
}

/** One block of 64 bytes. */
function compress(state, block, at) {
  const w = schedule;
  for (let t = 0; t < 16; t++, at += 4) {
    w[t] = (block[at] << 24) | (block[at + 1] << 16) | (block[at + 2] << 8) | block[at + 3];
  }
  for (let t = 16; t < 64; t++) {
    const x = w[t - 15], y = w[t - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 64; t++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[t] + w[t]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
  state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

/** HMAC-SHA256 with a key of at most 64 bytes. */
function hmac(key, message) {
  const padded = new Uint8Array(64);
  padded.set(key);
  const inner = sha256(joined(padded.map((byte) => byte ^ 0x36), message));
  return sha256(joined(padded.map((byte) => byte ^ 0x5c), inner));
}

/** HKDF-SHA256 without a salt, 32 bytes: the first block of what it expands to. */
function hkdf(secret, label) {
  return hmac(hmac(new Uint8Array(32), secret), joined(label, Uint8Array.of(1)));
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const ascii = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const same = (one, two) => one.length === two.length && one.every((byte, at) => byte === two[at]);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function unhex(text) {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Fault("unreadable");
  return Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
}

/** A number as big-endian bytes. */
function numberBytes(value, width) {
  const bytes = new Uint8Array(width);
  for (let at = width - 1; at >= 0; at--, value = Math.floor(value / 256)) bytes[at] = value % 256;
  return bytes;
}
