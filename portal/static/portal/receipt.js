// The buttons of the receipt that need a script; without one the page offers other ways.

const words = [...document.querySelectorAll("[data-words] li")].map((word) => word.textContent).join(" ");
const said = document.querySelector("[data-said]");
const copy = document.querySelector("[data-copy]");
const print = document.querySelector("[data-print]");

copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(words);
    copy.textContent = said.textContent = copy.dataset.copied;
  } catch { // not over plain http, as on an onion service, and not where the person says no
    said.textContent = copy.dataset.refused;
    said.className = "hint";
    getSelection().selectAllChildren(document.querySelector("[data-words]"));
  }
});
print.addEventListener("click", () => window.print());
copy.hidden = print.hidden = false;
