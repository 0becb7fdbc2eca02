// The start page keeps itself up to date: what has changed is put in place of what stood there, and nothing else moves.

const INTERVAL = 5000; // milliseconds between two looks

const now = document.getElementById("now");
const status = document.getElementById("status");
const alert = document.getElementById("alert");
const token = document.querySelector("meta[name=token]").content;

document.documentElement.classList.add("js");

function warn(text) {
  alert.querySelector("p").textContent = text;
  alert.hidden = !text;
}

function show(parts) {
  const known = new Map([...now.querySelectorAll(":scope > [data-key]")].map((each) => [each.dataset.key, each]));
  const focused = document.activeElement;
  const around = focused.closest("[data-key]");
  let before = null;
  for (const fresh of parts) {
    const old = known.get(fresh.dataset.key);
    known.delete(fresh.dataset.key);
    let stands = old;
    if (!old || old.outerHTML !== fresh.outerHTML) {
      stands = document.adoptNode(fresh);
      if (old && old.dataset.state !== stands.dataset.state) {
        status.textContent = `${stands.dataset.key}: ${stands.dataset.state}`;
      }
      old?.replaceWith(stands);
    }
    const place = before ? before.nextElementSibling : now.firstElementChild;
    if (place !== stands) {
      now.insertBefore(stands, place);
    }
    before = stands;
  }
  for (const gone of known.values()) {
    gone.remove();
  }
  // The focus stays on what does the same.
  if (around && document.activeElement !== focused) {
    const part = now.querySelector(`[data-key="${CSS.escape(around.dataset.key)}"]`);
    part?.querySelector(`[data-do="${CSS.escape(focused.dataset.do ?? "")}"]`)?.focus();
  }
}

async function look() {
  if (document.hidden) {
    return;
  }
  try {
    const answer = await fetch("studies", { cache: "no-store" });
    if (!answer.ok) {
      throw new Error(answer.statusText);
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    show([...page.body.querySelectorAll(":scope > [data-key]")]);
    warn("");
  } catch {
    warn("bookcover serve does not answer. Start it again, and this page goes on.");
  }
}

async function retry(button) {
  button.disabled = true;
  const answer = await fetch("retry", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Bookcover-Token": token },
    body: JSON.stringify({ run: button.dataset.retry }),
  });
  if (!answer.ok) {
    warn((await answer.json()).error);
    button.disabled = false;
    return;
  }
  await look();
}

now.addEventListener("click", (event) => {
  const button = event.target.closest("[data-retry]");
  if (button) {
    retry(button).catch(() => warn("bookcover serve does not answer."));
  }
});
document.addEventListener("visibilitychange", look);
setInterval(look, INTERVAL);
