// The panel beside the conversation: a source at the cited sentence, the documents, or the conversations.

import { $, announce, app, button, day, h, say, spaced, units } from "./dom.js";
import * as library from "./documents.js";
import * as conversations from "./conversations.js";
import * as map from "./map.js";

let opened = { kind: "documents" };    // or {kind: "conversations"}, {kind: "map"}, {kind: "source"} with {name} or {list, at, turn, opener, support}
const sources = new Map();

export const level = support => support >= 0.8 ? "strong" : support >= 0.5 ? "fair" : support > 0 ? "unsure" : "none";

// How well a sentence is supported, as a word beside its colour, and in which language the source is where that differs.
export const supportElement = (support, note) =>
  h("p", { class: `support ${level(support)}` }, h("span", { "aria-hidden": "true" }), say(level(support)), note ? ` · ${note}` : null);

export const foreign = (citation, turn) =>
  citation.language && citation.language !== turn.view.language ? say(`in_${citation.language}`) : "";

export function open(what) {
  show({ kind: "source", ...what });
}

export function show(what) {
  opened = what;
  app.page.classList.add("with-panel");
  render();
  $(".bar h2").focus({ preventScroll: true });
}

export function close() {
  const opener = opened.opener && app.page.querySelector(`[data-turn="${opened.turn.id}"] [data-key="${opened.opener}"]`);
  const was = app.page.classList.contains("with-panel");
  opened = { kind: "documents" };
  app.page.classList.remove("with-panel");
  render();
  if (was) (opener || $("#question")).focus({ preventScroll: true });
}

export function step(by) {
  const at = (opened.at ?? 0) + by;
  if (!opened.list?.[at]) return;
  opened = { ...opened, at, support: opened.list[at].support };
  render();
  announce(`${say("place", { number: at + 1, count: opened.list.length })}: ${opened.list[at].text}`);
}

// The documents changed: nothing is sure of what was read before. A text that is open stays, so that it doesn't jump.
export function forget() {
  sources.clear();
  render("documents");
}

// Shows the panel anew; with a kind, only where it shows that.
export function render(kind = opened.kind) {
  if (kind !== opened.kind) return;
  const { list, at } = opened, steps = $(".steps");
  for (const cite of app.page.querySelectorAll(".cite[aria-current]")) cite.removeAttribute("aria-current");
  steps.hidden = !list || list.length < 2;
  $(".close").hidden = !app.page.classList.contains("with-panel");
  if (kind === "source") return showSource();
  $(".bar h2").textContent = say(kind);
  ({ documents: library, conversations, map })[kind].render($(".text"));
}

