// The conversation: asking, the answer as it is written with its citations, and what can be done with an answer.

import { $, announce, app, button, cut, h, note, number, say, sayCount, spaced, units } from "./dom.js";
import * as panel from "./sources.js";
import * as library from "./documents.js";

let bridge;
let current = "";        // the conversation's id once the server has one
let turns = [];          // {id, question, view, rating, reason}
let running = null;      // the turn being answered
let editing = null;      // the place of the question being edited
let held = false;        // the mouse is down on the turn being answered: it must not be replaced under it

export const isRunning = () => running !== null;
export const id = () => current;
export const last = () => turns.findLast(turn => turn.view.passages?.length);

export function start(given) {
  bridge = { ask: given.ask, stop: given.stop, examples: given.props.examples };
  const question = $("#question");
  question.addEventListener("input", grow);
  question.addEventListener("keydown", event => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!running) send();
  });
  $("form").addEventListener("submit", event => { event.preventDefault(); running ? stop() : send(); });
  $(".turns").addEventListener("pointerdown", () => { held = true; });
  addEventListener("pointerup", () => setTimeout(() => { held = false; if (running) showTurn(running); }));
  addEventListener("pointercancel", () => { held = false; });
}

export function translate() {
  $(".examples").replaceChildren(...examples().map(([language, text]) => example(language, text)));
  $(".examples").previousElementSibling.hidden = !bridge.examples.length;
  showTurns();
  library.showScope();
}

const examples = () => [...bridge.examples].sort(([a], [b]) => (b === app.language) - (a === app.language));
const example = (language, text) => h("li", {}, button(spaced(text), () => ask(text), { lang: language }));

export async function open(name) {
  const found = name && await app.server.conversation(name).catch(() => null);
  leave();
  current = found ? found.id : "";
  turns = found ? found.turns : [];
  library.choose(found ? found.documents : null);
  history.replaceState(null, "", found ? `#c=${found.id}` : location.pathname);
  showTurns();
  toEnd();
}

export async function fresh() {
  await open("");
  panel.render();
  $("#question").focus();
}

function leave() {
  if (running) stop();
  running = editing = null;
  note(null);
}

export function lost() {
  if (running) receive({ ...running.view, turn: running.id, stage: "done", error: app.texts.interrupted });
}

// --- asking ----------------------------------------------------------------------------------------------------------

function send() {
  const text = $("#question").value.trim();
  if (!text) return;
  $("#question").value = "";
  grow();
  ask(text, editing ?? turns.length);
}

function ask(question, at = turns.length) {
  if (running) return;
  const replaces = turns[at]?.id ?? "";
  running = { id: crypto.getRandomValues(new Uint32Array(2)).join("-"), question, view: { stage: app.ready ? "searching" : "waiting" } };
  turns = [...turns.slice(0, at), running];
  editing = null;
  note(null);
  showTurns();
  toEnd();
  announce(say(running.view.stage));
  bridge.ask({ turn: running.id, question, conversation: current, replaces, documents: library.chosen() });
}

function stop() {
  running.view = { ...running.view, stage: "stopping" };
  showTurn(running);
  bridge.stop();
}

export function receive(view) {
  if (!running || view?.turn !== running.id) return;
  const stopping = running.view.stage === "stopping" && view.stage !== "done";
  const before = running.view.stage;
  running.view = stopping ? { ...view, stage: "stopping" } : view;
  const turn = running;
  if (view.conversation && view.conversation !== current) {
    current = view.conversation;
    history.replaceState(null, "", `#c=${current}`);
  }
  if (view.stage === "done") {
    running = null;
    announce(view.error ? view.error[app.language] : `${say("answer_of")} ${view.text || say("stopped")}`);
    if (!$(".text").contains(document.activeElement)) panel.render("conversations");
  } else if (view.stage !== before) announce(progress(running.view));
  const follow = atEnd();
  if (!held || !running) showTurn(turn);
  if (!running) showSuggestions();
  showComposer();
  if (follow) toEnd();
}

function edit(at) {
  editing = at;
  $("#question").value = turns[at].question;
  grow();
  note(say("editing"), say("cancel"), () => { editing = null; $("#question").value = ""; grow(); note(null); $("#question").focus(); });
  $("#question").focus();
}

function grow() {
  const question = $("#question");
  question.style.height = "auto";
  question.style.height = `${Math.min(question.scrollHeight, innerHeight * 0.4)}px`;
}

const atEnd = () => { const area = $(".scroll"); return area.scrollHeight - area.scrollTop - area.clientHeight < 90; };
const toEnd = () => { const area = $(".scroll"); area.scrollTop = area.scrollHeight; };

// --- the turns -------------------------------------------------------------------------------------------------------

function showTurns() {
  $(".turns").replaceChildren(...turns.map(turnElement));
  $(".empty").hidden = turns.length > 0;
  $("[data-do=fresh]").hidden = !turns.length;
  showSuggestions();
  showComposer();
}

