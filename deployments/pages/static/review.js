/**
 * The review page.
 *
 * What there is to decide comes from `state`, which is asked for again every second or two and sent only when it changed:
 * so decisions made in other tabs, by other people, or in the file itself show up here. What is decided goes to
 * `decisions` at once, one change after the other.
 *
 *   items     key -> book, as the server last told it
 *   pending   changes that are not saved yet, oldest first; a change holds one or more entries
 *   undoable  changes that can be undone, latest last; they outlive a reload (sessionStorage)
 *   place     what is looked at: kind of books, filter, view, the list of keys, and where in it
 *
 * An entry says what was decided on one book and what the person saw of it when deciding. The server leaves a decision
 * alone that somebody else made in between, and the page then says so. A change that could not be sent stays in
 * `pending`, is shown as unsaved, and is tried again until it is saved.
 *
 * The list stays as it was when a filter was chosen, so that what was just decided can be gone back to.
 */

const REASONS = ["box set", "multi-volume", "not a book cover"];
const KINDS = { candidate: "Candidates", replacement: "Replacements", other: "Others" };
const FILTERS = { open: "Open", keep: "Kept", reject: "Rejected", all: "All" };
const ROLES = { train: "training book", test: "test book", pool: "pool book" };
const POLL_MS = 1500;
const LONGEST_WAIT_MS = 10000;
const TOAST_MS = 6000;

/** What was decided on one book. `stands` is what the server says of the book once the entry was sent. */
class Entry {
  constructor(key, decision, why, seen, stands = undefined) {
    Object.assign(this, { key, decision, why, seen, stands });
  }
}

const items = new Map();
const pending = [];
const undoable = [];
const place = { kind: "candidate", show: "open", view: "single", list: [], at: 0, columns: 4, rows: 2 };
const server = { token: "", tag: "", known: false, reachable: true, trouble: "", goes_on: false, problem: "", unusable: 0, coming: 0 };
let saving = false;
let settled = 0;
let tryNow = () => {};
let gridReason = "";

const $ = (id) => document.getElementById(id);

/* Decisions */

const lastPending = (key) => pending.flatMap((change) => change.entries).findLast((entry) => entry.key === key);

/** What stands on a book, unsaved decisions included: { decision: "keep" | "reject" | "open", by, at, why, unsaved }. */
function verdict(key) {
  const entry = lastPending(key);
  if (entry) return { decision: entry.decision, why: entry.why, by: reviewer(), at: "", unsaved: true };
  return { decision: "open", why: "", by: "", at: "", unsaved: false, ...items.get(key)?.decision };
}

const reviewer = () => $("who").value.trim();
const isOpen = (key) => verdict(key).decision === "open";

/** Decide on some books in one step; those on which the same is decided already stay as they are. */
function decide(keys, decision, why = "") {
  const changed = keys.filter((key) => {
    const now = verdict(key);
    return now.decision !== decision || (why && now.why !== why);
  });
  if (!changed.length) return false;
  const entries = changed.map((key) => new Entry(key, decision, why, lastPending(key) ?? items.get(key).decision));
  const change = { entries, by: reviewer() };
  undoable.push(change);
  send(change);
  return true;
}

/** Take back the last change that was made here, unless somebody has decided anew since. */
function undo() {
  const change = undoable.pop();
  if (!change) return say("There is nothing to undo.");
  const entries = change.entries.filter(holds).map(reverse);
  if (entries.length) {
    const [{ key }] = entries;
    send({ entries, by: reviewer() });
    if (!place.list.includes(key)) choose("all");
    goTo(key);
    say(entries.length > 1 ? `Undone: ${books(entries.length)}.` : `Undone: “${short(key)}” is ${spoken(verdict(key))}.`);
  } else {
    remember();
    say("Nothing was undone: somebody has decided on it since.");
  }
  render({ focus: true });
}

/** Whether what an entry decided still stands. */
function holds(entry) {
  if (lastPending(entry.key)) return true;
  const now = items.get(entry.key)?.decision ?? null;
  return items.has(entry.key) && decisionOf(now) === entry.decision && now?.at === entry.stands?.at;
}

