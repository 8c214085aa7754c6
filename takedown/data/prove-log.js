// The log of receipts: its root by RFC 6962, and the leaves of one receipt (docs/receipts-log.md).

const LEAF_BYTES = 78, TAG_BYTES = 16, NONCE_BYTES = 12, PADDED = 256;
const ACTIONS = [null, "added", "stands", "withdrawn", "still-listed", "refused"];
const KINDS = [null, "url_sha256", "row_sha256", "img_sha256", "img_md5"];

/** The log as a tree: `levels[0]` are the hashes of the leaves, 32 bytes each; the last level is the root. */
class Tree {
  constructor(data) {
    this.data = data;
    this.size = data.length / LEAF_BYTES;
    const first = new Uint8Array(32 * this.size), message = new Uint8Array(1 + LEAF_BYTES);
    for (let n = 0; n < this.size; n++) {
      message.set(this.leaf(n), 1);
      first.set(sha256(message), 32 * n);
    }
    this.levels = [first];
    while (this.levels.at(-1).length > 32) this.levels.push(above(this.levels.at(-1)));
  }

  get root() {
    return this.size ? this.levels.at(-1) : sha256(new Uint8Array());
  }

  leaf(index) {
    return this.data.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES);
  }

  /** The inclusion proof of a leaf, from the leaf up. A last node without a neighbour goes up as it is. */
  inclusion(index) {
    const proof = [];
    for (const level of this.levels) {
      const other = 32 * (index ^ 1);
      if (other < level.length) proof.push(level.subarray(other, other + 32));
      index >>>= 1;
    }
    return proof;
  }
}

function above(level) {
  const count = level.length / 32, next = new Uint8Array(32 * Math.ceil(count / 2));
  const message = new Uint8Array(65);
  message[0] = 1;
  for (let n = 0; n + 1 < count; n += 2) {
    message.set(level.subarray(32 * n, 32 * n + 64), 1);
    next.set(sha256(message), 16 * n);
  }
  if (count % 2) next.set(level.subarray(-32), next.length - 32);
  return next;
}

/** True when the proof shows that a leaf is number `index` of `size` under `root` (RFC 9162, 2.1.3.2). */
function includes(leaf, index, size, proof, root) {
  let at = index, last = size - 1, found = sha256(joined(Uint8Array.of(0), leaf));
  for (const other of proof) {
    if (!last) return false;
    const left = at % 2 || at === last;
    found = sha256(left ? joined(Uint8Array.of(1), other, found) : joined(Uint8Array.of(1), found, other));
    if (left) while (at && at % 2 === 0) [at, last] = [at >>> 1, last >>> 1];
    [at, last] = [at >>> 1, last >>> 1];
  }
  return last === 0 && same(found, root);
}

const place = (seq, i) => joined(numberBytes(seq, 8), numberBytes(i, 4));
const tagOf = (proofKey, seq, i) => hmac(proofKey, joined(ascii("tdl1"), place(seq, i))).subarray(0, TAG_BYTES);
const head = (bytes) => bytes.subarray(0, 6).reduce((sum, byte) => sum * 256 + byte, 0);

/** All leaves of a receipt from release 1 to `newest`, opened and proven to be in the tree. */
async function ownLeaves(tree, proofKey, newest) {
  const places = new Map();
  for (let n = 0; n < tree.size; n++) {
    const key = head(tree.leaf(n));
    places.set(key, places.has(key) ? [places.get(key), n].flat() : n);
  }
  const found = [];
  for (let seq = 1; seq <= newest; seq++) {
    for (let i = 0; ; i++) {
      const tag = tagOf(proofKey, seq, i);
      const at = [places.get(head(tag)) ?? []].flat().filter((n) => same(tree.leaf(n).subarray(0, TAG_BYTES), tag));
      if (at.length > 1) throw new Fault("leaf-repeated");
      if (!at.length) break;
      const leaf = tree.leaf(at[0]);
      const says = await openLeaf(proofKey, seq, i, leaf);
      if (!includes(leaf, at[0], tree.size, tree.inclusion(at[0]), tree.root)) throw new Fault("leaf-not-in-log");
      found.push({ seq, i, index: at[0], ...says });
    }
  }
  return found;
}

async function openLeaf(proofKey, seq, i, leaf) {
  const tag = leaf.slice(0, TAG_BYTES), iv = leaf.slice(TAG_BYTES, TAG_BYTES + NONCE_BYTES);
  const raw = hkdf(proofKey, joined(ascii("tdl1 leaf key"), place(seq, i)));
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  let plain;
  try {
    const how = { name: "AES-GCM", iv, additionalData: tag };
    plain = new Uint8Array(await crypto.subtle.decrypt(how, key, leaf.slice(TAG_BYTES + NONCE_BYTES)));
  } catch {
    throw new Fault("leaf-unreadable");
  }
  const action = ACTIONS[plain[0]], kind = KINDS[plain[1]];
  const width = { null: 0, img_md5: 16 }[kind] ?? 32;
  if (!action || kind === undefined || plain.length !== 34 || plain.subarray(2 + width).some(Boolean)) {
    throw new Fault("leaf-unreadable");
  }
  return { action, kind, digest: kind && hex(plain.subarray(2, 2 + width)) };
}
