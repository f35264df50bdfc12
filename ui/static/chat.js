// The conversation: asking, stopping, and the answer as it comes.

import { $, announce, button, h, note, say, spaced } from "./dom.js";
import * as panel from "./panel.js";
import { addAnswer } from "./putting.js";
import { setAttached, setScope, state } from "./state.js";
import { progressText, turnElement } from "./turn.js";

let bridge;              // asks the server and stops it
let editing = null;      // the place of the question that is being edited
let pressed = false;     // the pointer is down on a turn: it must not be replaced under it

export function start(given) {
  bridge = { ask: given.ask, stop: given.stop };
  const question = $("#question");
  question.addEventListener("input", grow);
  question.addEventListener("keydown", event => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!state.running) send();
  });
  $("form").addEventListener("submit", event => {
    event.preventDefault();
    if (state.running) stop();
    else send();
  });
  $(".turns").addEventListener("pointerdown", () => { pressed = true; });
  addEventListener("pointerup", () => setTimeout(() => {
    pressed = false;
    if (state.running) showTurn(state.running);
  }));
  addEventListener("pointercancel", () => { pressed = false; });
  addEventListener("pageshow", event => { if (event.persisted && state.running) follow(); });
}

export function translate() {
  $(".examples").replaceChildren(...examples().map(([language, text]) => example(language, text)));
  $(".examples").previousElementSibling.hidden = !examples().length;
  showTurns();
}

// Those in the page's language first.
const examples = () => state.attached.length ? []
  : [...state.examples].sort(([a], [b]) => (b === state.language) - (a === state.language));
const example = (language, text) =>
  h("li", {}, button(spaced(text), () => ask(text), { lang: language }));

export async function open(name) {
  const found = name && await state.server.conversation(name).catch(() => null);
  if (state.running) stop();
  state.running = editing = null;
  note(null);
  state.conversation = found ? found.id : "";
  state.turns = found ? found.turns : [];
  setScope(found ? found.documents : null);
  setAttached(found?.attached ?? []);
  history.replaceState(null, "", found ? `#c=${found.id}` : location.pathname);
  const last = state.turns.at(-1);
  if (last && last.view.stage !== "done") {      // the server is still answering it
    state.running = last;
    follow();
  }
  showTurns();
  toEnd();
}

export async function fresh() {
  await open("");
  panel.render();
  $("#question").focus();
}

// A turn whose question was asked before goes on being shown.
const follow = () => bridge.ask({ turn: state.running.id, conversation: state.conversation });

// The server is out of reach: the answer that was coming won't.
export function lost() {
  const turn = state.running, error = state.texts.interrupted;
  if (turn) receive({ ...turn.view, turn: turn.id, stage: "done", error });
}

// --- asking ---

// A question that was being typed survives a reload of the page.
const DRAFT = "cocorico.draft";

export function keepDraft() {
  sessionStorage.setItem(DRAFT, $("#question").value);
}

export function restoreDraft() {
  write(sessionStorage.getItem(DRAFT) ?? "");
  sessionStorage.removeItem(DRAFT);
}

function write(text) {
  $("#question").value = text;
  grow();
}

function grow() {
  const question = $("#question");
  question.style.height = "auto";
  question.style.height = `${Math.min(question.scrollHeight, innerHeight * 0.4)}px`;
}

function send() {
  const text = $("#question").value.trim();
  if (!text) return;
  if (state.attaching) return note(say("attaching"));
  write("");
  ask(text, editing ?? state.turns.length);
}

export function ask(question, at = state.turns.length, compare = null) {
  if (state.running) return;
  const replaces = state.turns[at]?.id ?? "";
  const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const turn = { id, question, view: { stage: state.ready ? "searching" : "waiting" } };
  state.running = turn;
  state.turns = [...state.turns.slice(0, at), turn];
  editing = null;
  note(null);
  showTurns();
  toEnd();
  announce(say(turn.view.stage));
  const { conversation, scope: documents } = state;
  bridge.ask({ turn: id, question, conversation, replaces, documents, compare });
}

function stop() {
  const turn = state.running;
  turn.view = { ...turn.view, stage: "stopping" };
  showTurn(turn);
  bridge.stop({ turn: turn.id });
}

