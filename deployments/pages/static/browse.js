/**
 * The page of covers.
 *
 * The address holds the filter and the page, so that every view is a link; `books` is asked for what it wants. One cover
 * is shown large in a dialog, with its marks, which are saved the moment they are made.
 *
 *   shown    the books on the page
 *   at       which of them is chosen
 *   open     what is known of the one that is large
 *   looking  the same, as soon as the server has said it
 */

const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=token]").content;
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;
const SPLITS = { train: "training book", validation: "validation book", test: "test book" };

const NO_MARK = { verdict: "open", genre: "", note: "" };

let shown = [];
let at = 0;
let open = null;
let looking = Promise.resolve(null);
let looks = 0;
let turn = 0;

const filter = $("filter");
const query = () => new URLSearchParams(location.search);

/* What the server says */

async function ask(path, words = {}, options = {}) {
  let answer;
  try {
    answer = await fetch(`${path}?${new URLSearchParams(words)}`, options);
  } catch {
    throw new Error("The page gets no answer: has its server been ended?");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `The server answers ${answer.status}.`);
  return said;
}

function complain(text) {
  $("alert").hidden = !text;
  $("alert").firstElementChild.textContent = text;
}

/* The covers that are wanted */

/** Write the form's filter into the address, and show what it wants. */
function go(words, { replaces = false } = {}) {
  const search = `?${words}`;
  if (search !== location.search) history[replaces ? "replaceState" : "pushState"](null, "", `${location.pathname}${words.size ? search : ""}`);
  show();
}

function wanted() {
  const words = new URLSearchParams();
  for (const [name, value] of new FormData(filter)) if (value.trim()) words.set(name, value.trim());
  return words;
}

/** What the address asks for; `choose` says which cover is chosen then: the first (0) or the last (-1). */
async function show(choose = 0) {
  const mine = ++turn;
  const isConfusion = location.hash === "#confusion" && Boolean($("show-confusion"));
  $("covers").hidden = isConfusion;
  $("confusion").hidden = !isConfusion;
  filter.classList.toggle("for-confusion", isConfusion);
  $("show-covers").setAttribute("aria-pressed", !isConfusion);
  $("show-confusion")?.setAttribute("aria-pressed", isConfusion);
  for (const field of filter.elements) if (field.name && field !== document.activeElement) field.value = query().get(field.name) ?? "";
  $("csv").href = `table.csv?${query()}`;
  try {
    if (isConfusion) return renderConfusion(await ask("confusion", { model: query().get("model") ?? "" }));
    const said = await ask("books", query());
    if (mine !== turn) return;
    complain("");
    shown = said.books;
    at = choose < 0 ? shown.length - 1 : 0;
    render(said);
  } catch (error) {
    if (mine === turn) complain(error.message);
  }
}

function render({ total, page, pages }) {
  $("count").textContent = total === 1 ? "1 cover" : `${total.toLocaleString("en")} covers`;
  $("page-position").textContent = `${page.toLocaleString("en")} of ${pages.toLocaleString("en")}`;
  $("page-back").disabled = page <= 1;
  $("page-forth").disabled = page >= pages;
  const tiles = shown.map((book, index) => {
    const tile = makeTile(book);
    tile.firstElementChild.addEventListener("click", () => ((at = index), enlarge(book.key)));
    tile.firstElementChild.addEventListener("focus", () => (at = index));
    return tile;
  });
  if (!tiles.length) {
    tiles.push(document.createElement("li"));
    tiles[0].className = "empty";
    tiles[0].textContent = "No cover is like that.";
  }
  $("covers").replaceChildren(...tiles);
}

function makeTile(book) {
  const tile = $("tile").content.firstElementChild.cloneNode(true);
  const [thumb, title, genre, said] = tile.children;
  const picture = thumb.firstElementChild;
  picture.src = book.small;
  picture.addEventListener("error", () => picture.replaceWith("The cover cannot be shown."));
  thumb.setAttribute("aria-label", `${book.title || book.key}, ${book.genre}`);
  title.textContent = book.title || book.key;
  genre.textContent = book.genre;
  if (book.predicted) {
    const isRight = book.predicted === book.genre;
    said.textContent = isRight ? `right, ${percent(book.confidence)}` : `→ ${book.predicted}, ${percent(book.confidence)}`;
    said.classList.toggle("wrong", !isRight);
  }
  renderFlags(tile, book);
  return tile;
}

