// One turn: the question, the answer with its citations, and what can be done with it.

import { announce, button, cut, h, number, present, say, sayCount, spaced, units } from "./dom.js";
import { prose } from "./prose.js";
import { KINDS, saveButtons } from "./save.js";
import * as sources from "./sources.js";
import { state } from "./state.js";

const previews = new WeakMap();      // what each citation's button shows before it is opened

const sentences = new WeakMap();     // the sentence that each of these buttons stands behind

export const sentenceOf = cite => sentences.get(cite);
export const previewOf = cite => previews.get(cite)();
export const progressText = view => view.stage !== "reading" ? say(view.stage)
  : view.reading ? say("reading_at", view.reading) : sayCount("reading", view.passages.length);

// `actions` are edit, retry, and changed (the turn is to be rendered again).
export function turnElement(turn, actions) {
  const { view } = turn, done = view.stage === "done", citations = numbered(view);
  return h("li", { "data-turn": turn.id, class: "turn" },
    h("div", { class: "question" },
      h("p", {}, h("span", { class: "unseen" }, `${say("you_asked")} `), spaced(turn.question)),
      button(say("edit"), actions.edit, { class: "quiet", "data-key": "edit" })),
    h("article", { class: view.refused ? "answer refused" : "answer", lang: view.language },
      view.refused ? h("p", { class: "badge", lang: state.language }, say("refused")) : null,
      view.text ? h("div", { class: "prose" }, written(turn, citations)) : null,
      ...done ? remarks(view) : [progress(turn)]),
    done ? footer(turn, citations, actions) : null);
}

function remarks(view) {
  const line = (kind, text, more) =>
    h("p", { class: kind, lang: state.language, ...more }, text);
  return [
    view.doubtful ? line("aside", say("doubtful")) : null,
    view.error ? line("error", view.error[state.language], { role: "alert" }) : null,
    view.stopped && !view.error ? line("aside", say("stopped")) : null,
    view.deleted ? line("aside", say("deleted")) : null,
    view.unkept ? line("error", say("unkept")) : null,
  ];
}

const progress = turn => h("div", { class: "progress", lang: state.language },
  h("span", {}, progressText(turn.view)),
  turn.view.reading ? null : chunkButtons(turn, chunk => spaced(chunk.title)));

// --- the answer and its citations ---

const keyOf = citation => JSON.stringify([citation.document, citation.start, citation.end]);

// The citations of an answer, each source sentence once, numbered in the order of their use.
export function numbered(view) {
  const list = new Map();
  for (const sentence of view.sentences ?? []) {
    for (const citation of sentence.citations) {
      const key = keyOf(citation), known = list.get(key), { support } = sentence;
      if (known) known.support = Math.max(known.support, support);
      else {
        const source = view.documents?.[citation.document];
        list.set(key, { ...citation, ...source, support, number: list.size + 1 });
      }
    }
  }
  return list;
}

const ofSentence = (sentence, citations) =>
  sentence.citations.map(citation => citations.get(keyOf(citation)))
    .sort((one, other) => one.number - other.number);

export const written = (turn, citations) => prose(turn.view.text, turn.view.sentences ?? [],
  sentence => marks(turn, sentence, citations));

// What stands behind a sentence: the numbers of its sources, or a mark of doubt.
function marks(turn, sentence, citations) {
  const cited = ofSentence(sentence, citations);
  if (!cited.length) return [doubtButton(sentence)];
  const differs = (sentence.differs ?? []).map(kind => say(`differs_${kind}`)).join(", ");
  return [...cited.map(citation => citeButton(turn, citation, sentence, citations)),
    ...differs ? [h("span", { class: "differs", lang: state.language },
      h("span", { "aria-hidden": "true" }, "≠ "),
      h("span", { class: "unseen" }, say("differs_in")), differs)] : []];
}

function citeButton(turn, citation, sentence, citations) {
  const list = [...citations.values()], { support } = sentence, level = sources.level(support);
  const { title } = citation, at = citation.number - 1;
  const open = event =>
    sources.open({ list, at, turn, support, sentence, back: turn.back,
      opener: event.currentTarget.dataset.key });
  const cite = button(`${citation.number}`, open, {
    class: `cite ${level}`, "data-key": `cite${citation.number}`, "aria-controls": "source",
    lang: state.language,
    "aria-label": say("cited", { number: citation.number, title, support: say(level) }),
  });
  sentences.set(cite, sentence);
  previews.set(cite, () => [
    h("strong", {}, spaced(title)),
    sources.supportElement(support, sources.foreign(citation, turn)),
    h("p", { lang: citation.language }, spaced(citation.text))]);
  return cite;
}

function doubtButton(sentence) {
  const why = `${say("unsupported")} ${say(`lacks_${sentence.lacks ?? "words"}`)}`;
  const key = `doubt${sentence.start}`, { language: lang } = state;
  const cite = button("?", () => announce(why),
    { class: "cite none", "aria-label": why, "data-key": key, lang });
  sentences.set(cite, sentence);
  previews.set(cite, () => [sources.supportElement(0), h("p", {}, why)]);
  return cite;
}

function chunkButtons(turn, label) {
  const list = turn.view.passages ?? [];
  return list.map((chunk, at) => {
    const key = `passage${at}`;
    return button(label(chunk), () => sources.open({ list, at, turn, opener: key }),
      { "data-key": key, lang: chunk.language });
  });
}