// The turn as it stands on the server: always the whole of it.
export function receive(view) {
  const turn = state.running;
  if (!turn || view?.turn !== turn.id) return;
  const before = turn.view.stage, done = view.stage === "done";
  turn.view = before === "stopping" && !done ? { ...view, stage: "stopping" } : view;
  if (view.conversation && view.conversation !== state.conversation) {
    state.conversation = view.conversation;
    history.replaceState(null, "", `#c=${view.conversation}`);
  }
  if (done) finish(view);
  else if (view.stage !== before) announce(progressText(turn.view));
  const follow = atEnd();
  if (!pressed || done) showTurn(turn);
  if (done) showSuggestions();
  showComposer();
  if (follow) toEnd();
}

function finish(view) {
  state.running = null;
  const answer = `${say("answer_of")} ${view.text || say("stopped")}`;
  announce(view.error ? view.error[state.language] : answer);
  if (!$(".text").contains(document.activeElement)) panel.render("conversations");
}

function edit(at) {
  const leave = () => {
    editing = null;
    write("");
    note(null);
    $("#question").focus();
  };
  editing = at;
  write(state.turns[at].question);
  note(say("editing"), say("cancel"), leave);
  $("#question").focus();
}

function toEnd() {
  const area = $(".scroll");
  area.scrollTop = area.scrollHeight;
}

function atEnd() {
  const area = $(".scroll");
  return area.scrollHeight - area.scrollTop - area.clientHeight < 90;
}

// --- showing the turns ---

const elementOf = turn => turnElement(turn, {
  edit: () => edit(state.turns.indexOf(turn)),
  retry: () => ask(turn.question, state.turns.indexOf(turn), turn.view.compare ?? null),
  changed: () => showTurn(turn),
  dossier: () => addAnswer(turn),
});

function showTurns() {
  $(".turns").replaceChildren(...state.turns.map(elementOf));
  $(".empty").hidden = state.turns.length > 0;
  $("[data-do=fresh]").hidden = !state.turns.length;
  showSuggestions();
  showComposer();
}

function showTurn(turn) {
  const old = $(`[data-turn="${turn.id}"]`);
  if (!old) return;
  const active = document.activeElement;
  const focused = old.contains(active) ? active.dataset.key : null;
  const fresh = elementOf(turn);
  if (turn.view.stage === "done") old.replaceWith(fresh);
  else update(old, fresh);
  const shown = focused && $(`[data-turn="${turn.id}"] [data-key="${focused}"]`);
  if (shown && shown !== document.activeElement) shown.focus({ preventScroll: true });
}

// While an answer is written, what doesn't change stays: a button must not go from under a finger.
function update(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.tagName !== fresh.tagName || !old.matches(".turn, .answer")) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  const now = [...old.children], next = [...fresh.children];
  now.slice(next.length).forEach(child => child.remove());
  next.forEach((child, at) => now[at] ? update(now[at], child) : old.append(child));
}

// Questions on what the chunks that were read also speak of: whether the documents answer them.
const answered = new Map();

// What may be asked next: such questions, once that is known, then the examples.
function showSuggestions() {
  const asked = new Set(state.turns.map(turn => turn.question));
  const view = state.turns.at(-1)?.view, area = $(".suggestions");
  const further = (view?.further ?? []).filter(text => answered.get(text));
  const known = [...further.map(text => [view.language, text]), ...examples()];
  const left = state.running || !view ? []
    : known.filter(([, text]) => !asked.has(text)).slice(0, 3);
  area.hidden = !left.length;
  area.querySelector("ul").replaceChildren(...left.map(each => example(...each)));
  if (!state.running && view) checkSuggestions(view);
}

async function checkSuggestions({ further = [], language }) {
  const question = further.find(text => !answered.has(text));
  if (!question) return;
  answered.set(question, false);
  answered.set(question, await state.server.answered({ question, language }).catch(() => false));
  showSuggestions();
}

function showComposer() {
  const send = $(".send"), busy = state.running !== null, label = say(busy ? "stop" : "send");
  send.classList.toggle("busy", busy);
  send.setAttribute("aria-label", label);
  send.title = label;
  for (const edit of state.page.querySelectorAll("[data-key=edit]")) edit.disabled = busy;
}
