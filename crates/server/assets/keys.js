// Keys for those who answer many reviews: j and k move, a, e, r and o choose an answer. Nothing is sent without
// a confirmation.

function typing(target) {
  return target instanceof Element && target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
}

/** Moves the focus to the next or previous row of a list. */
function move(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return false;
  const at = rows.findIndex((r) => r.contains(document.activeElement));
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  next.querySelector("a")?.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
  const key = event.key;
  if ((key === "j" || key === "k") && move(key === "j" ? 1 : -1)) return event.preventDefault();
  if (!/^[a-z]$/.test(key)) return;
  const target = document.querySelector(`[data-key="${key}"]`);
  if (!target) return;
  event.preventDefault();
  if (target instanceof HTMLAnchorElement) return target.click();
  target.checked = true;
  target.dispatchEvent(new Event("change", { bubbles: true }));
  const first = key === "e" || key === "o" ? target.form.querySelector(".edit textarea, .edit select, .edit input") : null;
  (first ?? target.form.querySelector("textarea[name=reason]"))?.focus();
});

/** Asks once more before an answer is sent, in a dialog of the page. */
function confirmFirst(form) {
  const dialog = document.createElement("dialog");
  const text = document.createElement("p");
  const buttons = document.createElement("p");
  const yes = document.createElement("button");
  const no = document.createElement("button");
  yes.type = no.type = "button";
  yes.textContent = "Record it";
  yes.className = "primary";
  no.textContent = "Not yet";
  buttons.append(yes, " ", no);
  dialog.append(text, buttons);
  document.body.append(dialog);
  let sure = false;
  form.addEventListener("submit", (event) => {
    if (sure) return;
    event.preventDefault();
    const chosen = form.querySelector("input[name=answer]:checked")?.closest("label")?.querySelector("strong")?.textContent ?? "";
    text.textContent = `“${chosen}”: recorded in your name, once. It cannot be taken back.`;
    dialog.showModal();
    yes.focus();
  });
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => {
    sure = true;
    dialog.close();
    form.requestSubmit();
  });
}

for (const form of document.querySelectorAll("form[data-confirm]")) confirmFirst(form);

// On a narrow screen the present tab may lie outside what is shown.
const tab = document.querySelector(".tabs [aria-current]");
if (tab) tab.closest("ul").scrollLeft = tab.offsetLeft - 80;