/** The entry that brings back what stood before; the one that had made that stands for it again from then on. */
function reverse(entry) {
  const before = entry.seen instanceof Entry && entry.seen.stands === undefined ? entry.seen : resolve(entry.seen);
  const made = new Entry(entry.key, decisionOf(before), before?.why ?? "", lastPending(entry.key) ?? entry);
  made.restores = undoable.flatMap((change) => change.entries).findLast((each) => each.key === entry.key);
  return made;
}

const decisionOf = (standing) => standing?.decision ?? "open";
const resolve = (seen) => (seen instanceof Entry ? seen.stands ?? null : seen);

function send(change) {
  pending.push(change);
  remember();
  save();
}

/** Send what is pending, one change after the other, and go on trying while the server does not answer. */
async function save() {
  if (saving) return;
  saving = true;
  let wait = 1000;
  while (pending.length) {
    const answer = await post(pending[0]);
    if (answer.stands) {
      settle(pending.shift(), answer.stands);
      server.trouble = "";
      wait = 1000;
    } else if (answer.again) {
      server.trouble = answer.error;
      render();
      await pause(wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    } else {
      drop(pending.shift(), answer.error);
    }
    render();
  }
  saving = false;
}

/** What the server says to a change: { stands } when it is saved, { error, again } when it is not. */
async function post(change) {
  const decisions = change.entries.map(({ key, decision, why, seen }) => ({ key, decision, why, seen: resolve(seen) }));
  try {
    const response = await fetch("decisions", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Bookcover-Token": server.token },
      body: JSON.stringify({ by: change.by, decisions }),
      signal: AbortSignal.timeout(15000),
    });
    const answer = await response.json();
    server.reachable = true;
    if (response.ok) return answer;
    if (response.status === 403) await load();
    return { error: answer.error, again: [403, 409, 421].includes(response.status) || response.status >= 500 };
  } catch {
    server.reachable = false;
    return { error: "", again: true };
  }
}

/** Take over what stands now, and tell where somebody else was faster. */
function settle(change, stands) {
  settled += 1;
  for (const entry of change.entries) {
    entry.stands = stands[entry.key];
    if (entry.restores) entry.restores.stands = entry.stands;
    if (items.has(entry.key)) items.get(entry.key).decision = entry.stands;
    const now = decisionOf(entry.stands);
    if (now === entry.decision) continue;
    for (const later of pending) later.entries = later.entries.filter((other) => other.key !== entry.key);
    say(`${entry.stands?.by || "Somebody"} was faster: “${short(entry.key)}” is ${spoken({ decision: now })}. Decide again if you see it otherwise.`);
  }
  for (let index = pending.length - 1; index >= 0; index -= 1) if (!pending[index].entries.length) pending.splice(index, 1);
  remember();
}

/** Give a change up that the server will never take. */
function drop(change, error) {
  if (undoable.includes(change)) undoable.splice(undoable.indexOf(change), 1);
  say(`Not saved: ${error}`);
  remember();
}

function pause(milliseconds) {
  return new Promise((resume) => {
    const timer = setTimeout(resume, milliseconds);
    tryNow = () => (clearTimeout(timer), resume());
  });
}

/** Keep what can be undone for a reload of this tab. */
function remember() {
  const plain = undoable.filter((change) => !pending.includes(change)).map((change) =>
    change.entries.map(({ key, decision, why, seen, stands }) => ({ key, decision, why, seen: resolve(seen), stands: stands ?? null })));
  store(() => sessionStorage.setItem(`undoable ${location.pathname}`, JSON.stringify(plain.slice(-500))));
}

function recall() {
  const plain = JSON.parse(store(() => sessionStorage.getItem(`undoable ${location.pathname}`)) ?? "[]");
  for (const entries of plain) {
    undoable.push({ entries: entries.map((each) => new Entry(each.key, each.decision, each.why, each.seen, each.stands)), by: "" });
  }
}

