// The page itself. Everything is fetched before any word is typed, and always the same files: no request tells
// whose receipt it is, and the device can be offline from then on.

const ASK_FIRST = 20e6; // bytes; above that a person is asked before they are fetched

const SAID = {
  "insecure": "This browser only gives pages what the check needs when they come over https, or from a file. Open this page over https, or save it together with the release and open it from there.",
  "unreachable": "The release could not be fetched. Check your connection and open this page again, or choose a copy of the release on this device.",
  "file-missing": "A file of the release is missing here. Try again later, or choose a copy of the release on this device.",
  "no-folder": "That folder is not a release: it has no metadata/timestamp.json. Choose the folder that has it.",
  "no-release": "The publisher has not published a release yet. Look again later.",
  "unsigned": "The signatures of this release do not hold, so nothing here can be relied on. Tell the publisher.",
  "file-differs": "A file of this release is not the one that was signed, so nothing here can be relied on. Try again later, or tell the publisher.",
  "unreadable": "A file of this release cannot be read. Try again later, or use the takedown prove command.",
  "trial": "The publisher's keys are marked as a trial: do not rely on this list.",
  "too-long": "This list is too long for a web page. Use the takedown prove command instead.",
};

const element = (id) => document.getElementById(id);
const words = element("word-list").textContent.trim().split(/\s+/);
const sentences = JSON.parse(element("sentences").textContent);
const sentence = (error) => (error instanceof Fault && (SAID[error.slug] || sentences[error.slug])) || SAID.unreadable;
const counted = (value) => value.toLocaleString("en");
let release, tree, lists;

function say(text) {
  element("status").textContent = text;
}

const PLACE = /^(metadata|editions|log)(\/[a-z0-9][a-z0-9._-]*)+$/; // no other host, nothing above this folder

/** Files beside this page. */
async function fromServer(path, most, optional) {
  if (!PLACE.test(path)) throw new Fault("unreadable");
  const how = { cache: "no-cache", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" };
  let answer;
  try {
    answer = await fetch(new URL(path, location.href), how);
  } catch {
    throw new Fault("unreachable");
  }
  if (!answer.ok && optional) return null;
  if (!answer.ok) throw new Fault("file-missing");
  const parts = [];
  let size = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: null }));
    if (done && value === null) throw new Fault("unreachable");
    if (done) return joined(...parts);
    size += value.length;
    if (size > most) {
      reader.cancel();
      throw new Fault("file-differs");
    }
    parts.push(value);
  }
}

/** Files of a folder that was chosen; the release may lie deeper in it. */
function fromFolder(files) {
  const places = new Map([...files].map((file) => [file.webkitRelativePath, file]));
  const anchor = [...places.keys()].filter((path) => path.endsWith("/metadata/timestamp.json")).sort((a, b) => a.length - b.length)[0];
  if (!anchor) throw new Fault("no-folder");
  const base = anchor.slice(0, -"metadata/timestamp.json".length);
  return async (path, most, optional) => {
    const file = places.get(base + path);
    if (!file && optional) return null;
    if (!file) throw new Fault("file-missing");
    if (file.size > most) throw new Fault("file-differs");
    return new Uint8Array(await file.arrayBuffer());
  };
}

/** Nothing is on this device any more, and nothing is said about it. */
function forget() {
  release = tree = lists = undefined;
  element("check").disabled = true;
  element("large").hidden = true;
  hideResult();
}

/** Read the release, then its log and lists: at once when they are small, otherwise when asked to. */
async function load(get) {
  forget();
  try {
    say("Getting the release …");
    const found = await readRelease(get);
    if (found.bytes > MOST_BYTES || found.entries > MOST_ENTRIES) throw new Fault("too-long");
    if (found.bytes > ASK_FIRST) await asked(found.bytes);
    say(`Getting and checking release ${found.seq} …`);
    [tree, lists] = [await readLog(get, found), await readLists(get, found)];
    release = found;
    element("check").disabled = false;
    say(`Release ${release.seq} is on this device and checked. You can go offline now, before you type.`);
  } catch (error) {
    say(sentence(error));
    if (!(error instanceof Fault)) console.error(error);
    element("folder").hidden = error instanceof Fault && error.slug === "insecure";
  }
}

