/**
 * The judging page.
 *
 * A cover is dropped, chosen, pasted, or fetched by its address; from then on it is a blob that this page holds. It is
 * sent to `judge` for the verdict, and again to `explain` where somebody wants to see what spoke for a genre: the server
 * keeps no picture.
 *
 *   given     the cover: blob, name, address of the blob
 *   verdict   what was said of it
 *   veils     genre -> address of the veiled cover, as far as they were asked for
 *
 * Answers that come when another cover has been given meanwhile are dropped (`turn`). Several files, a folder or a zip
 * file are judged one after the other into a table (`judge_many.js`), from which each can be given by itself.
 */

// With the version that this script was asked for by, so that both are of one.
const { asCsv, filesDropped, judgeAll, picturesIn } = await import(`./judge_many.js${new URL(import.meta.url).search}`);

// What browsers show, too.
const FORMATS = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"];

const server = { token: "", models: [], most_bytes: Infinity };
let given = null;
let verdict = null;
let genre = "";
let isVeiled = false;
let turn = 0;
let fetching = 0;
let atWork = 0;
let sentTitle = "";
let opening = 0;
let batch = 0;
let table = [];
const veils = new Map();

const $ = (id) => document.getElementById(id);
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;
const model = () => server.models.find((each) => each.model === $("model").value) ?? server.models[0];

/** An answer that says why there is none. */
class Refusal extends Error {}

/* What the server says */

async function load() {
  try {
    const response = await fetch("state", { cache: "no-store" });
    const state = await response.json();
    if (!response.ok) throw new Refusal(state.error);
    Object.assign(server, state);
  } catch (error) {
    server.problem = error instanceof Refusal ? error.message : "The page gets no answer: has its server been ended?";
  }
}

/** The response to a picture, or an address, that is sent; a token of an earlier start of the server is renewed once. */
async function post(path, query, body, type, isAgain = false) {
  const headers = { "Content-Type": type, "X-Bookcover-Token": server.token };
  let response;
  try {
    response = await fetch(`${path}?${new URLSearchParams(query)}`, { method: "POST", headers, body });
  } catch {
    throw new Refusal("The page gets no answer: has its server been ended?");
  }
  if (response.status === 403 && !isAgain) {
    await load();
    return post(path, query, body, type, true);
  }
  if (!response.ok) throw new Refusal((await response.json().catch(() => ({}))).error ?? `The server answers ${response.status}.`);
  return response;
}

/** The response to the cover that is given. */
const sendPicture = (path, query) => post(path, { model: model().model, ...called(), ...query }, given.blob, "application/octet-stream");

/** What the book is called, where the network reads it. */
const called = () => (model().reads_titles ? { title: $("title").value.trim(), author: $("author").value.trim() } : {});

/** Forget what the book of the cover before is called; what was typed since is of the next one. */
function forgetTitle() {
  if ($("title").value.trim() !== sentTitle) return;
  $("title").value = $("author").value = "";
}

/* What is given */

/** Take a cover, show it, and have it judged. */
function give(blob, name) {
  complain("");
  if (blob.type && !FORMATS.includes(blob.type)) return complain(`“${name}” is no picture of a kind that is shown here: JPEG, PNG, GIF, WebP, BMP or AVIF.`);
  if (blob.size > server.most_bytes) return complain(`“${name}” has ${blob.size.toLocaleString("en")} bytes; at most ${server.most_bytes.toLocaleString("en")} are read.`);
  if (given) URL.revokeObjectURL(given.address);
  fetching += 1; // an address that is still asked for comes too late
  forgetTitle();
  given = { blob, name, address: URL.createObjectURL(blob) };
  isVeiled = false;
  $("cover").src = given.address;
  $("cover").alt = `The cover that is judged: ${name}`;
  renderGiven();
  judge();
}

/** Put away what the browser cannot show either. */
function putAway() {
  URL.revokeObjectURL(given.address);
  given = null;
  renderGiven();
  renderVeil();
}

async function judge() {
  const mine = ++turn;
  for (const address of veils.values()) URL.revokeObjectURL(address);
  veils.clear();
  busy(true);
  complain("");
  sentTitle = called().title ?? sentTitle;
  $("status").textContent = "The network looks at the cover.";
  try {
    const said = await (await sendPicture("judge", { name: given.name })).json();
    if (mine !== turn) return;
    verdict = said;
    genre = verdict.genres[0].slug;
    $("status").textContent = verdict.genres.map((each) => `${each.genre} ${percent(each.probability)}`).slice(0, 3).join(", ");
    render();
    if (isVeiled) lift();
  } catch (error) {
    if (mine !== turn) return;
    verdict = null;
    $("status").textContent = "";
    complain(told(error));
    render();
  } finally {
    busy(false);
  }
}