/** Use the browser's storage, where the person has not forbidden it. */
function store(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

/* What the server tells */

/** Ask for the state, and take it over if it is news. */
async function load() {
  const before = settled;
  try {
    const headers = server.tag ? { "If-None-Match": server.tag } : {};
    const response = await fetch("state", { headers, cache: "no-store", signal: AbortSignal.timeout(15000) });
    server.reachable = response.ok || response.status === 304;
    if (response.ok) {
      const state = await response.json();
      server.token = state.token;
      if (settled === before) take(state, response.headers.get("ETag"));
    }
  } catch {
    server.reachable = false;
  }
  render();
}

function take(state, tag) {
  const isFirst = !server.known;
  Object.assign(server, { tag, known: true, goes_on: state.goes_on, problem: state.problem, unusable: state.unusable, coming: state.coming });
  const earlier = new Set(items.keys());
  items.clear();
  for (const item of state.items) items.set(item.key, item);
  if (isFirst) {
    $("who").value ||= state.reviewer;
    return begin();
  }
  const here = place.list[place.at];
  const news = [...items.keys()].filter((key) => !earlier.has(key) && belongs(key));
  if (!news.length && place.list.every((key) => items.has(key))) return;
  place.list = [...place.list.filter((key) => items.has(key)), ...news];
  place.at = here === undefined ? firstOpen(0) : Math.max(0, place.list.indexOf(here));
}

async function poll() {
  if (!document.hidden) await load();
  setTimeout(poll, POLL_MS);
}

/* Where one is */

const ofKind = (kind) => [...items.values()].filter((item) => item.kind === kind).map((item) => item.key);
const belongs = (key) => items.get(key).kind === place.kind && (place.show === "all" || verdict(key).decision === place.show);
const current = () => place.list[place.at];
const pageSize = () => place.columns * place.rows;
const pageStart = () => Math.floor(Math.min(place.at, Math.max(0, place.list.length - 1)) / pageSize()) * pageSize();
const pageKeys = () => place.list.slice(pageStart(), pageStart() + pageSize());

/** Take up what the address says, or begin at the first open book. */
function begin() {
  const address = new URLSearchParams(location.hash.slice(1));
  const kinds = Object.keys(KINDS).filter((kind) => ofKind(kind).length);
  place.view = address.get("view") === "grid" ? "grid" : "single";
  const waiting = [...items.values()].find((item) => item.needed && isOpen(item.key));
  place.kind = kinds.includes(address.get("kind")) ? address.get("kind") : waiting?.kind ?? kinds[0] ?? "candidate";
  choose(address.get("show") in FILTERS ? address.get("show") : "open");
  goTo(address.get("book"));
}

/** Choose a filter: the list is made anew. */
function choose(show) {
  place.show = show;
  place.list = [...items.keys()].filter(belongs);
  place.at = 0;
}

/** Go to a book; to the next of the list where it is not in it. */
function goTo(key) {
  if (!items.has(key)) return;
  if (place.kind !== items.get(key).kind) {
    place.kind = items.get(key).kind;
    choose("all");
  }
  const order = [...items.keys()];
  const wanted = order.indexOf(key);
  const found = place.list.findIndex((each) => order.indexOf(each) >= wanted);
  if (place.list.includes(key)) place.at = place.list.indexOf(key);
  else if (found >= 0) place.at = found;
}

/** Index of the first open book from `index` on, round the end; the end of the list where none is open. */
function firstOpen(index) {
  const ahead = place.list.findIndex((key, at) => at >= index && isOpen(key));
  return ahead >= 0 ? ahead : place.list.findIndex(isOpen) >= 0 ? place.list.findIndex(isOpen) : place.list.length;
}

function move(steps) {
  const limit = place.view === "grid" ? place.list.length - 1 : place.list.length;
  place.at = Math.max(0, Math.min(limit, place.at + steps));
  render({ focus: true });
}

function movePage(steps) {
  const start = pageStart() + steps * pageSize();
  if (start < 0 || start >= place.list.length) return;
  place.at = start;
  render({ focus: true });
  window.scrollTo({ top: 0 });
}

function show(view) {
  place.view = view;
  if (place.at >= place.list.length) place.at = Math.max(0, place.list.length - 1);
  render({ focus: true });
}

/* What keys and buttons do */

/** Decide on the book that is looked at, and go on to the next. */
function judge(decision, why = reason(decision)) {
  const key = current();
  if (key === undefined) return;
  const wasOpen = isOpen(key);
  if (decide([key], decision, why)) say(`${spoken({ decision, why }, true)}: “${short(key)}”.`, true);
  $("why").value = "";
  if (place.view === "grid") place.at = Math.min(place.at + 1, pageStart() + pageKeys().length - 1);
  else place.at = wasOpen ? firstOpen(place.at + 1) : Math.min(place.at + 1, place.list.length);
  render({ focus: true });
}

/** The reason that goes with a decision, if the person has given one. */
function reason(decision) {
  if (place.view === "single") return $("why").value.trim();
  return decision === "reject" ? gridReason : "";
}

/** Reject a book of the grid, or take that back. */
function toggle(key) {
  place.at = place.list.indexOf(key);
  const isRejected = verdict(key).decision === "reject";
  decide([key], isRejected ? "open" : "reject", isRejected ? "" : gridReason);
  say(`${spoken(verdict(key), true)}: “${short(key)}”.`, true);
  render({ focus: true });
}

/** Keep whatever is still open on this screen and can be seen, and go on to the next screen with something open. */
function keepRest() {
  const rest = pageKeys().filter(isOpen);
  const seen = rest.filter((key) => $("covers").children[place.list.indexOf(key) - pageStart()].querySelector("img")?.naturalWidth);
  if (!seen.length) return rest.length ? say("The covers have not been loaded yet.") : undefined;
  const next = pageStart() + pageSize();
  decide(seen, "keep");
  say(seen.length < rest.length ? `Kept ${books(seen.length)}; ${rest.length - seen.length} without a picture stay open.` : `Kept ${books(seen.length)}.`, true);
  place.at = firstOpen(next);
  render({ focus: true });
  window.scrollTo({ top: 0 });
}

/* Words */

const books = (count) => `${count} ${count === 1 ? "book" : "books"}`;
const title = (key) => items.get(key)?.title.join("") ?? key;
const short = (key) => (title(key).length > 60 ? `${title(key).slice(0, 58).trimEnd()}…` : title(key));

function spoken({ decision, why }, atStart = false) {
  const word = { keep: "kept", reject: "rejected", open: "undecided" }[decision] + (why ? ` (${why})` : "");
  return atStart ? word[0].toUpperCase() + word.slice(1) : word;
}

function when(at) {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return at ? ` at ${at}` : "";
  const isToday = time.toDateString() === new Date().toDateString();
  const shown = isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  return `, ${time.toLocaleString("en-GB", shown)}`;
}

let toastTimer = 0;
function say(text, canUndo = false) {
  clearTimeout(toastTimer);
  const words = document.createElement("span");
  words.textContent = text;
  $("toast").replaceChildren(words);
  if (canUndo) $("toast").append(button("Undo", undo));
  $("toast").classList.add("shown");
  toastTimer = setTimeout(() => $("toast").classList.remove("shown"), TOAST_MS);
}

/* What is shown */

function button(text, action, attributes = {}) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", action);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Show everything as it stands. `focus`: put the keyboard's focus where one is in the grid. */
function render({ focus = false } = {}) {
  if (!server.known) return renderAlert();
  const atEnd = !place.list.length || place.at >= place.list.length;
  renderBar();
  renderAlert();
  $("message").hidden = !atEnd;
  $("single").hidden = atEnd || place.view !== "single";
  $("grid").hidden = atEnd || place.view !== "grid";
  if (atEnd) renderMessage();
  else if (place.view === "single") renderSingle(current());
  else renderGrid(focus);
  noteAddress();
}

function renderBar() {
  const keys = ofKind(place.kind);
  const count = Object.fromEntries(Object.keys(FILTERS).map((show) => [show, show === "all" ? keys.length : keys.filter((key) => verdict(key).decision === show).length]));
  const decided = count.keep + count.reject;
  $("progress-text").textContent = keys.length ? `${decided} of ${keys.length} decided, ${count.reject} rejected` : "";
  document.querySelector(".track .kept").style.width = `${(100 * count.keep) / (keys.length || 1)}%`;
  document.querySelector(".track .rejected").style.width = `${(100 * count.reject) / (keys.length || 1)}%`;
  const kinds = Object.keys(KINDS).filter((kind) => ofKind(kind).length);
  renderChoice($("kinds"), kinds.length > 1 ? kinds : [], place.kind, (kind) => [KINDS[kind], ofKind(kind).length], (kind) => {
    place.kind = kind;
    choose(ofKind(kind).some(isOpen) ? "open" : "all");
    render();
  });
  renderChoice($("filters"), keys.length ? Object.keys(FILTERS) : [], place.show, (show) => [FILTERS[show], count[show]], (show) => {
    choose(show);
    render();
  });
  for (const each of $("views").children) each.setAttribute("aria-pressed", each.dataset.view === place.view);
  for (const each of document.querySelectorAll("[data-undo]")) each.disabled = !undoable.length;
}

/** A row of buttons of which one is chosen; made once, then only brought up to date. */
function renderChoice(row, names, chosen, words, action) {
  if (names.join() !== [...row.children].map((each) => each.dataset.name).join()) {
    row.replaceChildren(...names.map((name) => button("", () => action(name), { "data-name": name })));
  }
  for (const each of row.children) {
    const [text, count] = words(each.dataset.name);
    const number = document.createElement("span");
    number.textContent = count ?? "";
    each.replaceChildren(`${text} `, number);
    each.setAttribute("aria-pressed", each.dataset.name === chosen);
  }
}

function renderAlert() {
  const unsaved = pending.reduce((sum, change) => sum + change.entries.length, 0);
  const isLate = unsaved && (!server.reachable || server.trouble);
  const lines = [];
  if (isLate) lines.push(unsaved === 1 ? "One decision is not saved yet; it is kept here and tried again." : `${unsaved} decisions are not saved yet; they are kept here and tried again.`);
  if (!server.reachable) lines.push("The page gets no answer: has its server been ended?");
  if (server.trouble && isLate) lines.push(server.trouble);
  if (server.problem && items.size) lines.push(server.problem);
  $("alert").hidden = !lines.length;
  if ($("alert").firstElementChild.textContent !== lines.join(" ")) $("alert").firstElementChild.textContent = lines.join(" ");
}

/** What is said where there is no book to show: at the end, or where there is nothing to review. */
function renderMessage() {
  const keys = ofKind(place.kind);
  const open = keys.filter(isOpen).length;
  const [head, body, actions] = keys.length ? (open ? endOfList(open) : allDecided(keys)) : nothingHere();
  const [heading, text, row] = $("message").children;
  heading.textContent = head;
  text.textContent = body;
  row.replaceChildren(...actions.map(([words, action]) => button(words, () => (action(), render()))));
}

function nothingHere() {
  if (server.problem) return ["Nothing to review yet", server.problem, []];
  if (server.coming) return ["The covers are on their way", `${books(server.coming)} of the study may be box sets by title. As soon as their covers are downloaded, they appear here.`, []];
  if (server.unusable) return ["Nothing to review", `${books(server.unusable)} may be box sets by title, but none has a cover that can be used: they are replaced for that.`, []];
  return ["Nothing to review", "No title of the study speaks of a box set.", []];
}

function endOfList(open) {
  const head = place.list.length ? "That was the last of these" : `None ${{ open: "open", keep: "kept", reject: "rejected", all: "" }[place.show]}`;
  return [head, `${books(open)} ${open === 1 ? "is" : "are"} still open.`, [["Show what is open", () => choose("open")]]];
}

function allDecided(keys) {
  const rejected = keys.filter((key) => verdict(key).decision === "reject").length;
  const waits = [...items.values()].filter((item) => item.needed && isOpen(item.key)).length;
  const coming = server.coming ? ` ${books(server.coming)} will follow when their covers are downloaded.` : "";
  const goesOn = waits ? `${books(waits)} among the others are still open.` : server.goes_on ? "A run that waited for this goes on by itself. Where none waits, go on with bookcover run." : "Go on with the study: bookcover run.";
  const others = Object.keys(KINDS).filter((kind) => kind !== place.kind && ofKind(kind).some(isOpen));
  const actions = others.map((kind) => [`Look over the ${KINDS[kind].toLowerCase()}`, () => ((place.kind = kind), choose("open"))]);
  if (rejected) actions.push(["See what was rejected", () => (choose("reject"), (place.view = "grid"))]);
  if (rejected < keys.length) actions.push(["See what was kept", () => (choose("keep"), (place.view = "grid"))]);
  return ["All decided", `${keys.length - rejected} kept, ${rejected} rejected.${coming} ${goesOn}`, actions];
}

function renderSingle(key) {
  const item = items.get(key);
  const now = verdict(key);
  renderCover(item);
  $("genre").textContent = [item.genre, ROLES[item.role]].filter(Boolean).join(", ");
  renderTitle($("title"), item.title);
  $("author").textContent = item.author;
  renderFacts(item);
  $("single").dataset.decision = now.decision;
  $("single").classList.toggle("unsaved", now.unsaved);
  $("verdict").textContent = now.decision === "open" ? "" : `${spoken(now, true)}${now.by ? ` by ${now.by}` : ""}${when(now.at)}${now.unsaved ? " – not saved yet" : ""}`;
  $("keep").setAttribute("aria-pressed", now.decision === "keep");
  $("reject").setAttribute("aria-pressed", now.decision === "reject");
  for (const each of $("reasons").children) each.setAttribute("aria-pressed", now.decision === "reject" && now.why === each.dataset.reason);
  $("position").textContent = `${place.at + 1} of ${place.list.length}`;
  $("back-button").disabled = place.at === 0;
  for (const ahead of place.list.slice(place.at + 1, place.at + 4)) new Image().src = items.get(ahead).picture;
}

/** The cover, as large as there is room for, but never more than twice its size. */
function renderCover(item) {
  const figure = $("cover");
  if (figure.dataset.picture === item.picture) return;
  figure.dataset.picture = item.picture;
  const picture = new Image();
  picture.alt = `Cover of ${item.title.join("")}`;
  picture.addEventListener("load", () => {
    picture.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight);
    picture.style.setProperty("--most", `${2 * picture.naturalWidth}px`);
    picture.classList.add("loaded");
  });
  picture.addEventListener("error", () => figure.replaceChildren("The cover cannot be shown."));
  picture.src = item.picture;
  figure.replaceChildren(picture);
}

