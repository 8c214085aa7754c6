// SHA-256 (FIPS 180-4) and MD5 (RFC 1321) of a file.
//
// The browser's own SHA-256 is faster, but pages of an onion service without TLS do not have it, and no browser
// has MD5, which datasets name their pictures by.

const BLOCK = 64; // bytes
const PRIMES = firstPrimes(64);
const SHA_START = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
const SHA_ROUNDS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const MD5_START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
const MD5_SINES = Int32Array.from({length: 64}, (_, n) => fraction(Math.abs(Math.sin(n + 1))));
// Of each round of sixteen, four that repeat.
const MD5_SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<string>} 64 hex digits
 */
export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return plainSha256(bytes);
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/**
 * The same where the browser has none.
 * @param {Uint8Array} bytes
 * @returns {string} 64 hex digits
 */
export function plainSha256(bytes) {
  const state = SHA_START.slice();
  const words = new Int32Array(64);
  eachBlock(bytes, false, (view, at) => shaBlock(state, words, view, at));
  return digits(state, false);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} 32 hex digits
 */
export function md5(bytes) {
  const state = Int32Array.from(MD5_START);
  const words = new Int32Array(16);
  eachBlock(bytes, true, (view, at) => md5Block(state, words, view, at));
  return digits(state, true);
}

function shaBlock(state, words, view, at) {
  for (let n = 0; n < 16; n++) words[n] = view.getInt32(at + 4 * n);
  for (let n = 16; n < 64; n++) {
    const early = words[n - 15], late = words[n - 2];
    const low = (early >>> 7 | early << 25) ^ (early >>> 18 | early << 14) ^ early >>> 3;
    const high = (late >>> 17 | late << 15) ^ (late >>> 19 | late << 13) ^ late >>> 10;
    words[n] = words[n - 16] + low + words[n - 7] + high | 0;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3];
  let e = state[4], f = state[5], g = state[6], h = state[7];
  for (let n = 0; n < 64; n++) {
    const high = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const one = h + high + (e & f ^ ~e & g) + SHA_ROUNDS[n] + words[n] | 0;
    const low = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const two = low + (a & b ^ a & c ^ b & c) | 0;
    h = g; g = f; f = e; e = d + one | 0;
    d = c; c = b; b = a; a = one + two | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
  state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

function md5Block(state, words, view, at) {
  for (let n = 0; n < 16; n++) words[n] = view.getInt32(at + 4 * n, true);
  let a = state[0], b = state[1], c = state[2], d = state[3];
  for (let n = 0; n < 64; n++) {
    const round = n >> 4;
    let mixed = c ^ (b | ~d), word = 7 * n & 15;
    if (round === 0) {
      mixed = b & c | ~b & d;
      word = n;
    } else if (round === 1) {
      mixed = d & b | ~d & c;
      word = 5 * n + 1 & 15;
    } else if (round === 2) {
      mixed = b ^ c ^ d;
      word = 3 * n + 5 & 15;
    }
    const sum = a + mixed + MD5_SINES[n] + words[word] | 0;
    const shift = MD5_SHIFTS[4 * round + (n & 3)];
    a = d; d = c; c = b;
    b = b + (sum << shift | sum >>> 32 - shift) | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
}

/** Whole blocks of the bytes, then what is left with a one bit, zeros, and the length in bits. */
function eachBlock(bytes, littleEndian, take) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole = bytes.length - bytes.length % BLOCK;
  for (let at = 0; at < whole; at += BLOCK) take(view, at);
  const left = bytes.length - whole;
  const rest = new Uint8Array(left + 9 > BLOCK ? 2 * BLOCK : BLOCK);
  rest.set(bytes.subarray(whole));
  rest[left] = 128;
  const last = new DataView(rest.buffer);
  last.setBigUint64(rest.length - 8, 8n * BigInt(bytes.length), littleEndian);
  for (let at = 0; at < rest.length; at += BLOCK) take(last, at);
}

function digits(state, littleEndian) {
  const view = new DataView(new ArrayBuffer(4 * state.length));
  state.forEach((word, n) => view.setInt32(4 * n, word, littleEndian));
  return hex(new Uint8Array(view.buffer));
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} two digits a byte
 */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The first 32 bits after the point. */
function fraction(number) {
  return Math.floor(number % 1 * 2 ** 32);
}

function firstPrimes(count) {
  const found = [];
  for (let n = 2; found.length < count; n++) {
    if (found.every((prime) => n % prime)) found.push(n);
  }
  return found;
}
