// The sum of a form: which number, after salt and nonce, has a SHA-256 (FIPS 180-4) that begins as asked?
// All of it fits into one block. Own code: crypto.subtle is slower for single blocks, and onions lack it.

// Constants: fractions of the square and cube roots of the first primes.
const H = [], K = [];
for (let n = 2; K.length < 64; n++) {
  let d = 2;
  while (n % d) d++;
  if (d < n) continue;
  if (H.length < 8) H.push((n ** 0.5 * 2 ** 32) | 0);
  K.push((Math.cbrt(n) * 2 ** 32) | 0);
}

const turn = (x, n) => (x >>> n) | (x << (32 - n));
const w = new Int32Array(64);

function hash(block) {
  w.set(block);
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + w[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = H;
  for (let i = 0; i < 64; i++) {
    const s = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
    const t = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g; g = f; f = e; e = (d + s) | 0; d = c; c = b; b = a; a = (s + t) | 0;
  }
  return [a, b, c, d, e, f, g, h].map((word, i) => (word + H[i]) >>> 0);
}

onmessage = ({data}) => {
  const challenge = JSON.parse(data), {salt, nonce, keyPrefix} = challenge.parameters;
  const given = (salt + nonce).match(/.{8}/g).map((hex) => parseInt(hex, 16));
  const first = parseInt(keyPrefix.slice(0, 8), 16);
  for (let counter = 0; ; counter++) {
    const found = hash([...given, counter, 1 << 31, 0, 0, 0, 0, 0, 288]);
    if (found[0] !== first) continue;
    const derivedKey = found.map((word) => word.toString(16).padStart(8, "0")).join("");
    if (derivedKey.startsWith(keyPrefix)) {
      return postMessage(btoa(JSON.stringify({challenge, solution: {counter, derivedKey}})));
    }
  }
};