function renderTitle(heading, [before, match, after]) {
  const mark = document.createElement("mark");
  mark.textContent = match;
  heading.replaceChildren(before, ...(match ? [mark] : []), after);
}

function renderFacts(item) {
  const parts = [];
  if (item.term) parts.push(`Found by “${item.term}”` + (item.read ? `, read on the cover: “${item.read}”` : ""));
  if (item.kind === "replacement") parts.push("Came in for another");
  if (item.url) {
    const link = document.createElement("a");
    Object.assign(link, { href: item.url, target: "_blank", rel: "noopener noreferrer", textContent: "Original picture" });
    parts.push(link);
  }
  $("facts").replaceChildren(...parts.flatMap((part, index) => (index ? [" · ", part] : [part])));
}

function renderGrid(focus) {
  measureGrid();
  const keys = pageKeys();
  const covers = $("covers");
  if (covers.dataset.keys !== keys.join("\n")) {
    covers.dataset.keys = keys.join("\n");
    covers.replaceChildren(...keys.map(makeTile));
    for (const ahead of place.list.slice(pageStart() + pageSize(), pageStart() + 2 * pageSize())) new Image().src = items.get(ahead).small;
  }
  covers.dataset.show = place.show;
  keys.forEach((key, index) => renderTile(covers.children[index], key));
  if (focus && !$("help").open) covers.children[place.at - pageStart()]?.firstElementChild.focus({ preventScroll: false });
  const rest = keys.filter(isOpen).length;
  const decided = keys.length - rest;
  $("keep-rest").disabled = !rest;
  $("keep-rest").querySelector("span").textContent = rest ? (decided ? `Keep the other ${rest}` : `Keep all ${rest}`) : "All decided here";
  const pages = Math.ceil(place.list.length / pageSize());
  $("page-position").lastElementChild.textContent = `${pageStart() / pageSize() + 1} of ${pages}`;
  $("page-back").disabled = pageStart() === 0;
  $("page-forth").disabled = pageStart() + pageSize() >= place.list.length;
  for (const each of $("grid-reasons").children) each.setAttribute("aria-pressed", each.dataset.reason === gridReason);
}

