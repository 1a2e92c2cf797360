// Keeps the live parts of a page fresh. The server says only *that* something changed; the page is fetched again
// with the reader's own session, and parts marked `data-live` are swapped where they differ.

const body = document.body;
const address = body.dataset.events;
const said = document.getElementById("said");
const state = document.getElementById("live-state");

/** Whether the reader is at work within this part: typing, selecting, or with something opened by hand. */
function busy(part) {
  const selection = getSelection();
  return (
    part.contains(document.activeElement) && document.activeElement !== part
    || (selection && !selection.isCollapsed && part.contains(selection.anchorNode))
  );
}

/** Which of a part's `details` are open, by their summary, so that a swap leaves them so. */
function opened(part) {
  return new Set([...part.querySelectorAll("details[open] > summary")].map((s) => s.textContent));
}

let running = false;
let again = false;

async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    if (answer.redirected || answer.status === 401) return location.reload();
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    let changed = 0;
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (!other || part.innerHTML === other.innerHTML || busy(part)) continue;
      const open = opened(part);
      part.replaceChildren(...other.childNodes);
      for (const s of part.querySelectorAll("details > summary")) if (open.has(s.textContent)) s.parentElement.open = true;
      changed += 1;
    }
    if (changed) {
      prepare();
      document.dispatchEvent(new Event("refreshed"));
      if (said) said.textContent = "Updated " + new Date().toISOString().slice(11, 16) + " UTC";
    }
  } catch {
    // The next change tries again.
  } finally {
    running = false;
    if (again) {
      again = false;
      setTimeout(refresh, 1000);
    }
  }
}

/** Commands get their copy buttons: they need JavaScript, so they are hidden without it. */
function prepare() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copy][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "copied";
      setTimeout(() => (button.textContent = "copy"), 1500);
    });
  }
}

prepare();

if (address) {
  let stream;
  const open = () => {
    if (stream || document.hidden) return;
    stream = new EventSource(address);
    stream.addEventListener("open", () => state && (state.hidden = false));
    stream.addEventListener("error", () => state && (state.hidden = true));
    stream.addEventListener("changed", refresh);
  };
  // A hidden tab holds no connection: a browser allows only six to one host.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = undefined;
    } else {
      open();
      refresh();
    }
  });
  open();
}