function showTurn(turn) {
  const old = app.page.querySelector(`[data-turn="${turn.id}"]`);
  if (!old) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const fresh = turnElement(turn);
  if (turn.view.stage === "done") old.replaceWith(fresh);
  else settle(old, fresh);
  const shown = app.page.querySelector(`[data-turn="${turn.id}"] [data-key="${focused}"]`);
  if (focused && shown !== document.activeElement) shown?.focus({ preventScroll: true });
}

// While an answer is written, what doesn't change stays in place: a button must not go from under a finger.
function settle(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.tagName !== fresh.tagName || !old.matches(".turn, .answer")) { old.replaceWith(fresh); return; }
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  const now = [...old.children], next = [...fresh.children];
  now.slice(next.length).forEach(child => child.remove());
  next.forEach((child, at) => now[at] ? settle(now[at], child) : old.append(child));
}

// What the passages read also speak of, then examples: what wasn't asked yet. The documents answer it, and it costs no model.
function showSuggestions() {
  const asked = new Set(turns.map(turn => turn.question)), area = $(".suggestions"), view = turns.at(-1)?.view;
  const further = (view?.further ?? []).map(text => [view.language, text]);
  const left = running || !view ? [] : [...further, ...examples()].filter(([, text]) => !asked.has(text)).slice(0, 3);
  area.hidden = !left.length;
  area.querySelector("ul").replaceChildren(...left.map(([language, text]) => example(language, text)));
}

function showComposer() {
  const send = $(".send"), busy = running !== null;
  send.classList.toggle("busy", busy);
  send.setAttribute("aria-label", say(busy ? "stop" : "send"));
  send.title = say(busy ? "stop" : "send");
  for (const edit of app.page.querySelectorAll("[data-key=edit]")) edit.disabled = busy;
}

const progress = view => view.stage === "reading" ? sayCount("reading", view.passages.length) : say(view.stage);

function turnElement(turn) {
  const at = turns.indexOf(turn), view = turn.view, done = view.stage === "done", citations = numbered(view);
  return h("li", { "data-turn": turn.id, class: "turn" },
    h("div", { class: "question" },
      h("p", {}, h("span", { class: "unseen" }, say("you_asked") + " "), spaced(turn.question)),
      button(say("edit"), () => edit(at), { class: "quiet", "data-key": "edit" })),
    h("article", { class: view.refused ? "answer refused" : "answer", lang: view.language },
      view.refused ? h("p", { class: "badge", lang: app.language }, say("refused")) : null,
      view.text ? h("div", { class: "prose" }, prose(turn, citations)) : null,
      done && view.doubtful ? h("p", { class: "aside", lang: app.language }, say("doubtful")) : null,
      done && view.error ? h("p", { class: "error", role: "alert", lang: app.language }, view.error[app.language]) : null,
      done && view.stopped && !view.error ? h("p", { class: "aside", lang: app.language }, say("stopped")) : null,
      done && view.unkept ? h("p", { class: "error", lang: app.language }, say("unkept")) : null,
      done ? null : h("div", { class: "progress", lang: app.language }, h("span", {}, progress(view)), passageButtons(turn, passage => spaced(passage.title)))),
    done ? footer(turn, at, citations) : null);
}

// The citations of an answer, each source sentence once, numbered in the order in which the answer uses them.
function numbered(view) {
  const list = new Map();
  for (const sentence of view.sentences ?? []) {
    for (const citation of sentence.citations) {
      const key = JSON.stringify([citation.document, citation.start, citation.end]), known = list.get(key);
      if (known) known.support = Math.max(known.support, sentence.support);
      else list.set(key, { ...citation, ...view.documents?.[citation.document], support: sentence.support, number: list.size + 1 });
    }
  }
  return list;
}

const ofSentence = (sentence, citations) =>
  sentence.citations.map(citation => citations.get(JSON.stringify([citation.document, citation.start, citation.end])))
    .sort((one, other) => one.number - other.number);

function prose(turn, citations) {
  const { text, sentences = [] } = turn.view, parts = [];
  let at = 0;
  for (const sentence of sentences) {
    const body = cut(text, sentence.start, sentence.end), supported = sentence.citations.length > 0;
    parts.push(...inline(cut(text, at, sentence.start)));
    parts.push(h("span", { class: supported ? "sentence" : "sentence unsupported" }, inline(body.trimEnd())));
    if (supported) for (const citation of ofSentence(sentence, citations)) parts.push(citeButton(turn, citation, sentence, citations));
    else parts.push(doubtButton(sentence, at));
    parts.push(body.slice(body.trimEnd().length));
    at = sentence.end;
  }
  return [...parts, ...inline(text.slice(units(text, at)))];
}

// The little Markdown that models write whatever they are told: **strong** and `code`; all else stays as written.
const inline = text => spaced(text).split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/).filter(Boolean).map(piece =>
  piece.length > 4 && piece.startsWith("**") ? h("strong", {}, piece.slice(2, -2))
    : piece.length > 2 && piece.startsWith("`") ? h("code", {}, piece.slice(1, -1)) : piece);

const previews = new WeakMap();     // what each citation's button shows before it is opened