async function showSource() {
  const asked = opened, { list, at, turn } = opened, area = $(".text"), title = $(".bar h2"), steps = $(".steps");
  const citation = list?.[at], name = citation?.document ?? opened.name, digest = turn?.view.documents?.[name]?.digest ?? "";
  if (list) {
    steps.querySelector("span").textContent = say("place", { number: at + 1, count: list.length });
    // Not really disabled: a disabled button loses the keyboard, and with it Escape and the arrows.
    steps.querySelector("[data-do=previous]").setAttribute("aria-disabled", at === 0);
    steps.querySelector("[data-do=next]").setAttribute("aria-disabled", at === list.length - 1);
    const marks = citation.number ? app.page.querySelectorAll(`[data-turn="${turn.id}"] [data-key="cite${citation.number}"]`) : [];
    for (const mark of marks) mark.setAttribute("aria-current", "true");
  }
  title.textContent = spaced(citation?.title ?? library.titleOf(name));
  const key = `${name}\n${digest}`;
  if (!sources.has(key)) {
    area.replaceChildren(h("p", { class: "aside" }, say("opening")));
    try { sources.set(key, await app.server.document({ name, digest })); } catch { return; }
    if (opened !== asked) return;
  }
  const source = sources.get(key), told = citation?.number ? supportElement(opened.support ?? 0, foreign({ ...citation, ...source }, turn)) : null;
  if (!source) { area.replaceChildren(...[told, ...missing("source_gone", citation)].filter(Boolean)); return; }
  title.textContent = spaced(source.title);
  const same = !digest || digest === source.digest;
  const spans = (list ?? []).filter(each => each.document === name).map(each => place(source.text, each));
  const chosen = citation ? place(source.text, citation) : null;
  const language = !told && turn && source.language !== turn.view.language ? say(`in_${source.language}`) : "";
  const about = [source.author, source.date ? day(source.date) : "", language].filter(Boolean).join(" · ");
  const shown = chosen && chosen[0] === units(source.text, citation.start) ? page(source, citation) : null;
  area.replaceChildren(...[
    told,
    shown,
    about ? aside(about) : null,
    ...(citation && !chosen ? missing("source_changed", citation) : []),
    chosen && !same ? h("p", { class: "aside" }, say("source_newer")) : null,
    h("div", { class: "document", lang: source.language }, paragraphs(source.text, spans.filter(Boolean), chosen)),
  ].filter(Boolean));
  const picture = area.querySelector("figure img"), mark = area.querySelector("mark.chosen");
  picture?.addEventListener("error", () => { shown.replaceWith(aside(shown.textContent)); toMark(area, mark); });
  toMark(area, picture ? null : mark);
}

// Where a page is shown as a picture, it has the words marked, and stands at the top.
function toMark(area, mark) {
  if (mark) area.scrollTop = mark.getBoundingClientRect().top - area.getBoundingClientRect().top + area.scrollTop - area.clientHeight / 3;
  else area.scrollTop = 0;
}

// Where a citation lies now: at its place, else where its very words stand, else nowhere. One without words is of the present text.
function place(text, citation) {
  const [start, end] = [units(text, citation.start), units(text, citation.end)];
  if (citation.text === undefined || text.slice(start, end) === citation.text) return [start, end];
  const found = text.indexOf(citation.text);
  return found < 0 ? null : [found, found + citation.text.length];
}

// The page that a citation is on: its number, and of a PDF its picture with the words marked.
function page(source, citation) {
  const number = source.pages.filter(start => start <= citation.start).length;
  if (!number) return null;
  const told = say("page_of", { number, count: source.pages.length });
  if (!source.pictured) return aside(told);
  const address = `/cocorico/page.png?${new URLSearchParams({ name: source.name, start: citation.start, end: citation.end, of: source.digest })}`;
  return h("figure", {}, h("a", { href: address, target: "_blank", rel: "noopener" },
    h("img", { src: address, alt: say("page_picture", { number }) })), h("figcaption", {}, told));
}

const aside = text => h("p", { class: "aside" }, text);
const missing = (key, citation) => [
  h("p", { class: "aside" }, say(key)), citation ? h("blockquote", { lang: citation.language }, citation.text) : null];

// The text as paragraphs, cut where highlights begin and end; spans and the chosen one in UTF-16 units.
function paragraphs(text, spans, chosen) {
  const cuts = [...new Set(spans.flat())].sort((a, b) => a - b);
  const within = (span, at) => span && span[0] <= at && at < span[1];
  return [...text.matchAll(/[^\n]+/g)].filter(([line]) => line.trim()).map(match => {
    const [line] = match, from = match.index, heading = line.match(/^#{1,6}\s+/)?.[0].length ?? 0;
    const borders = [from + heading, ...cuts.filter(at => from + heading < at && at < from + line.length), from + line.length];
    const pieces = borders.slice(0, -1).map((at, place) => {
      const piece = text.slice(at, borders[place + 1]);
      if (within(chosen, at)) return h("mark", { class: "chosen" }, piece);
      return spans.some(span => within(span, at)) ? h("mark", {}, piece) : piece;
    });
    return h(heading ? "h3" : "p", {}, pieces);
  });
}
