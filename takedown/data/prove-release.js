// The newest release from its files: signatures, checkpoint, log and lists, each checked by what names it.
//
// 1. root -> later roots -> timestamp -> snapshot -> targets: every file by length and SHA-256, and by the
//    signatures of the keys that root names, where the browser knows Ed25519.
// 2. targets -> checkpoint and manifests; the manifests name the same log as the checkpoint.
// 3. all leaves of the log: their root is the checkpoint's.
// 4. manifests -> files of each list; the list as a whole has its manifest's state_sha256.

const MOST_METADATA = 5e6, MOST_ROOTS = 1000, MOST_BYTES = 200e6, MOST_ENTRIES = 2e6;
const CHAIN = ["timestamp", "snapshot", "targets"];

/** What stops the check; `slug` names a sentence. */
class Fault extends Error {
  constructor(slug) {
    super(slug);
    this.slug = slug;
  }
}

const number = (seq) => String(seq).padStart(6, "0");
const parse = (bytes) => {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Fault("unreadable");
  }
};

async function digestOf(bytes) {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Get a file whose length and SHA-256 are known. */
async function authentic(get, path, length, sha256) {
  const bytes = await get(path, length);
  if (bytes.length !== length || (await digestOf(bytes)) !== sha256) throw new Fault("file-differs");
  return bytes;
}

/** Metadata and manifests of the newest release. `get(path, most)` gives the bytes of a file. */
async function readRelease(get) {
  const [root, fingerprint] = await readRoot(get);
  const signers = await canVerify();
  const about = { timestamp: await get("metadata/timestamp.json", MOST_METADATA) };
  const signed = {};
  for (const role of CHAIN) {
    signed[role] = await verified(about[role], role, root, signers);
    if (role === "targets") break;
    const [next, name] = role === "timestamp" ? ["snapshot", "snapshot.json"] : ["targets", "targets.json"];
    const { version, length, hashes } = signed[role].meta[name];
    about[next] = await authentic(get, `metadata/${version}.${next}.json`, length, hashes.sha256);
  }
  const targets = Object.entries(signed.targets.targets).sort(([one], [two]) => (one < two ? -1 : 1));
  const release = { seq: 0, editions: [], fingerprint, signers, trial: root["x-throwaway"] === true };
  for (const [path, { length, hashes }] of targets) {
    const value = parse(await authentic(get, path, length, hashes.sha256));
    if (path === `log/checkpoint-${number(value.seq)}.json`) [release.seq, release.log] = [value.seq, value];
    else if (path === `editions/${value.edition}/manifest-${number(value.seq)}.json`) release.editions.push(value);
    else throw new Fault("unreadable");
  }
  const sameLog = ({ seq, log }) => seq === release.seq && log.size === release.log.size && log.root === release.log.root;
  if (!release.editions.length) throw new Fault("no-release");
  if (!release.editions.every(sameLog)) throw new Fault("unreadable");
  const ends = [root, ...Object.values(signed)].map(({ expires }) => expires).sort();
  release.expired = Date.parse(ends[0]) < Date.now() ? ends[0].slice(0, 10) : null;
  release.bytes = [...listFiles(release)].reduce((sum, file) => sum + file.bytes, release.log.size * LEAF_BYTES);
  release.entries = release.editions.flatMap(({ count_by_kind: counts }) => Object.values(counts)).reduce((a, b) => a + b, 0);
  return release;
}

/** The newest root, each version signed by the one before and by itself; SHA-256 of the first. */
async function readRoot(get) {
  const signers = await canVerify();
  let bytes = await get("metadata/1.root.json", MOST_METADATA), root = parse(bytes).signed;
  const fingerprint = await digestOf(bytes);
  await verified(bytes, "root", root, signers);
  for (let version = 2; version < MOST_ROOTS; version++) {
    bytes = await get(`metadata/${version}.root.json`, MOST_METADATA, true);
    if (!bytes) break;
    const next = parse(bytes).signed;
    await verified(bytes, "root", root, signers);
    await verified(bytes, "root", next, signers);
    if (next.version !== version) throw new Fault("unsigned");
    root = next;
  }
  return [root, fingerprint];
}

/** Whether this browser can check Ed25519 signatures. */
async function canVerify() {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** The signed part of metadata, once enough of the role's keys have signed it. */
async function verified(bytes, role, root, signers) {
  const { signed, signatures } = parse(bytes);
  if (signed?._type !== role) throw new Fault("unreadable");
  if (!signers) return signed;
  const message = new TextEncoder().encode(canonical(signed)), good = new Set();
  const { keyids, threshold } = root.roles[role];
  for (const { keyid, sig } of signatures) {
    const key = keyids.includes(keyid) && root.keys[keyid];
    if (!key || key.keytype !== "ed25519") continue;
    const point = await crypto.subtle.importKey("raw", unhex(key.keyval.public), "Ed25519", false, ["verify"]);
    if (await crypto.subtle.verify("Ed25519", point, unhex(sig), message)) good.add(key.keyval.public);
  }
  if (!(threshold >= 1) || good.size < threshold) throw new Fault("unsigned");
  return signed;
}

/** The one spelling of JSON that TUF signs: keys sorted, nothing escaped but quotes and backslashes. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "string") return `"${value.replace(/["\\]/g, "\\$&")}"`;
  if (value === null || typeof value !== "object") return String(value);
  return `{${Object.keys(value).sort().map((key) => `${canonical(key)}:${canonical(value[key])}`).join(",")}}`;
}

/** Deltas that lead from an edition's full list to its newest. */
const steps = ({ state, seq, deltas }) => (state.seq === seq ? [] : deltas.filter(({ from }) => from >= state.seq));

function* listFiles({ editions }) {
  for (const edition of editions) yield* [...edition.state.files, ...steps(edition)];
}

/** All leaves of the log, once their root is the signed one. */
async function readLog(get, { seq, log }) {
  const data = new Uint8Array(log.size * LEAF_BYTES);
  let at = 0;
  for (let n = 1; n <= seq; n++) {
    const bytes = await get(`log/leaves-${number(n)}.bin`, data.length - at);
    if (!bytes.length || bytes.length % (PADDED * LEAF_BYTES) || at + bytes.length > data.length) throw new Fault("log-differs");
    data.set(bytes, at);
    at += bytes.length;
  }
  const tree = new Tree(data);
  if (at < data.length || hex(tree.root) !== log.root) throw new Fault("log-differs");
  return tree;
}

/** The lists of all editions: [{edition, prefix_hex, digests: {kind: sorted digests}}]. */
async function readLists(get, release) {
  const lists = [];
  for (const manifest of release.editions) {
    const digests = {};
    for (const file of manifest.state.files) {
      const columns = readParquet(await authentic(get, file.path, file.bytes, file.sha256));
      digests[file.kind] = (digests[file.kind] || []).concat(columns.digest);
    }
    for (const file of steps(manifest)) {
      roll(digests, readParquet(await authentic(get, file.path, file.bytes, file.sha256)));
    }
    if ((await stateDigest(digests)) !== manifest.state_sha256) throw new Fault("file-differs");
    lists.push({ edition: manifest.edition, prefix_hex: manifest.prefix_hex, digests });
  }
  return lists;
}

function roll(digests, { op, kind, digest }) {
  for (const name of new Set(kind)) {
    const list = new Set(digests[name]);
    for (const which of ["remove", "add"]) {
      digest.forEach((one, n) => kind[n] === name && op[n] === which && (which === "add" ? list.add(one) : list.delete(one)));
    }
    digests[name] = [...list].sort();
  }
}

async function stateDigest(digests) {
  const lines = Object.keys(digests).sort().flatMap((kind) => digests[kind].map((digest) => `${kind}\t${digest}\n`));
  return digestOf(new TextEncoder().encode(lines.join("")));
}