function citeButton(turn, citation, sentence, citations) {
  const list = [...citations.values()], level = panel.level(sentence.support);
  const cite = button(`${citation.number}`, event =>
    panel.open({ list, at: citation.number - 1, turn, support: sentence.support, opener: event.currentTarget.dataset.key }), {
    class: `cite ${level}`, "data-key": `cite${citation.number}`, "aria-controls": "source", lang: app.language,
    "aria-label": say("cited", { number: citation.number, title: citation.title, support: say(level) }),
  });
  previews.set(cite, () => [
    h("strong", {}, spaced(citation.title)), panel.supportElement(sentence.support, panel.foreign(citation, turn)),
    h("p", { lang: citation.language }, spaced(citation.text))]);
  return cite;
}

function doubtButton(sentence, at) {
  const why = `${say("unsupported")} ${say(`lacks_${sentence.lacks ?? "words"}`)}`;
  const cite = button("?", () => announce(why), { class: "cite none", "aria-label": why, "data-key": `doubt${at}`, lang: app.language });
  previews.set(cite, () => [panel.supportElement(0), h("p", {}, why)]);
  return cite;
}

export const previewOf = cite => previews.get(cite)();

const passageButtons = (turn, label) => (turn.view.passages ?? []).map((passage, place) => button(label(passage), () =>
  panel.open({ list: turn.view.passages, at: place, turn, opener: `passage${place}` }), { "data-key": `passage${place}`, lang: passage.language }));

function footer(turn, at, citations) {
  const { passages = [], seconds, error, text } = turn.view, last = at === turns.length - 1, answered = text && !error;
  const told = [sayCount("passages", passages.length), seconds ? say("seconds", { seconds: number(seconds, 1) }) : null];
  const rated = rating => button(say(rating), () => rate(turn, turn.rating === rating ? "" : rating, turn.reason), {
    class: "quiet", "data-key": rating, "aria-pressed": turn.rating === rating ? "true" : "false" });
  return h("div", { class: "under" },
    answered ? button(say("copy"), event => copy(turn, citations, event.currentTarget), { class: "quiet", "data-key": "copy" }) : null,
    last ? button(say("retry"), () => ask(turn.question, at), { class: "quiet", "data-key": "retry" }) : null,
    answered && current ? [rated("good"), rated("bad")] : null,
    passages.length ? h("details", {}, h("summary", { "data-key": "read" }, told.filter(Boolean).join(" · ")),
      h("ol", {}, passageButtons(turn, excerpt).map((each, place) => h("li", {}, each, why(passages, place))))) : null,
    turn.rating ? h("input", { class: "reason", "data-key": "reason", placeholder: say("reason"), "aria-label": say("reason"),
      maxlength: 1000, value: turn.reason, onchange: event => rate(turn, turn.rating, event.currentTarget.value) }) : null);
}

// Why a passage was read: its likeness to the question in each of the search's ways, beside the best of those read.
function why(passages, place) {
  if (!passages[place].why) return null;
  return h("dl", { class: "why", lang: app.language, "aria-label": say("why") }, ["vector", "words", "late", "score"].flatMap((name, way) => {
    const value = passages[place].why[way], best = way === 3 ? 1 : Math.max(...passages.map(each => each.why[way]), 1e-9);
    const bar = h("span", { class: "share" });
    bar.style.width = `${Math.round(100 * value / best)}%`;
    return [h("dt", {}, say(`why_${name}`)), h("dd", {}, h("span", {}, bar), number(value, 2))];
  }));
}

async function rate(turn, rating, reason) {
  Object.assign(turn, { rating, reason: rating ? reason ?? "" : "" });
  showTurn(turn);
  await app.server.rate({ id: current, turn: turn.id, rating, reason: turn.reason });
  announce(say("rated"));
}

// The beginning of a passage, without the marks of its headings.
function excerpt(passage) {
  const text = passage.text.replace(/^#+ (.*)$/gm, "$1 ·").replace(/\s+/g, " ");
  return text.length > 110 ? `${text.slice(0, 110).trimEnd()}…` : text;
}

async function copy(turn, citations, pressed) {
  const { text, sentences } = turn.view;
  let out = "", at = 0;
  for (const sentence of sentences) {
    const marks = ofSentence(sentence, citations).map(citation => `[${citation.number}]`).join("");
    out += cut(text, at, sentence.end).trimEnd() + (marks ? ` ${marks}` : "");
    at = sentence.end - (cut(text, sentence.start, sentence.end).length - cut(text, sentence.start, sentence.end).trimEnd().length);
  }
  out += text.slice(units(text, at));
  const lines = [...citations.values()].map(citation => `[${citation.number}] ${citation.title} — ${say("quoted", { text: citation.text })}`);
  if (lines.length) out += `\n\n${say("sources")}\n${lines.join("\n")}`;
  if (navigator.clipboard) await navigator.clipboard.writeText(out);
  else {     // a page that isn't on this machine and has no certificate
    const area = h("textarea", { class: "unseen" });
    area.value = out;
    app.page.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  pressed.textContent = say("copied");
  announce(say("copied"));
  setTimeout(() => { pressed.textContent = say("copy"); }, 2500);
}