function renderFlags(tile, { term, twins, suggested, mark }) {
  const flags = [term && `“${term}”`, twins && "twin", suggested && `rather ${suggested}?`];
  if (mark) flags.push({ wrong: `marked: ${mark.genre || "wrong"}`, right: "marked right", open: "note" }[mark.verdict]);
  tile.lastElementChild.textContent = flags.filter(Boolean).join(" · ");
}

function turnPage(step, choose = 0) {
  const words = query();
  const page = Number(words.get("page") ?? 1) + step;
  if ($(step < 0 ? "page-back" : "page-forth").disabled) return null;
  words.set("page", page);
  history.pushState(null, "", `?${words}`);
  if (!$("large").open) window.scrollTo({ top: 0 });
  return show(choose);
}

/* The confusion matrix */

function renderConfusion({ model, genres, counts }) {
  const table = $("confusion").querySelector("table");
  const link = (words, text) => {
    const made = document.createElement("a");
    made.href = `?${new URLSearchParams({ ...(query().get("model") ? { model } : {}), split: "test", ...words })}`;
    made.textContent = text;
    return made;
  };
  const cell = (kind, ...content) => {
    const made = document.createElement(kind);
    made.append(...content);
    return made;
  };
  const head = cell("tr", cell("th"), ...genres.map((predicted) => cell("th", link({ predicted }, predicted))), cell("th", "right"));
  const rows = genres.map((genre, row) => {
    const books = counts[row].reduce((sum, each) => sum + each, 0);
    const cells = genres.map((predicted, column) => {
      const number = counts[row][column];
      const made = cell("td", number ? link({ genre, predicted }, number) : "");
      made.title = `${genre} taken for ${predicted}: ${number}`;
      made.classList.toggle("own", row === column);
      made.style.setProperty("--share", `${books ? Math.round((45 * number) / books) : 0}%`);
      return made;
    });
    const recall = cell("td", link({ genre, right: "yes" }, books ? percent(counts[row][row] / books) : ""));
    recall.className = "recall";
    return cell("tr", cell("th", link({ genre }, genre)), ...cells, recall);
  });
  table.replaceChildren(cell("thead", head), cell("tbody", ...rows));
  const tested = counts.flat().reduce((sum, each) => sum + each, 0);
  $("count").textContent = `${tested.toLocaleString("en")} test books`;
}

/* One cover */

/** Show a book large. Gives what is known of it, which a key pressed meanwhile waits for; null where that cannot be had. */
const enlarge = (key) => (looking = look(key));

async function look(key) {
  open = null;
  const mine = ++looks;
  const dialog = $("large");
  const words = { book: key, model: query().get("model") ?? "" };
  let book;
  try {
    book = await ask("book", words);
  } catch (error) {
    if (mine === looks) complain(error.message);
    return null;
  }
  if (mine === looks) showLarge(book, dialog, words);
  return book;
}

async function showLarge(book, dialog, words) {
  open = book;
  renderLarge();
  if (!dialog.open) dialog.showModal();
  dialog.querySelector(".large").scrollTop = 0;
  for (const ahead of [shown[at + 1], shown[at - 1]]) if (ahead) new Image().src = ahead.picture;
  const near = await ask("near", words).catch(() => ({ books: [], doubt: "" }));
  if (open !== book) return;
  $("near-section").hidden = !near.books.length;
  $("near-doubt").textContent = near.doubt && `${near.doubt}.`;
  $("near").replaceChildren(...near.books.map((each) => {
    const tile = makeTile(each);
    tile.firstElementChild.addEventListener("click", () => enlarge(each.key));
    return tile;
  }));
}

