// A source, opened at the sentence that is cited.

import { $, $$, aside, button, day, h, present, say, spaced, units } from "./dom.js";
import { findElement } from "./find.js";
import * as panel from "./panel.js";
import { addPassage, addSentence } from "./putting.js";
import { state, titleOf } from "./state.js";

const fetched = new Map();      // documents as the server gave them, by name and digest

export const level = support =>
  support >= 0.8 ? "strong" : support >= 0.5 ? "fair" : support > 0 ? "unsure" : "none";

// How well a sentence is supported, in words and colour, and the source's language if it differs.
export const supportElement = (support, remark) =>
  h("p", { class: `support ${level(support)}` },
    h("span", { "aria-hidden": "true" }), say(level(support)), remark ? ` · ${remark}` : null);

export const foreign = (citation, turn) =>
  citation.language && citation.language !== turn.view.language
    ? say(`in_${citation.language}`) : "";

// The conversation whose own files a turn was answered from, "" for the library.
const holderOf = turn => turn?.view.attached ? turn.conversation ?? state.conversation : "";

export function open(what) {
  panel.show({ kind: "source", ...what });
}

// After a change of the documents nothing that was read before is certain; what is open stays.
export function forget() {
  fetched.clear();
}

export async function render(area, opened) {
  const { list, at, turn } = opened, citation = list?.[at];
  const name = citation?.document ?? opened.name;
  const digest = turn?.view.documents?.[name]?.digest ?? "", conversation = holderOf(turn);
  $(".bar h2").textContent = spaced(citation?.title ?? titleOf(name));
  if (citation?.number) {
    for (const mark of $$(`[data-turn="${turn.id}"] [data-key="cite${citation.number}"]`)) {
      mark.setAttribute("aria-current", "true");
    }
  }
  const key = [name, digest, conversation].join("\n");
  if (!fetched.has(key)) {
    area.replaceChildren(aside(say("opening")));
    try {
      fetched.set(key, await state.server.document({ name, digest, conversation }));
    } catch {
      if (panel.isOpen(opened)) failed(area, opened);
      return;
    }
    if (!panel.isOpen(opened)) return;
  }
  const source = fetched.get(key);
  if (source) showSource(area, opened, source, digest);
  else {
    const gone = missing("source_gone", citation);
    area.replaceChildren(...present([support(opened, citation), ...gone]));
  }
}

function failed(area, opened) {
  const again = button(say("retry"), () => render(area, opened), { class: "quiet" });
  area.replaceChildren(h("p", { class: "error", role: "alert" }, say("source_failed")), again);
}

function showSource(area, opened, source, digest) {
  const { list, at, turn } = opened, citation = list?.[at];
  $(".bar h2").textContent = spaced(source.title);
  const spans = (list ?? []).filter(each => each.document === citation.document)
    .map(each => place(source.text, each));
  const chosen = citation ? place(source.text, citation) : null;
  const unmoved = chosen && chosen[0] === units(source.text, citation.start);
  const page = unmoved ? pageElement(source, citation, holderOf(turn)) : null;
  const about = aboutSource(source, citation, turn);
  const text = h("div", { class: "document", lang: source.language },
    paragraphs(source.text, spans.filter(Boolean), chosen));
  area.replaceChildren(...present([
    findElement(text),
    support(opened, { ...citation, language: source.language }),
    putting(opened, source, chosen),
    page,
    about ? aside(about) : null,
    ...(citation && !chosen ? missing("source_changed", citation) : []),
    chosen && digest && digest !== source.digest ? aside(say("source_newer")) : null,
    text,
  ]));
  const picture = area.querySelector("figure img"), mark = area.querySelector("mark.chosen");
  picture?.addEventListener("error", () => {
    page.replaceWith(aside(page.textContent));
    scrollToMark(area, mark);
  });
  scrollToMark(area, picture ? null : mark);
}

// What of this can be put into the dossier: the answer's sentence, and the passage.
function putting({ turn, sentence, back }, source, chosen) {
  if (back?.kind === "dossier") return null;
  const passage = () => addPassage(source, chosen, holderOf(turn));
  return h("div", { class: "doings" }, h("span", {}, say("to_dossier_named")),
    sentence ? button(say("dossier_sentence"), () => addSentence(turn, sentence)) : null,
    button(say("dossier_passage"), passage, {
      "aria-keyshortcuts": "d",
      onmousedown: event => event.preventDefault() }));      // what is selected stays so
}

const support = ({ support, turn }, citation) =>
  citation?.number ? supportElement(support ?? 0, foreign(citation, turn)) : null;

function aboutSource(source, citation, turn) {
  const language = turn && !citation?.number ? foreign(source, turn) : "";
  const parts = [source.author, source.date ? day(source.date) : "", language];
  return parts.filter(Boolean).join(" · ");
}

const missing = (key, citation) => [
  aside(say(key)), citation ? h("blockquote", { lang: citation.language }, citation.text) : null];

// Where a page is shown as a picture, its words are marked there, and it stands at the top.
function scrollToMark(area, mark) {
  const above = mark && mark.getBoundingClientRect().top - area.getBoundingClientRect().top;
  area.scrollTop = mark ? above + area.scrollTop - area.clientHeight / 3 : 0;
}

// Where a citation stands in the text as it is now, in UTF-16 units: at its span, else where its
// words are found, else nowhere. One without words is of the present text.
function place(text, citation) {
  const start = units(text, citation.start), end = units(text, citation.end);
  if (citation.text === undefined || text.slice(start, end) === citation.text) return [start, end];
  const found = text.indexOf(citation.text);
  return found < 0 ? null : [found, found + citation.text.length];
}

// The page that a citation is on: its number, and of a PDF its picture with the words marked.
function pageElement(source, citation, conversation) {
  const number = source.pages.filter(start => start <= citation.start).length;
  if (!number) return null;
  const caption = say("page_of", { number, count: source.pages.length });
  if (!source.pictured) return aside(caption);
  const { name, digest } = source, { start, end } = citation;
  const wanted = { name, start, end, of: digest, conversation };
  const address = `/cocorico/page.png?${new URLSearchParams(wanted)}`;
  const image = h("img", { src: address, alt: say("page_picture", { number }) });
  return h("figure", {}, h("a", { href: address, target: "_blank", rel: "noopener" }, image),
    h("figcaption", {}, caption));
}

// The text as paragraphs, cut where highlights begin and end; spans in UTF-16 units.
function paragraphs(text, spans, chosen) {
  const borders = [...new Set(spans.flat())].sort((a, b) => a - b);
  return [...text.matchAll(/[^\n]+/g)].filter(([line]) => line.trim()).map(match => {
    const [line] = match, heading = line.match(/^#{1,6}\s+/)?.[0].length ?? 0;
    const start = match.index + heading, end = match.index + line.length;
    const cuts = [start, ...borders.filter(at => start < at && at < end), end];
    const pieces = cuts.slice(0, -1).map((at, number) =>
      highlighted(text.slice(at, cuts[number + 1]), at, spans, chosen));
    return h(heading ? "h3" : "p", {}, pieces);
  });
}

function highlighted(piece, at, spans, chosen) {
  const within = span => span && span[0] <= at && at < span[1];
  if (within(chosen)) return h("mark", { class: "chosen" }, piece);
  return spans.some(within) ? h("mark", {}, piece) : piece;
}
