// Unpacking Zstandard (RFC 8878): what the columns of the list files are packed with.
//
// One frame, no dictionary, length known beforehand. Anything else, and any damage, is a Fault; what comes out
// is compared with a signed SHA-256 by the caller.

const SPARE = 32; // bits of zeros kept before a stream that is read backwards
const broken = () => new Fault("unreadable");
const shortTable = (text) => text.split(" ").map(Number);
const extras = (first, pairs) => {
  const rows = Array.from({ length: first.count }, (_, n) => [n + first.base, 0]);
  return rows.concat(pairs.map((bits, n) => [pairs.slice(0, n).reduce((sum, b) => sum + 2 ** b, rows.length + first.base), bits]));
};
// Base value and further bits of each code (section 3.1.1.3.2.1.1).
const LENGTHS = extras({ count: 16, base: 0 }, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const MATCHES = extras({ count: 32, base: 3 }, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
// Default distributions (section 3.1.1.3.2.2).
const LENGTH_SHARES = shortTable("4 3 2 2 2 2 2 2 2 2 2 2 2 1 1 1 2 2 2 2 2 2 2 2 2 3 2 1 1 1 1 1 -1 -1 -1 -1");
const MATCH_SHARES = shortTable(
  "1 4 3 2 2 2 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -1 -1 -1 -1 -1 -1 -1");
const OFFSET_SHARES = shortTable("1 1 1 1 1 1 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -1 -1 -1 -1 -1");

/** Unpack one frame to `size` bytes. */
function unzstd(source, size) {
  const out = new Uint8Array(size), view = new DataView(source.buffer, source.byteOffset, source.length);
  if (source.length < 9 || view.getUint32(0, true) !== 0xfd2fb528) throw broken();
  const flags = source[4], single = (flags >> 5) & 1;
  if (flags & 3) throw broken(); // needs a dictionary
  let at = 5 + (single ? 0 : 1) + [single, 2, 4, 8][flags >> 6];
  const job = { out, end: 0, huffman: null, tables: [null, null, null], recent: [1, 4, 8] };
  for (let last = 0; !last; ) {
    const head = source[at] | (source[at + 1] << 8) | (source[at + 2] << 16);
    const kind = (head >> 1) & 3, length = head >> 3;
    last = head & 1;
    at += 3;
    const packed = kind === 1 ? 1 : length;
    if (kind === 3 || at + packed > source.length) throw broken();
    if (kind === 2) unpackBlock(job, source.subarray(at, at + length));
    else put(job, kind ? new Uint8Array(length).fill(source[at]) : source.subarray(at, at + length));
    at += packed;
  }
  if (job.end !== size) throw broken();
  return out;
}

function put(job, bytes) {
  if (job.end + bytes.length > job.out.length) throw broken();
  job.out.set(bytes, job.end);
  job.end += bytes.length;
}

function unpackBlock(job, block) {
  const [literals, start] = readLiterals(job, block);
  let at = start, count = block[at++];
  if (count > 127) count = count < 255 ? ((count - 128) << 8) + block[at++] : block[at++] + (block[at++] << 8) + 0x7f00;
  if (!count) return put(job, literals);
  const modes = block[at++];
  const shares = [[LENGTH_SHARES, 6, 9], [OFFSET_SHARES, 5, 8], [MATCH_SHARES, 6, 9]];
  shares.forEach(([usual, log, most], n) => {
    const mode = (modes >> (6 - 2 * n)) & 3;
    if (mode === 0) job.tables[n] = fseTable(usual, log);
    if (mode === 1) job.tables[n] = { log: 0, symbol: [block[at++]], bits: [0], base: [0] };
    if (mode === 2) [job.tables[n], at] = readFseTable(block, at, most);
    if (!job.tables[n]) throw broken();
  });
  runSequences(job, literals, new Backwards(block.subarray(at)), count);
}

function runSequences(job, literals, bits, count) {
  const [lengths, offsets, matches] = job.tables, { out, recent } = job;
  let l = bits.read(lengths.log), o = bits.read(offsets.log), m = bits.read(matches.log), used = 0;
  for (let n = 0; n < count; n++) {
    const code = offsets.symbol[o], [mBase, mBits] = MATCHES[matches.symbol[m]] || [], [lBase, lBits] = LENGTHS[lengths.symbol[l]] || [];
    if (code > 31 || mBase === undefined || lBase === undefined) throw broken();
    const value = 2 ** code + bits.read(code);
    const match = mBase + bits.read(mBits), length = lBase + bits.read(lBits);
    const offset = recall(recent, value, length);
    if (n < count - 1) {
      l = lengths.base[l] + bits.read(lengths.bits[l]);
      m = matches.base[m] + bits.read(matches.bits[m]);
      o = offsets.base[o] + bits.read(offsets.bits[o]);
    }
    if (used + length > literals.length || job.end + length + match > out.length) throw broken();
    put(job, literals.subarray(used, (used += length)));
    if (offset < 1 || offset > job.end || bits.left < 0) throw broken();
    for (let k = 0; k < match; k++, job.end++) out[job.end] = out[job.end - offset];
  }
  if (bits.left) throw broken();
  put(job, literals.subarray(used));
}

/** The distance that an offset value stands for: the last three are remembered (section 3.1.1.5). */
function recall(recent, value, length) {
  if (value > 3) {
    recent.unshift(value - 3);
    recent.pop();
    return recent[0];
  }
  const which = value - (length ? 1 : 0);
  const offset = which === 3 ? recent[0] - 1 : recent[which];
  if (which) {
    recent.splice(Math.min(which, 2), 1);
    recent.unshift(offset);
  }
  return offset;
}

/** The literals of a block, and where its sequences begin. */
function readLiterals(job, block) {
  const kind = block[0] & 3, format = (block[0] >> 2) & 3;
  if (kind < 2) {
    const width = [1, 2, 1, 3][format];
    const size = (block[0] | (block[1] << 8) | (block[2] << 16)) >> (width === 1 ? 3 : 4) & (2 ** [5, 12, 5, 20][format] - 1);
    const literals = kind ? new Uint8Array(size).fill(block[width]) : block.subarray(width, width + size);
    return [literals, width + (kind ? 1 : size)];
  }
  const width = [3, 3, 4, 5][format], digits = [10, 10, 14, 18][format];
  let head = 0;
  for (let n = width - 1; n >= 0; n--) head = head * 256 + block[n];
  const size = Math.floor(head / 16) % 2 ** digits, packed = Math.floor(head / 2 ** (4 + digits));
  const end = width + packed;
  let at = width;
  if (end > block.length) throw broken();
  if (kind === 2) [job.huffman, at] = readHuffman(block, at);
  if (!job.huffman) throw broken();
  const literals = new Uint8Array(size);
  if (!format) {
    unhuffman(job.huffman, block.subarray(at, end), literals);
    return [literals, end];
  }
  const jumps = [0, 1, 2].map((n) => block[at + 2 * n] | (block[at + 2 * n + 1] << 8));
  const part = Math.ceil(size / 4);
  at += 6;
  for (let n = 0; n < 4; n++) {
    const stop = n < 3 ? at + jumps[n] : end;
    if (stop > end) throw broken();
    unhuffman(job.huffman, block.subarray(at, stop), literals.subarray(n * part, n < 3 ? (n + 1) * part : size));
    at = stop;
  }
  return [literals, end];
}

/** The symbols of one stream: each is the one whose code the next bits begin with. */
function unhuffman({ log, symbol, length }, stream, into) {
  const { bytes, left } = new Backwards(stream), mask = 2 ** log - 1;
  let bit = left + SPARE;
  for (let n = 0; n < into.length; n++) {
    const low = bit - log, at = low >> 3;
    const state = ((bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)) >> (low & 7)) & mask;
    into[n] = symbol[state];
    bit -= length[state];
  }
  if (bit !== SPARE) throw broken();
}

/** A Huffman table from the weights of its symbols (section 4.2.1), and where it ends. */
function readHuffman(block, at) {
  const head = block[at++], weights = [];
  if (head > 127) {
    for (let n = 0; n < head - 127; n++) weights.push(n % 2 ? block[at + (n >> 1)] & 15 : block[at + (n >> 1)] >> 4);
    at += Math.ceil((head - 127) / 2);
  } else {
    const [table, start] = readFseTable(block, at, 6);
    const bits = new Backwards(block.subarray(start, (at += head)));
    const states = [bits.read(table.log), bits.read(table.log)];
    for (let turn = 0; ; turn ^= 1) {
      const state = states[turn];
      weights.push(table.symbol[state]);
      states[turn] = table.base[state] + bits.read(table.bits[state]);
      if (bits.left < 0) {
        weights.push(table.symbol[states[turn ^ 1]]);
        break;
      }
      if (weights.length > 255) throw broken();
    }
  }
  return [huffmanTable(weights), at];
}

function huffmanTable(weights) {
  const sum = weights.reduce((total, weight) => total + (weight ? 2 ** (weight - 1) : 0), 0);
  const log = 32 - Math.clz32(sum), rest = 2 ** log - sum;
  if (!sum || log > 11 || rest & (rest - 1)) throw broken();
  weights = [...weights, 32 - Math.clz32(rest)]; // the last one is what is missing to a power of two
  const symbol = new Uint8Array(2 ** log), length = new Uint8Array(2 ** log);
  let at = 0;
  for (let weight = 1; weight <= log; weight++) {
    weights.forEach((own, value) => {
      if (own !== weight) return;
      symbol.fill(value, at, at + 2 ** (weight - 1));
      length.fill(log + 1 - weight, at, (at += 2 ** (weight - 1)));
    });
  }
  return { log, symbol, length };
}

/** A table of FSE from its shares as they stand in a block (section 4.1.1), and where it ends. */
function readFseTable(block, at, most) {
  let bit = 8 * at;
  const read = (count) => {
    let value = 0;
    for (let n = 0; n < count; n++, bit++) value |= ((block[bit >> 3] >> (bit & 7)) & 1) << n;
    return value;
  };
  const log = read(4) + 5, shares = [];
  let left = 2 ** log;
  if (log > most) throw broken();
  while (left > 0) {
    const wide = 32 - Math.clz32(left + 1), small = 2 ** wide - 1 - (left + 1);
    let value = read(wide);
    const low = value & (2 ** (wide - 1) - 1);
    if (low < small) {
      bit--;
      value = low;
    } else if (value > 2 ** (wide - 1) - 1) value -= small;
    const share = value - 1;
    left -= Math.abs(share);
    shares.push(share);
    if (!share) {
      for (let zeros = 3; zeros === 3; ) {
        zeros = read(2);
        for (let n = 0; n < zeros; n++) shares.push(0);
      }
    }
    if (shares.length > 255) throw broken();
  }
  if (left) throw broken();
  return [fseTable(shares, log), (bit + 7) >> 3];
}

function fseTable(shares, log) {
  const size = 2 ** log, symbol = new Uint8Array(size), bits = new Uint8Array(size), base = new Uint16Array(size);
  const next = shares.map((share) => Math.abs(share)), step = (size >> 1) + (size >> 3) + 3;
  let high = size, at = 0;
  shares.forEach((share, value) => share === -1 && (symbol[--high] = value));
  shares.forEach((share, value) => {
    for (let n = 0; n < share; n++) {
      symbol[at] = value;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  });
  for (let state = 0; state < size; state++) {
    const number = next[symbol[state]]++;
    bits[state] = log - (31 - Math.clz32(number));
    base[state] = (number << bits[state]) - size;
  }
  return { log, symbol, bits, base };
}

/** Bits read from the end of a stream to its beginning; before the beginning there are zeros (section 4.1). */
class Backwards {
  constructor(stream) {
    const last = stream.at(-1);
    if (!last) throw broken();
    this.bytes = new Uint8Array(stream.length + SPARE / 8 + 2);
    this.bytes.set(stream, SPARE / 8);
    this.left = 8 * stream.length - (Math.clz32(last) - 24) - 1;
  }

  read(count) {
    if (count > 16) return this.read(count - 16) * 65536 + this.read(16);
    this.left -= count;
    const { bytes } = this, at = (this.left + SPARE) >> 3, shift = this.left & 7;
    return ((bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)) >> shift) & (2 ** count - 1);
  }
}