/** Give the cover at an address, unless another has been given meanwhile; until it is there, the one before stays. */
async function fetchAddress(address) {
  const mine = ++fetching;
  complain("");
  busy(true);
  try {
    const response = await post("fetch", {}, JSON.stringify({ address }), "application/json");
    const blob = await response.blob();
    if (mine === fetching) give(blob, address);
  } catch (error) {
    if (mine === fetching) complain(told(error));
  } finally {
    busy(false);
  }
}

/** Show what spoke for the chosen genre, asked for once. */
async function lift() {
  const mine = turn;
  const wanted = genre;
  isVeiled = true;
  if (!veils.has(wanted)) {
    $("explain").setAttribute("aria-busy", "true");
    try {
      const blob = await (await sendPicture("explain", { genre: wanted })).blob();
      if (mine !== turn) return;
      veils.set(wanted, URL.createObjectURL(blob));
    } catch (error) {
      if (mine !== turn) return;
      isVeiled = false;
      complain(told(error));
    } finally {
      $("explain").removeAttribute("aria-busy");
    }
  }
  renderVeil();
}

function toggleVeil() {
  if (!verdict || !given) return;
  if (!isVeiled) return lift();
  isVeiled = false;
  renderVeil();
}

/** Choose the genre that is explained; the one that is shown already is hidden again. */
function explain(slug) {
  if (isVeiled && genre === slug) return toggleVeil();
  genre = slug;
  lift();
}

const told = (error) => error.message || String(error);

/* Many covers */

/** Take what was chosen or dropped: one picture by itself, all else into the table. */
async function takeFiles(files) {
  if (files.length === 1 && !/\.zip$/i.test(files[0].name) && !files[0].path && !files[0].webkitRelativePath) return give(files[0], files[0].name);
  complain("");
  const mine = ++opening;
  $("many-csv").hidden = true; // the table goes with it, once it is known what takes its place
  try {
    const { pictures, others } = await picturesIn(files);
    if (!pictures.length) throw new Refusal("There is no picture in it of a kind that is read here.");
    if (mine === opening) return await judgeMany(pictures, others);
  } catch (error) {
    complain(told(error));
  }
  offerCsv(); // what is in the table stays, and whatever is being judged goes on
}

async function judgeMany(pictures, others) {
  const mine = ++batch;
  const about = model();
  table = new Array(pictures.length).fill(null);
  $("many").hidden = false;
  $("many-by").textContent = `By ${about.title}, on ${about.preparation} covers.${others ? ` Not pictures, left out: ${others.toLocaleString("en")}.` : ""}`;
  $("many-rows").replaceChildren();
  $("many-csv").hidden = true;
  $("many-stop").hidden = false;
  $("many-progress").max = pictures.length;
  countMany(0);
  $("many").scrollIntoView({ block: "nearest" });
  const send = async (blob, name) => (await post("judge", { model: about.model, name }, blob, "application/octet-stream")).json();
  let done = 0;
  await judgeAll(pictures, send, server.most_bytes, (index, row) => {
    table[index] = row;
    countMany(++done);
    addRow(index, row);
  }, () => mine !== batch);
  if (mine === batch) endMany();
}

/** Leave the table as far as it is. */
function endMany() {
  batch += 1;
  const rows = table.filter(Boolean);
  $("many-stop").hidden = true;
  URL.revokeObjectURL($("many-csv").href);
  $("many-csv").href = URL.createObjectURL(new Blob(["\ufeff", asCsv(rows)], { type: "text/csv" }));
  offerCsv();
  const failed = rows.filter((row) => row.error).length;
  $("many-status").textContent = `${(rows.length - failed).toLocaleString("en")} covers are judged${failed ? `, ${failed.toLocaleString("en")} could not be` : ""}.`;
}

/** Let the table be saved where it is complete, or was stopped. */
function offerCsv() {
  $("many-csv").hidden = !$("many-stop").hidden || !table.some(Boolean);
}

function countMany(done) {
  $("many-progress").value = done;
  $("many-count").textContent = `${done.toLocaleString("en")} of ${table.length.toLocaleString("en")}`;
}

