/**
 * Many covers at once: the files of a folder, of a zip file, or several that are given together.
 *
 * Everything is opened in the browser; each picture is sent by itself, as a single one is, and none is kept.
 */

const SUFFIXES = /\.(jpe?g|jpe|jfif|png|gif|webp|bmp|tiff?|avif|jp2)$/i;
const HIDDEN = /(^|\/)(\.|__MACOSX\/|@eaDir\/)/;

// Pictures that are judged at the same time: while one is on its way, the network looks at another.
const AT_ONCE = 2;

/** The pictures in what was chosen: {name, size, read}, those of a zip file among them; and how many files are none. */
export async function picturesIn(files) {
  const pictures = [];
  let others = 0;
  for (const file of files) {
    const name = file.path ?? (file.webkitRelativePath || file.name);
    if (/\.zip$/i.test(name)) {
      const members = await zipMembers(file);
      pictures.push(...members.pictures);
      others += members.others;
    } else if (SUFFIXES.test(name) && !HIDDEN.test(name)) pictures.push({ name, size: file.size, read: async () => file });
    else others += 1;
  }
  pictures.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
  return { pictures, others };
}

/** All files that were dropped, those below folders too; their paths are kept in `path`. */
export async function filesDropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...transfer.files];
  if (!entries.some((each) => each.isDirectory)) return plain;
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push(Object.assign(file, { path: entry.fullPath.replace(/^\//, "") }));
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      // A reader gives a hundred at a time.
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const each of some) await walk(each);
    }
  };
  for (const entry of entries) await walk(entry);
  return found;
}

/** The pictures of a zip file, by its directory; each is unpacked when it is read. */
async function zipMembers(file) {
  const tail = file.slice(Math.max(0, file.size - 65_557));
  const end = new DataView(await tail.arrayBuffer());
  let at = end.byteLength - 22;
  while (at >= 0 && end.getUint32(at, true) !== 0x06054b50) at -= 1;
  if (at < 0) throw new Error(`“${file.name}” is no whole zip file.`);
  const [count, size, start] = [end.getUint16(at + 10, true), end.getUint32(at + 12, true), end.getUint32(at + 16, true)];
  if (count === 0xffff || start === 0xffffffff) throw new Error(`“${file.name}” is too large to be opened here: unpack it, and choose the folder.`);
  const directory = new DataView(await file.slice(start, start + size).arrayBuffer());
  const pictures = [];
  let others = 0;
  for (let entry = 0, index = 0; index < count; index += 1) {
    if (entry + 46 > directory.byteLength || directory.getUint32(entry, true) !== 0x02014b50) throw new Error(`“${file.name}” is damaged.`);
    const [flags, method] = [directory.getUint16(entry + 8, true), directory.getUint16(entry + 10, true)];
    const [packed, whole] = [directory.getUint32(entry + 20, true), directory.getUint32(entry + 24, true)];
    const [names, extras, comments] = [28, 30, 32].map((each) => directory.getUint16(entry + each, true));
    const local = directory.getUint32(entry + 42, true);
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, entry + 46, names));
    entry += 46 + names + extras + comments;
    if (name.endsWith("/")) continue;
    if (SUFFIXES.test(name) && !HIDDEN.test(name)) pictures.push({ name, size: whole, read: () => unpack(file, { local, packed, whole, method, flags }) });
    else others += 1;
  }
  return { pictures, others };
}

async function unpack(file, { local, packed, whole, method, flags }) {
  if (flags & 1) throw new Error("It needs a password.");
  if (method !== 0 && method !== 8) throw new Error("It is packed in a way that is not read here.");
  const head = new DataView(await file.slice(local, local + 30).arrayBuffer());
  const from = local + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const content = file.slice(from, from + packed);
  if (method === 0) return content;
  const reader = content.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const pieces = [];
  for (let read = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(pieces);
    read += value.length;
    if (read > whole) throw new Error("It is larger than its archive says.");
    pieces.push(value);
  }
}

/** Have every picture judged, a few at a time; `tell` is called with its index and its row as soon as it is there. */
export async function judgeAll(pictures, send, most, tell, isOver) {
  let next = 0;
  const work = async () => {
    while (next < pictures.length && !isOver()) {
      const index = next++;
      const picture = pictures[index];
      const row = { name: picture.name, genres: [], error: "", blob: null };
      try {
        if (picture.size > most) throw new Error(`It has more than ${most.toLocaleString("en")} bytes.`);
        row.blob = await picture.read();
        row.genres = (await send(row.blob, picture.name)).genres;
      } catch (error) {
        row.error = error.message || String(error);
      }
      if (!isOver()) tell(index, row);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** The rows as a table for spreadsheets: name, error, and the genres with their probabilities, the first of them first. */
export function asCsv(rows) {
  const most = Math.max(1, ...rows.map((row) => row.genres.length));
  const head = ["name", "error", ...Array.from({ length: most }, (_, place) => [`genre_${place + 1}`, `probability_${place + 1}`]).flat()];
  const lines = rows.map((row) => [row.name, row.error, ...row.genres.flatMap((each) => [each.genre, each.probability.toFixed(4)])]);
  return [head, ...lines].map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** A cell that no spreadsheet takes for a formula. */
function cell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
