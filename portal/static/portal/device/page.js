// Fingerprints are made on this device instead of sending pictures, where the browser can: the block that
// templates/public/device.html brings is shown, and the field that would send them is put away.
//
// All words come from the page. What does the work is loaded when the first picture is chosen.

import {selftest} from "./selftest.js";

for (const root of document.querySelectorAll("[data-device]")) start(root);

async function start(root) {
  const part = (name) => root.querySelector(`[data-device-${name}]`);
  const answer = await selftest();
  root.hidden = false;
  if (answer !== "fine") {
    part(answer).hidden = false;
    return;
  }
  const fields = [...document.querySelectorAll("[data-device-replaces]")];
  const send = () => {
    fields.forEach((field) => putAway(field, false));
    part("instead").hidden = true;
  };
  fields.forEach((field) => putAway(field, true));
  part("make").hidden = false;
  fields.forEach((field) => carryProblems(field, part("files")));
  part("instead").addEventListener("click", () => {
    send();
    fields[0]?.querySelector("input")?.focus();
  });
  gather(root, part, send);
  fields.forEach((field) => takeOver(field, part("files")));
}

/** What was chosen in a field before it was put away, or in its dialog since, is not lost; nor is it sent. */
function takeOver(field, chooser) {
  for (const input of field.querySelectorAll("input[type=file]")) {
    const hand = () => {
      if (!input.disabled || !input.files.length) return;
      chooser.files = input.files;
      chooser.dispatchEvent(new Event("change"));
      input.value = "";
    };
    input.addEventListener("change", hand);
    hand();
  }
}

/** Hide a field; what is chosen in it is not sent, then. */
function putAway(field, away) {
  field.hidden = away;
  for (const input of field.querySelectorAll("input")) input.disabled = away;
}

/** What was wrong with the field is told beside the one that takes its place; the summary leads there, too. */
function carryProblems(field, chooser) {
  for (const input of field.querySelectorAll("input[id]")) {
    document.querySelectorAll(`a[href="#${input.id}"]`).forEach((link) => {
      link.setAttribute("href", `#${chooser.id}`);
    });
  }
  const sentences = [...field.querySelectorAll(".wrong")].map((sentence) => sentence.cloneNode(true));
  if (!sentences.length) return;
  sentences.forEach((sentence, number) => { sentence.id = `device-wrong-${number}`; });
  chooser.before(...sentences);
  chooser.setAttribute("aria-invalid", "true");
  const described = [chooser.getAttribute("aria-describedby"), ...sentences.map(({id}) => id)];
  chooser.setAttribute("aria-describedby", described.join(" "));
}

/** Hand chosen pictures on; hold the form back until all are done. */
function gather(root, part, giveUp) {
  const chooser = part("files");
  let loading = 0;
  let list = null;
  let held = null; // the button that was pressed too early

  const text = (name) => (part("texts").querySelector(`[data-text="${name}"]`) ?? part("failed")).textContent;
  const say = (name) => { part("notice").textContent = name && text(name); };
  const busy = () => loading > 0 || Boolean(list?.busy());
  const settled = (wentWell) => {
    if (held && !wentWell) held.look = true;
    if (!held || busy()) return;
    const {button, look} = held;
    held = null;
    say(look ? "look" : "");
    if (!look) chooser.form.requestSubmit(button);
  };

  chooser.addEventListener("change", async () => {
    const files = [...chooser.files];
    chooser.value = ""; // so that the same picture can be chosen again
    say("");
    loading++;
    try {
      list ??= (await import("./pictures.js")).pictures(root, {part, text, say, settled});
      list.add(files);
    } catch {
      held = null;
      say("missing-parts");
      giveUp();
    }
    loading--;
    settled(true); // a form that was held may go, if there was room for none of these files
  });
  chooser.form.addEventListener("submit", (event) => {
    if (!busy()) return;
    event.preventDefault();
    held = {button: event.submitter, look: false};
    say("wait");
  });
}