function makeTile(key) {
  const item = items.get(key);
  const tile = $("tile").content.firstElementChild.cloneNode(true);
  const [thumb, open, line] = tile.children;
  thumb.firstElementChild.src = item.small;
  thumb.firstElementChild.addEventListener("error", (event) => event.target.replaceWith("The cover cannot be shown."));
  thumb.addEventListener("click", () => toggle(key));
  renderTitle(open, item.title);
  open.title = title(key);
  open.addEventListener("click", () => (goTo(key), show("single")));
  line.textContent = item.genre;
  return tile;
}

function renderTile(tile, key) {
  const now = verdict(key);
  const [thumb] = tile.children;
  tile.dataset.decision = now.decision;
  tile.classList.toggle("unsaved", now.unsaved);
  thumb.tabIndex = key === current() ? 0 : -1;
  thumb.setAttribute("aria-pressed", now.decision === "reject");
  thumb.setAttribute("aria-label", `${title(key)}: ${spoken(now)}`);
}

/** How many covers fit on a screen. */
function measureGrid() {
  const wide = $("covers").clientWidth;
  const isPhone = matchMedia("(max-width: 48rem)").matches;
  const [gap, least, words] = isPhone ? [12, 100, 60] : [20, 128, 96];
  place.columns = Math.max(3, Math.floor((wide + gap) / (least + gap)));
  const width = (wide - gap * (place.columns - 1)) / place.columns;
  const high = window.innerHeight - ($("covers").getBoundingClientRect().top + window.scrollY) - $("grid").lastElementChild.offsetHeight;
  place.rows = Math.max(1, Math.floor(high / (width * 1.35 + words)));
  $("covers").style.setProperty("--columns", place.columns);
}