function renderLarge() {
  const book = open;
  $("cover").src = book.picture;
  $("cover").alt = `Cover of ${book.title || book.key}`;
  $("cover").hidden = false;
  $("heat").hidden = true;
  $("large-title").textContent = book.title || book.key;
  $("author").textContent = book.author;
  $("facts").textContent = [book.genre, book.published !== book.genre && `published as ${book.published}`, SPLITS[book.split], book.key, book.term && `box set? “${book.term}”`, book.twins].filter(Boolean).join(" · ");
  $("label").textContent = book.published;
  const leads = book.seen.map((each) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "chip";
    made.textContent = `What ${each.title} saw`;
    made.addEventListener("click", () => {
      const isShown = made.getAttribute("aria-pressed") !== "true";
      for (const other of $("leads").querySelectorAll("button")) other.setAttribute("aria-pressed", other === made && isShown);
      $("heat").hidden = !isShown;
      $("cover").hidden = isShown;
      $("heat").src = each.picture;
      $("heat").alt = `What ${each.title} saw in it`;
    });
    return made;
  });
  const study = location.pathname.split("/").at(-2);
  if (document.querySelector(".home")) leads.push(link(`../../judge/${study}/?${new URLSearchParams({ book: book.key })}`, "Judge it, and see what spoke for a genre"));
  if (book.url) leads.push(Object.assign(link(book.url, "Original picture"), { target: "_blank", rel: "noopener noreferrer" }));
  if (book.twins) leads.push(link(`?${new URLSearchParams({ twin: "yes", text: book.title })}`, "Twins of this title"));
  $("leads").replaceChildren(...leads);
  $("systems").hidden = !book.systems.length;
  $("unjudged").hidden = Boolean(book.systems.length) || book.split !== "train";
  $("systems").tBodies[0].replaceChildren(...book.systems.map(({ title, genres, own }) => {
    const row = document.createElement("tr");
    row.insertCell().textContent = title;
    const says = row.insertCell();
    says.textContent = genres.map((each) => `${each.genre} ${percent(each.probability)}`).join(", ");
    says.classList.toggle("wrong", genres[0].genre !== book.genre);
    Object.assign(row.insertCell(), { className: "number", textContent: percent(own, 1) });
    return row;
  }));
  $("words").textContent = book.words;
  $("words-section").hidden = !book.words;
  $("near-section").hidden = true;
  $("position").textContent = shown[at]?.key === book.key ? `${at + 1} of ${shown.length} on this page` : "";
  renderMark();
}

function link(address, text) {
  return Object.assign(document.createElement("a"), { href: address, textContent: text });
}

async function move(step) {
  if (!$("large").open) return focusTile(at + step);
  if (shown[at + step]) at += step;
  else if ((await turnPage(step, step > 0 ? 0 : -1)) === null) return;
  if (shown[at]) enlarge(shown[at].key);
}

function focusTile(index) {
  const tile = $("covers").children[Math.max(0, Math.min(shown.length - 1, index))];
  tile?.firstElementChild?.focus();
}

const columns = () => getComputedStyle($("covers")).gridTemplateColumns.split(" ").length;

/* Marks */

function renderMark(said = "") {
  const mark = open.mark ?? NO_MARK;
  for (const each of document.querySelectorAll("[data-verdict]")) each.setAttribute("aria-pressed", each.dataset.verdict === mark.verdict);
  $("right-genre").hidden = mark.verdict !== "wrong";
  $("right-genre").value = mark.genre;
  if (document.activeElement !== $("note")) $("note").value = mark.note;
  const when = mark.when ? new Date(mark.when).toLocaleString() : "";
  $("standing").textContent = said || (mark.when ? `Saved: ${mark.who}, ${when}.` : "");
}

let saving = Promise.resolve();
/** Save what is said of the large cover, one thing after another: `change` makes it of what stands. */
function save(change, book = open) {
  if (book) saving = saving.then(() => send(book, change));
  return saving;
}