/** Put a row where its cover's name belongs. */
function addRow(index, row) {
  const made = $("judged").content.firstElementChild.cloneNode(true);
  const [cover, first, share, others] = made.children;
  const [button, name] = cover.children;
  made.dataset.index = index;
  name.textContent = row.name;
  if (row.blob && !row.error) {
    const picture = button.firstElementChild;
    picture.src = URL.createObjectURL(row.blob);
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
    picture.addEventListener("error", () => picture.remove());
    button.setAttribute("aria-label", `Look at ${row.name} by itself`);
    button.onclick = () => (give(new File([row.blob], row.name), row.name), window.scrollTo({ top: 0 }));
  } else button.remove();
  const [best, ...rest] = row.genres;
  first.textContent = row.error || best.genre;
  first.classList.toggle("failed", Boolean(row.error));
  share.textContent = best ? percent(best.probability, 1) : "";
  others.textContent = rest.slice(0, 2).map((each) => `${each.genre} ${percent(each.probability)}`).join(", ");
  const later = [...$("many-rows").children].find((each) => Number(each.dataset.index) > index);
  $("many-rows").insertBefore(made, later ?? null);
}

/* What is shown */

function complain(text) {
  $("alert").hidden = !text;
  $("alert").firstElementChild.textContent = text;
}

function busy(isBusy) {
  atWork += isBusy ? 1 : -1;
  $("answer").setAttribute("aria-busy", atWork > 0);
}

function renderGiven() {
  document.body.classList.toggle("has-cover", given !== null);
  $("shown").hidden = given === null;
  $("choose").firstChild.textContent = given ? "Another cover " : "Choose a file ";
}

function render() {
  const isReady = server.models.length > 0;
  $("message").hidden = isReady || !server.problem;
  $("message").firstElementChild.textContent = "Nobody can judge yet";
  $("message").lastElementChild.textContent = server.problem ?? "";
  $("bench").hidden = !isReady;
  if (!isReady) return;
  const about = model();
  $("by-title").hidden = !about.reads_titles;
  $("measured").textContent = about.measured;
  $("eyebrow").textContent = `${about.title}, on ${about.preparation} covers${verdict ? ", says" : ""}`;
  $("headline").textContent = verdict ? headline(verdict.genres[0]) : `Which of ${about.genres} genres is it?`;
  $("precision").textContent = verdict ? trust(about, verdict.genres[0]) : "";
  renderWarnings(about);
  renderGenres();
  renderWords();
  renderNearest();
  renderVeil();
}

/** The genre in words that leave as much doubt as the network does. */
function headline({ genre: name, probability }) {
  if (probability >= 0.5) return name;
  return probability >= 0.2 ? `Perhaps ${name}` : `Hard to say; perhaps ${name}`;
}

/** How often the network is right where it says this. */
function trust(about, { slug }) {
  if (!about.accuracy) return "";
  const known = about.precision[slug];
  if (!known) return "It put none of the test books into this genre.";
  return `Of the test books that it put into this genre, ${percent(known.value)} belong there (${percent(known.low)} to ${percent(known.high)}).`;
}

