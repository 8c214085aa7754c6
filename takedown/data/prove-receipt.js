// From the eight words to sentences: reading the receipt, and what its leaves mean beside the lists.

const WORDS_NEEDED = 8, MOST_TEXT = 1000;

/** The words as typed, in any case, with accents, numbers and anything between them. */
function readReceipt(text, words) {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const typed = text.length <= MOST_TEXT ? plain.match(/\p{L}+/gu) || [] : [];
  if (typed.length !== WORDS_NEEDED) {
    return { problem: `A receipt has ${WORDS_NEEDED} words; please enter all of them, with spaces between.` };
  }
  const known = new Set(words), wrong = typed.findIndex((word) => !known.has(word));
  if (wrong < 0) return { proofKey: hkdf(ascii(typed.join(" ")), ascii("takedown receipt v1: proof key")) };
  const near = nearest(typed[wrong], words);
  const advice = near ? `did you mean “${near}”?` : "please compare it with your note.";
  return { problem: `Word ${wrong + 1} is not one that receipts are made of; ${advice}` };
}

/** The word of the list with the fewest changed letters, at most two. */
function nearest(typed, words) {
  let [best, least] = [null, 3];
  for (const word of words) {
    if (Math.abs(word.length - typed.length) < least) {
      const changes = distance(typed, word, least);
      if (changes < least) [best, least] = [word, changes];
    }
  }
  return best;
}

/** Letters to add, drop, exchange or swap with a neighbour, counted up to `most`. */
function distance(one, two, most) {
  let before = [], last = Array.from({ length: two.length + 1 }, (_, n) => n);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= two.length; j++) {
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (one[i - 1] !== two[j - 1]));
      const swapped = i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    if (Math.min(...row) >= most) return most;
    [before, last] = [last, row];
  }
  return last.at(-1);
}

/** One verdict a leaf, by the rules of takedown/blocklist/verdict.py. */
function judge(leaves, lists) {
  const entry = ({ kind, digest }) => `${kind} ${digest}`, latest = new Map();
  const ordered = [...leaves].sort((one, two) => one.seq - two.seq || one.i - two.i);
  for (const leaf of ordered) if (leaf.action !== "refused") latest.set(entry(leaf), leaf);
  return ordered.map((leaf) => {
    if (leaf.action === "refused") return { ...leaf, outcome: "nothing", editions: [] };
    if (!leaf.kind) return { ...leaf, outcome: "unnamed", editions: [] };
    const found = lists.filter((list) => listed(list, leaf)), editions = found.map(({ edition }) => edition);
    const whole = found.some(({ prefix_hex }) => prefix_hex >= leaf.digest.length);
    let outcome = found.length ? "listed" : "missing";
    if (latest.get(entry(leaf)) !== leaf) outcome = "overtaken";
    else if (leaf.action === "withdrawn") outcome = !found.length ? "gone" : whole ? "present" : "shared";
    return { ...leaf, outcome, editions };
  });
}

function listed({ prefix_hex, digests }, { kind, digest }) {
  const list = digests[kind] || [], wanted = digest.slice(0, prefix_hex);
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return list[low] === wanted;
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** A sentence for each verdict, and one that sums up: word for word those of the command. */
function tell(verdicts, release, sentences) {
  const lines = verdicts.map(({ seq, action, kind, digest, outcome, editions }) => {
    const entry = kind ? fill(sentences[kind], { digest: digest.slice(0, 12) }) : "";
    return fill(`${sentences[action]} ${sentences[outcome]}`, { seq, entry, editions: editions.join(", ") });
  });
  const fault = verdicts.map(({ outcome }) => sentences[`entry-${outcome}`]).find(Boolean) || null;
  const searched = verdicts.some(({ outcome }) => outcome !== "unnamed" && outcome !== "nothing");
  const closing = fault ? "not-proven" : searched ? "proven" : "in-log";
  const summary = fill(sentences[closing], { seq: release.seq, size: release.log.size, count: verdicts.length });
  return { lines, summary, fault };
}