/** Save it; what somebody else said meanwhile stays, and is shown. */
async function send(book, change) {
  const before = book.mark ?? NO_MARK;
  const mark = { verdict: before.verdict, genre: before.genre, note: before.note, ...change(before) };
  if (mark.verdict !== "wrong") mark.genre = "";
  const isMine = (other) => Object.keys(NO_MARK).every((name) => mark[name] === other[name]);
  if (isMine(before)) return;
  const body = JSON.stringify({ ...mark, key: book.key, who: $("who").value, seen: book.mark });
  const headers = { "Content-Type": "application/json", "X-Bookcover-Token": token };
  try {
    const stands = (await ask("mark", {}, { method: "POST", headers, body })).mark;
    book.mark = stands;
    const place = shown.findIndex((each) => each.key === book.key);
    if (place >= 0) {
      shown[place].mark = stands;
      renderFlags($("covers").children[place], shown[place]);
    }
    if (open === book) renderMark(isMine(stands ?? NO_MARK) ? "" : `${stands?.who || "Somebody"} has marked this book meanwhile: look, and say it again if you differ.`);
  } catch (error) {
    if (open === book) renderMark(`Not saved. ${error.message}`);
  }
}

function toggle(verdict, book = open) {
  const genre = book?.suggested ?? "";
  return save((before) => ({ verdict: before.verdict === verdict ? "open" : verdict, genre }), book);
}

/** A key's verdict or note: on the chosen cover, which is shown large for it, as soon as it is there. */
async function onLarge(action) {
  if (!$("large").open && shown[at]) enlarge(shown[at].key);
  const book = await looking;
  if (book) action(book);
}

/* Keys and buttons */

const KEYS = {
  w: () => onLarge(async (book) => (await toggle("wrong", book), open !== book || $("right-genre").hidden || $("right-genre").focus())),
  r: () => onLarge((book) => toggle("right", book)),
  n: () => onLarge(() => $("note").focus()),
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  ArrowUp: () => $("large").open || focusTile(at - columns()),
  ArrowDown: () => $("large").open || focusTile(at + columns()),
  PageUp: () => $("large").open || turnPage(-1),
  PageDown: () => $("large").open || turnPage(1),
};

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName)) {
    if (event.key === "Enter" && event.target.closest("dialog")) event.target.blur();
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // A list scrolls where there is nothing to choose.
  if (!KEYS[key] || !$("confusion")?.hidden || (key === "ArrowDown" && $("large").open) || (key === "ArrowUp" && $("large").open)) return;
  event.preventDefault();
  KEYS[key]();
}

function wire() {
  document.addEventListener("keydown", onKey);
  window.addEventListener("popstate", () => show());
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("change", () => go(wanted()));
  filter.elements.text.addEventListener("input", () => go(wanted(), { replaces: true }));
  filter.addEventListener("reset", (event) => (event.preventDefault(), go(new URLSearchParams())));
  $("show-covers").addEventListener("click", () => (history.replaceState(null, "", location.pathname + location.search), show()));
  $("show-confusion")?.addEventListener("click", () => (history.replaceState(null, "", "#confusion"), show()));
  $("page-back").addEventListener("click", () => turnPage(-1));
  $("page-forth").addEventListener("click", () => turnPage(1));
  $("dismiss").addEventListener("click", () => complain(""));
  $("close").addEventListener("click", () => $("large").close());
  $("back").addEventListener("click", () => move(-1));
  $("forth").addEventListener("click", () => move(1));
  $("large").addEventListener("click", (event) => event.target === $("large") && $("large").close());
  $("large").addEventListener("close", () => ((open = null), (looks += 1), focusTile(at)));
  $("marking").addEventListener("submit", (event) => event.preventDefault());
  for (const each of document.querySelectorAll("[data-verdict]")) each.addEventListener("click", () => toggle(each.dataset.verdict));
  $("right-genre").addEventListener("change", () => {
    const genre = $("right-genre").value;
    save(() => ({ genre }));
  });
  $("note").addEventListener("change", () => {
    const note = $("note").value.trim().replaceAll(/\s+/g, " ");
    save(() => ({ note }));
  });
  try {
    $("who").value = localStorage.getItem("bookcover reviewer") || $("who").value;
    $("who").addEventListener("change", () => localStorage.setItem("bookcover reviewer", $("who").value));
  } catch {
    // Without a store, a name holds for this page.
  }
  if (matchMedia("(max-width: 48rem)").matches) $("more").open = false;
}

if (filter) {
  wire();
  show();
}