function renderWarnings(about) {
  const lines = (verdict ?? about).warnings;
  $("warnings").replaceChildren(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function renderGenres() {
  const list = $("genres");
  if (!verdict) return list.replaceChildren();
  while (list.children.length > verdict.genres.length) list.lastElementChild.remove();
  while (list.children.length < verdict.genres.length) list.append($("genre").content.firstElementChild.cloneNode(true));
  verdict.genres.forEach((each, index) => {
    const button = list.children[index].firstElementChild;
    const [name, share, track] = button.children;
    name.textContent = each.genre;
    share.textContent = percent(each.probability, 1);
    track.firstElementChild.style.width = `${100 * each.probability}%`;
    button.title = `Show what spoke for ${each.genre}`;
    button.onclick = () => explain(each.slug);
  });
}

/** The words on the cover that spoke most for its first genre. */
function renderWords() {
  const spoke = (verdict?.words ?? []).filter((each) => each.speaks > 0).sort((one, other) => other.speaks - one.speaks);
  const words = [...new Set(spoke.map((each) => each.text))].slice(0, 5);
  $("words").textContent = words.length ? `Words on it that speak for ${verdict.genres[0].genre}: ${words.join(", ")}.` : "";
}

function renderNearest() {
  $("near").hidden = !verdict;
  $("near-missing").textContent = verdict?.nearest_missing ? `None is shown: ${verdict.nearest_missing}.` : verdict?.nearest_doubt ? `${verdict.nearest_doubt}.` : "";
  $("nearest").replaceChildren(...(verdict?.nearest ?? []).map((book) => {
    const made = $("neighbour").content.firstElementChild.cloneNode(true);
    const [picture, title, line, likeness] = made.children;
    picture.src = book.small;
    picture.addEventListener("error", () => picture.remove());
    title.textContent = title.title = book.title;
    line.textContent = book.genre;
    likeness.textContent = `likeness ${book.similarity.toFixed(2)}`;
    return made;
  }));
}

function renderVeil() {
  const name = verdict?.genres.find((each) => each.slug === genre)?.genre ?? "";
  const isShown = isVeiled && veils.has(genre);
  $("explain").hidden = !verdict || !given;
  $("explain").setAttribute("aria-pressed", isShown);
  $("explain").firstElementChild.textContent = isShown ? "Show the cover alone" : "Show what spoke for it";
  $("veil").hidden = !isShown;
  $("caption").textContent = isShown ? `Dark where nothing spoke for ${name}. Choose another genre to see what spoke for that.` : "";
  if (isShown) {
    $("veil").src = veils.get(genre);
    $("veil").alt = `The same cover, dark where nothing spoke for ${name}`;
  }
  [...$("genres").children].forEach((each, index) => each.firstElementChild.setAttribute("aria-pressed", isShown && verdict.genres[index].slug === genre));
}

/* Keys, drops and buttons */

function onDrop(event) {
  event.preventDefault();
  document.body.classList.remove("dragging");
  if (!$("bench").hidden && event.dataTransfer.files.length) filesDropped(event.dataTransfer).then(takeFiles, (error) => complain(told(error)));
  else take(event.dataTransfer);
}

function onPaste(event) {
  if (event.target.tagName === "INPUT" && !event.clipboardData.files.length) return;
  if (take(event.clipboardData)) event.preventDefault();
}

/** Take a file, or an address, out of what was dropped or pasted. */
function take(data) {
  if ($("bench").hidden) return false;
  const files = [...data.files];
  const text = (data.getData("text/uri-list") || data.getData("text/plain")).trim();
  if (files.length) takeFiles(files);
  else if (/^https?:\/\/\S+$/.test(text)) fetchAddress(text);
  else return false;
  return true;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const action = { e: toggleVeil, c: () => $("file").click() }[event.key.toLowerCase()];
  if (!action || $("bench").hidden) return;
  event.preventDefault();
  action();
}

function wire() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("paste", onPaste);
  document.addEventListener("drop", onDrop);
  document.addEventListener("dragover", (event) => (event.preventDefault(), document.body.classList.add("dragging")));
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("dragging"));
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    const files = [...$("file").files];
    $("file").value = "";
    if (files.length) takeFiles(files);
  });
  $("choose-folder").addEventListener("click", () => $("folder").click());
  $("folder").addEventListener("change", () => {
    const files = [...$("folder").files];
    $("folder").value = "";
    if (files.length) takeFiles(files);
  });
  $("many-stop").addEventListener("click", endMany);
  $("by-address").addEventListener("submit", (event) => (event.preventDefault(), fetchAddress($("address").value.trim())));
  $("by-title").addEventListener("submit", (event) => (event.preventDefault(), given && judge()));
  $("explain").addEventListener("click", toggleVeil);
  $("dismiss").addEventListener("click", () => complain(""));
  $("model").addEventListener("change", () => (given ? judge() : render()));
  $("cover").addEventListener("error", () => given && putAway());
  $("cover").addEventListener("load", () => {
    const { naturalWidth, naturalHeight } = $("cover");
    for (const picture of [$("cover"), $("veil")]) {
      picture.style.setProperty("--ratio", naturalWidth / naturalHeight);
      picture.style.setProperty("--most", `${Math.max(3 * naturalWidth, 160)}px`);
    }
  });
}

/** The network that the address names; empty where it names none that can be read. */
function hash() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

async function begin() {
  wire();
  $("message").hidden = false; // "One moment", as networks may take some
  await load();
  for (const each of server.models) {
    const choice = new Option(`${each.title}, ${each.preparation}`, each.model);
    $("model").append(choice);
  }
  $("model-field").hidden = server.models.length < 2;
  const wanted = hash();
  if (server.models.some((each) => each.model === wanted)) $("model").value = wanted;
  render();
  const book = new URLSearchParams(location.search).get("book");
  if (book && server.models.length) judgeBook(book).catch((error) => complain(told(error)));
}

/** Judge a cover of the study, which the page of covers named in the address. */
async function judgeBook(book) {
  const study = location.pathname.split("/").at(-2);
  const response = await fetch(`../../browse/${study}/picture?${new URLSearchParams({ book })}`);
  if (!response.ok) throw new Refusal((await response.json()).error);
  give(await response.blob(), book);
}

begin();
