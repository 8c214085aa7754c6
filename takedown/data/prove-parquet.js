// Reading the list files: Parquet as a release has it, that is required string columns, packed with Zstandard,
// plain or with a dictionary (format specification of Apache Parquet; Thrift's compact protocol).

const PLAIN = 0, DICTIONARIES = [2, 8], ZSTD = 6, DATA_PAGE = 0, DICTIONARY_PAGE = 2;

/** The columns of a file: {name: array of strings}. */
function readParquet(bytes) {
  const end = bytes.length - 8;
  if (end < 4 || hex(bytes.subarray(-4)) !== "50415231") throw new Fault("unreadable");
  const length = new DataView(bytes.buffer, bytes.byteOffset + end).getUint32(0, true);
  if (length > end) throw new Fault("unreadable");
  const footer = new Thrift(bytes.subarray(end - length, end)).struct();
  const columns = {};
  for (const group of footer[4]) {
    for (const { 3: column } of group[1]) {
      const name = letters(column[3][0]);
      columns[name] = (columns[name] || []).concat(readColumn(bytes, column));
    }
  }
  return columns;
}

/** The values of one column in one group of rows. */
function readColumn(bytes, column) {
  if (column[4] !== ZSTD) throw new Fault("unreadable");
  const values = [];
  let at = column[11] ?? column[9], words = [];
  while (values.length < column[5]) {
    const thrift = new Thrift(bytes.subarray(at)), page = thrift.struct();
    at += thrift.at;
    const data = unzstd(bytes.subarray(at, (at += page[3])), page[2]);
    if (page[1] === DICTIONARY_PAGE) words = plainStrings(data, page[7][1]);
    else if (page[1] === DATA_PAGE) for (const value of pageValues(data, page[5], words)) values.push(value);
    else throw new Fault("unreadable");
  }
  return values;
}

function pageValues(data, { 1: count, 2: encoding }, words) {
  if (encoding === PLAIN) return plainStrings(data, count);
  if (!DICTIONARIES.includes(encoding)) throw new Fault("unreadable");
  return numbers(data.subarray(1), data[0], count).map((n) => words[n]);
}

/** Strings of ASCII, each after its length in 4 bytes. */
function plainStrings(data, count) {
  const view = new DataView(data.buffer, data.byteOffset, data.length), text = letters(data), found = [];
  for (let n = 0, at = 0; n < count; n++) {
    const length = view.getUint32(at, true);
    found.push(text.slice(at + 4, (at += 4 + length)));
  }
  return found;
}

/** Small numbers in runs, repeated or packed bit by bit. */
function numbers(data, wide, count) {
  const thrift = new Thrift(data), found = [];
  while (found.length < count) {
    const head = thrift.varint(), many = head >> 1;
    if (head & 1) {
      for (let bit = 8 * thrift.at, n = 0; n < 8 * many && found.length < count; n++, bit += wide) {
        let value = 0;
        for (let b = 0; b < wide; b++) value |= ((data[(bit + b) >> 3] >> ((bit + b) & 7)) & 1) << b;
        found.push(value);
      }
      thrift.at += many * wide;
    } else {
      let value = 0;
      for (let b = 0; b < wide; b += 8) value |= thrift.byte() << b;
      for (let n = 0; n < many && found.length < count; n++) found.push(value);
    }
  }
  return found;
}

/** Bytes as text, one letter a byte. */
const letters = (bytes) => new TextDecoder("latin1").decode(bytes);

/** Thrift's compact protocol: a struct becomes {number of the field: value}. */
class Thrift {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  byte() {
    if (this.at >= this.bytes.length) throw new Fault("unreadable");
    return this.bytes[this.at++];
  }

  varint() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  signed() {
    const value = this.varint();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }

  struct() {
    const fields = {};
    for (let field = 0; ; ) {
      const head = this.byte();
      if (!head) return fields;
      field = head >> 4 ? field + (head >> 4) : this.signed();
      fields[field] = this.value(head & 15);
    }
  }

  value(type) {
    if (type === 1 || type === 2) return type === 1;
    if (type === 3) return this.byte();
    if (type >= 4 && type <= 6) return this.signed();
    if (type === 7) return this.bytes.subarray(this.at, (this.at += 8));
    if (type === 8) return this.binary();
    if (type === 9 || type === 10) return this.list();
    if (type === 12) return this.struct();
    throw new Fault("unreadable");
  }

  binary() {
    const length = this.varint();
    return this.bytes.subarray(this.at, (this.at += length));
  }

  list() {
    const head = this.byte(), type = head & 15;
    const count = head >> 4 === 15 ? this.varint() : head >> 4;
    return Array.from({ length: count }, () => (type < 3 ? this.byte() === 1 : this.value(type)));
  }
}
