// Finds the number that a form asks for: SHA-256 (FIPS 180-4) of salt, nonce and number begins with the given
// bytes. All of it fits into one block of 16 words. crypto.subtle is not used: it is slower for single
// blocks, and missing on plain http, which is how onion services are reached.

// Round constants: fractions of the cube roots of the first 64 primes; first state: of the square roots of 8.
const K = [], H = [];
for (let n = 2; K.length < 64; n++) {
  let d = 2;
  while (n % d) d++;
  if (d < n) continue;
  if (H.length < 8) H.push((n ** 0.5 * 2 ** 32) | 0);
  K.push((Math.cbrt(n) * 2 ** 32) | 0);
}

const turn = (x, n) => (x >>> n) | (x << (32 - n));
const words = (hex) => hex.match(/.{8}/g).map((eight) => parseInt(eight, 16));
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
  const block = Int32Array.from([...words(salt + nonce), 0, 1 << 31, 0, 0, 0, 0, 0, 36 * 8]);
  const wanted = parseInt(keyPrefix.slice(0, 8), 16);
  for (let counter = 0; ; counter++) {
    block[8] = counter;
    const found = hash(block);
    if (found[0] !== wanted) continue;
    const derivedKey = found.map((word) => word.toString(16).padStart(8, "0")).join("");
    if (!derivedKey.startsWith(keyPrefix)) continue;
    postMessage(btoa(JSON.stringify({challenge, solution: {counter, derivedKey}})));
    return;
  }
};