let addressTimer = 0;
/** Keep in the address where one is, so that a reload comes back to it; browsers allow this only so often. */
function noteAddress() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => {
    const words = new URLSearchParams({ view: place.view, kind: place.kind, show: place.show });
    if (current() !== undefined) words.set("book", current());
    history.replaceState(null, "", `#${words}`);
  }, 400);
}

/* Keys and buttons */

const KEYS = {
  k: () => judge("keep"),
  r: () => judge("reject"),
  u: undo,
  g: () => show(place.view === "grid" ? "single" : "grid"),
  o: () => current() && items.get(current()).url && window.open(items.get(current()).url, "_blank", "noopener,noreferrer"),
  a: () => place.view === "grid" && keepRest(),
  "?": () => $("help").showModal(),
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  ArrowUp: () => place.view === "grid" && move(-place.columns),
  ArrowDown: () => place.view === "grid" && move(place.columns),
  PageUp: () => place.view === "grid" && movePage(-1),
  PageDown: () => place.view === "grid" && movePage(1),
  Enter: (event) => event.target.classList.contains("thumb") && show("single"),
};
REASONS.forEach((reason, index) => (KEYS[index + 1] = () => judge("reject", reason)));

function onKey(event) {
  if ($("help").open || event.altKey) return;
  if (event.target.tagName === "INPUT") {
    if (["Enter", "Escape"].includes(event.key)) event.target.blur();
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = event.ctrlKey || event.metaKey ? (key === "z" ? undo : null) : KEYS[key];
  if (!action || (event.repeat && !key.startsWith("Arrow"))) return;
  if (action(event) !== false) event.preventDefault();
}

function wire() {
  document.addEventListener("keydown", onKey);
  $("keep").addEventListener("click", () => judge("keep"));
  $("reject").addEventListener("click", () => judge("reject"));
  $("back-button").addEventListener("click", () => move(-1));
  $("forth-button").addEventListener("click", () => move(1));
  $("page-back").addEventListener("click", () => movePage(-1));
  $("page-forth").addEventListener("click", () => movePage(1));
  $("keep-rest").addEventListener("click", keepRest);
  $("help-button").addEventListener("click", KEYS["?"]);
  $("help").addEventListener("click", (event) => event.target === $("help") && $("help").close());
  $("try-now").addEventListener("click", () => (pending.length ? tryNow() : load()));
  for (const each of document.querySelectorAll("[data-undo]")) each.addEventListener("click", undo);
  for (const each of $("views").children) each.addEventListener("click", () => show(each.dataset.view));
  REASONS.forEach((reason, index) => {
    const chip = button(reason, () => judge("reject", reason), { class: "chip", "data-reason": reason, "aria-keyshortcuts": index + 1 });
    const key = document.createElement("kbd");
    key.textContent = index + 1;
    chip.append(" ", key);
    $("reasons").append(chip);
  });
  for (const reason of ["", ...REASONS]) {
    $("grid-reasons").append(button(reason || "none", () => ((gridReason = reason), render()), { class: "chip", "data-reason": reason }));
  }
  $("who").value = store(() => localStorage.getItem("bookcover reviewer")) ?? "";
  $("who").addEventListener("change", () => store(() => localStorage.setItem("bookcover reviewer", reviewer())));
  window.addEventListener("resize", () => render());
  document.addEventListener("visibilitychange", () => document.hidden || load());
  window.addEventListener("beforeunload", (event) => pending.length && event.preventDefault());
}

wire();
recall();
poll();