function asked(bytes) {
  say(`The lists and the log take ${Math.ceil(bytes / 1e6)} MB.`);
  element("large").hidden = false;
  return new Promise((go) => {
    element("fetch").onclick = () => {
      element("large").hidden = true;
      go();
    };
  });
}

async function check() {
  hideResult(); // it was about other words
  const { proofKey, problem = "" } = readReceipt(element("words").value, words);
  element("words-problem").textContent = problem;
  element("words").setAttribute("aria-invalid", String(Boolean(problem)));
  if (problem) return element("words").focus();
  try {
    const own = await ownLeaves(tree, proofKey, release.seq);
    if (!own.length) show("Nothing found", fill(sentences["no-leaf"], { seq: release.seq }), []);
    else {
      const { lines, summary, fault } = tell(judge(own, lists), release, sentences);
      const title = release.signers ? "Proven" : "As it should be, but for the signatures, which were not checked";
      show(fault ? "Not proven" : title, summary, lines, fault);
    }
  } catch (error) {
    show("Not proven", sentence(error), []);
  }
}

function show(title, summary, lines, fault) {
  element("verdict").textContent = title;
  element("summary").textContent = summary;
  fillList("lines", lines);
  fillList("checked", checks());
  const notes = [fault, release.trial && SAID.trial, release.expired && expiry(release.expired)];
  element("warning").textContent = notes.filter(Boolean).join(" ");
  element("warning").hidden = !element("warning").textContent;
  element("result").hidden = false;
  element("verdict").focus();
}

const expiry = (day) =>
  `Its signatures ran out on ${day}: the publisher has stopped renewing them, or a newer release is held back. Tell the publisher.`;

function checks() {
  return [
    release.signers
      ? "Checked: the signatures, from the root keys to this release."
      : "Not checked: who signed. This browser does not know Ed25519 signatures; a newer one does, and so does the takedown command.",
    `Checked: the log of ${counted(release.log.size)} leaves has the signed root, and what belongs to your receipt is in it.`,
    `Checked: ${counted(release.entries)} entries in ${release.editions.length === 1 ? "one list" : `${release.editions.length} lists`}, each list by its signed digest.`,
    "Not checked: whether this page is honest. It comes from the same place as the release, and whoever controls that place could change both. The takedown prove command, or a copy of this page that you got elsewhere, does not depend on it.",
    `Not checked: whether the root keys are the publisher's. Compare this with what the publisher says elsewhere: the first root file has the SHA-256 ${release.fingerprint}.`,
    "Not checked: whether an older release is shown to you than to others. The takedown command remembers what it saw; a page does not.",
  ];
}

function fillList(id, texts) {
  const items = texts.map((text) => Object.assign(document.createElement("li"), { textContent: text }));
  element(id).replaceChildren(...items);
  element(id).hidden = !items.length;
}

function hideResult() {
  element("result").hidden = true;
  fillList("lines", []);
}

function clear() {
  element("words").value = "";
  element("words-problem").textContent = "";
  element("words").removeAttribute("aria-invalid");
  hideResult();
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (release) check();
  else element("words-problem").textContent = "The release is not on this device yet; see above.";
});
element("words").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  element("form").requestSubmit();
});
element("clear").addEventListener("click", () => {
  clear();
  element("words").focus();
});
element("files").addEventListener("change", async ({ target }) => {
  if (!target.files.length) return;
  forget();
  try {
    await load(fromFolder(target.files));
  } catch (error) {
    say(sentence(error));
  }
});
window.addEventListener("pagehide", clear); // a page that comes back from the browser's memory is empty

if (!globalThis.crypto?.subtle) say(SAID.insecure);
else if (location.protocol === "file:") {
  say("Choose the release that you have on this device.");
  element("folder").hidden = false;
} else load(fromServer);