// --- under the answer ---

function footer(turn, citations, actions) {
  const { error, text } = turn.view, answered = text && !error;
  const last = turn === state.turns.at(-1);
  const copying = event => copy(turn, citations, event.currentTarget);
  const change = (rating, reason) => rate(turn, rating, reason, actions.changed);
  const rated = rating => button(say(rating),
    () => change(turn.rating === rating ? "" : rating, turn.reason), {
      class: "quiet", "data-key": rating,
      "aria-pressed": turn.rating === rating ? "true" : "false" });
  return h("div", { class: "under" },
    answered ? button(say("copy"), copying, { class: "quiet", "data-key": "copy" }) : null,
    answered ? button(say("to_dossier"), actions.dossier,
      { class: "quiet", "data-key": "dossier", "aria-keyshortcuts": "d" }) : null,
    last ? button(say("retry"), actions.retry, { class: "quiet", "data-key": "retry" }) : null,
    answered && state.conversation ? [rated("good"), rated("bad")] : null,
    turn.view.passages?.length ? whatWasRead(turn) : null,
    answered && state.conversation ? saving(turn) : null,
    turn.rating ? h("input", {
      class: "reason", "data-key": "reason", maxlength: 1000, value: turn.reason,
      placeholder: say("reason"), "aria-label": say("reason"),
      onchange: event => change(turn.rating, event.currentTarget.value) }) : null);
}

function saving(turn) {
  const kinds = /^\|/m.test(turn.view.text) ? [...KINDS, "csv"] : KINDS;
  const make = chosen => state.server.export({ id: state.conversation, turn: turn.id, ...chosen });
  return h("details", { class: "saving" }, h("summary", { "data-key": "saving" }, say("save_as")),
    h("div", { class: "doings" }, saveButtons(kinds, make, kind => ({ "data-key": `as${kind}` }))));
}

function whatWasRead(turn) {
  const { passages, seconds } = turn.view;
  const summary = [sayCount("passages", passages.length),
    seconds ? say("seconds", { seconds: number(seconds, 1) }) : null];
  const chunks = chunkButtons(turn, beginningOf)
    .map((each, at) => h("li", {}, each, usedElement(turn, passages[at]), why(passages, at)));
  return h("details", {},
    h("summary", { "data-key": "read" }, present(summary).join(" · ")), h("ol", {}, chunks));
}

// Whether the answer cites a sentence of a chunk.
function usedElement({ view }, { document, start, end }) {
  const used = (view.sentences ?? []).some(sentence => sentence.citations.some(each =>
    each.document === document && each.start < end && each.end > start));
  return h("span", { class: used ? "used" : "unused", lang: state.language },
    say(used ? "passage_used" : "passage_unused"));
}

// Why a chunk was read: how it compares with the question in each way that the search counts.
function why(chunks, at) {
  if (!chunks[at].why) return null;
  const rows = ["vector", "words", "late", "score"].flatMap((name, way) => {
    const value = chunks[at].why[way], all = chunks.map(each => each.why[way]);
    const most = name === "score" ? 1 : Math.max(...all, 1e-9);
    const bar = h("span", { class: "share" });
    bar.style.width = `${Math.round(100 * value / most)}%`;
    return [h("dt", {}, say(`why_${name}`)), h("dd", {}, h("span", {}, bar), number(value, 2))];
  });
  return h("dl", { class: "why", lang: state.language, "aria-label": say("why") }, rows);
}

async function rate(turn, rating, reason, changed) {
  Object.assign(turn, { rating, reason: rating ? reason ?? "" : "" });
  changed();
  const { id, reason: kept } = turn;
  await state.server.rate({ id: state.conversation, turn: id, rating, reason: kept });
  announce(say("rated"));
}

// The beginning of a chunk, without the marks of its headings.
function beginningOf(chunk) {
  const text = chunk.text.replace(/^#+ (.*)$/gm, "$1 ·").replace(/\s+/g, " ");
  return text.length > 110 ? `${text.slice(0, 110).trimEnd()}…` : text;
}

// The answer with numbered citations, and the sentences they stand for below it.
function asText(view, citations) {
  const { text, sentences } = view;
  let out = "", at = 0;
  for (const sentence of sentences) {
    const body = cut(text, sentence.start, sentence.end);
    const blank = body.length - body.trimEnd().length;
    const marks = ofSentence(sentence, citations).map(citation => `[${citation.number}]`).join("");
    out += cut(text, at, sentence.end).trimEnd() + (marks ? ` ${marks}` : "");
    at = sentence.end - blank;
  }
  out += text.slice(units(text, at));
  const lines = [...citations.values()].map(citation =>
    `[${citation.number}] ${citation.title} — ${say("quoted", { text: citation.text })}`);
  return lines.length ? `${out}\n\n${say("sources")}\n${lines.join("\n")}` : out;
}

async function copy(turn, citations, pressed) {
  const text = asText(turn.view, citations);
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyBySelection(text);
  pressed.textContent = say("copied");
  announce(say("copied"));
  setTimeout(() => { pressed.textContent = say("copy"); }, 2500);
}

// For a page that isn't on this machine and has no certificate: browsers give it no clipboard.
function copyBySelection(text) {
  const area = h("textarea", { class: "unseen" });
  area.value = text;
  state.page.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
