// The text of an answer as elements: paragraphs, lists and tables of the Markdown that answers are
// in, with what stands behind each sentence.

import { h, spaced, units } from "./dom.js";

// `marks` gives the elements behind a sentence; `support` tells whether a source supports it.
export function prose(text, sentences, marks) {
  const placed = sentences.map(sentence =>
    ({ sentence, start: units(text, sentence.start), end: units(text, sentence.end) }));
  const within = (start, end) => range(text, placed, start, end, marks);
  return blocks(text).flatMap(block => block.kind === "list" ? list(block, within)
    : block.kind === "table" ? table(text, block, within) : within(block.start, block.end));
}

// --- blocks: runs of lines of one kind, each with its place in UTF-16 units ---

function blocks(text) {
  const found = [];
  let start = 0;
  for (const line of text.split("\n")) {
    const kind = line.startsWith("- ") ? "list" : line.startsWith("|") ? "table" : "text";
    const last = found.at(-1), end = start + line.length, place = { start, end };
    if (last?.kind === kind) Object.assign(last, { end, lines: [...last.lines, place] });
    else found.push({ kind, start, end, lines: [place] });
    start = end + 1;
  }
  return found.filter(block => block.kind !== "text" || text.slice(block.start, block.end).trim());
}

const list = (block, within) =>
  h("ul", {}, block.lines.map(line => h("li", {}, within(line.start + 2, line.end))));

// Roles stand in the elements: on a phone the rows are blocks, which would lose them.
function table(text, block, within) {
  const rows = block.lines.map(line => cells(text, line));
  const named = block.lines.length > 1 && /^\|[ |-]+$/.test(slice(text, block.lines[1]));
  const names = named ? rows[0].map(cell => slice(text, cell)) : [];
  const head = h("tr", { role: "row" }, names.map(name => name
    ? h("th", { scope: "col", role: "columnheader" }, inline(name)) : h("td", { role: "cell" })));
  const body = (named ? rows.slice(2) : rows).map(row => h("tr", { role: "row" },
    row.map((place, at) => at || !named ? cell(names[at], within(place.start, place.end))
      : h("th", { scope: "row", role: "rowheader" }, within(place.start, place.end)))));
  return h("table", { role: "table" },
    named ? h("thead", { role: "rowgroup" }, head) : null, h("tbody", { role: "rowgroup" }, body));
}

// A cell with the name of its column, which is shown where the cells are below each other.
function cell(name, said) {
  const silent = said.every(part => typeof part === "string");
  return h("td", { role: "cell", class: silent ? "silent" : null },
    name ? h("span", { class: "column", "aria-hidden": "true" }, spaced(name)) : null, said);
}

const slice = (text, { start, end }) => text.slice(start, end);

// The cells of a row, without the blanks at their two ends.
function cells(text, line) {
  const found = [];
  let start = line.start + 1;
  while (start < line.end) {
    const bar = text.indexOf("|", start), end = bar < 0 || bar > line.end ? line.end : bar;
    const cell = text.slice(start, end), before = cell.length - cell.trimStart().length;
    found.push({ start: start + before, end: start + Math.max(cell.trimEnd().length, before) });
    start = end + 1;
  }
  return found;
}

// --- sentences within a stretch of the text ---

function range(text, placed, start, end, marks) {
  const parts = [];
  let at = start;
  for (const { sentence, ...place } of placed) {
    const from = Math.max(place.start, at), to = Math.min(place.end, end);
    if (from >= to) continue;
    const body = text.slice(from, to), words = body.trimEnd();
    parts.push(...inline(text.slice(at, from)));
    const look = sentence.citations.length ? "sentence" : "sentence unsupported";
    parts.push(h("span", { class: look }, inline(words)));
    if (place.end <= end) parts.push(...marks(sentence));
    parts.push(body.slice(words.length));
    at = to;
  }
  return [...parts, ...inline(text.slice(at, end))];
}

// The Markdown that models write in answers: **strong** and `code`; all else stays as it is.
const inline = text => spaced(text)
  .split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/).filter(Boolean).map(piece =>
  piece.length > 4 && piece.startsWith("**") ? h("strong", {}, piece.slice(2, -2))
    : piece.length > 2 && piece.startsWith("`") ? h("code", {}, piece.slice(1, -1)) : piece);
