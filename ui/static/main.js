// The start of the page: wires its parts together, translates it, follows where the server stands.

import * as attached from "./attached.js";
import * as chat from "./chat.js";
import * as check from "./check.js";
import * as compare from "./compare.js";
import * as conversations from "./conversations.js";
import * as documents from "./documents.js";
import * as dossier from "./dossier.js";
import { $, $$, announce, note, number, say } from "./dom.js";
import * as map from "./map.js";
import * as panel from "./panel.js";
import { addAnswer, addSentence } from "./putting.js";
import * as sources from "./sources.js";
import { on, state } from "./state.js";
import { previewOf, sentenceOf } from "./turn.js";
import * as changes from "./web.js";

let online = true;
let lastState = { stage: "starting", total: 0 };
let following;             // the timer of the next look at the server's state
let previewed = null;      // the citation whose preview is shown

export async function start(element, given) {
  state.page = element.querySelector(".cocorico");
  state.server = given.server;
  state.texts = given.props.texts;
  state.examples = given.props.examples;
  state.language = localStorage.getItem("cocorico.language")
    ?? (navigator.language.startsWith("fr") ? "fr" : "en");
  const views = {
    source: sources, documents, conversations, map, check, compare, dossier, changes };
  for (const [kind, view] of Object.entries(views)) {
    panel.register(kind, view.render);
  }
  chat.start(given);
  documents.start();
  attached.start();
  given.watch("value", () => chat.receive(given.props.value));
  on("scope", () => {
    documents.showScope();
    panel.render("documents");
  });
  on("attached", () => {
    attached.show();
    documents.showScope();
    chat.translate();
  });
  on("documents", () => panel.render("documents"));
  listen();
  listenToCitations();
  translate();
  followState();
  chat.restoreDraft();
  $("#question").focus({ preventScroll: true });
  await chat.open(location.hash.match(/^#c=([\w-]+)$/)?.[1] ?? "");
}

function listen() {
  const actions = {
    fresh: chat.fresh,
    conversations: () => panel.show({ kind: "conversations" }),
    library: () => panel.show({ kind: "documents" }),
    attach: attached.choose,
    theme: switchTheme,
    close: panel.close,
    previous: () => panel.step(-1),
    next: () => panel.step(1),
  };
  state.page.addEventListener("click", event => {
    const chosen = event.target.closest("[data-do], [data-language]");
    if (chosen?.dataset.language) chooseLanguage(chosen.dataset.language);
    else if (chosen) actions[chosen.dataset.do]?.();
  });
  $(".skip").addEventListener("click", event => {
    event.preventDefault();
    $("#question").focus();
  });
  state.page.addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  for (const change of ["offline", "online"]) addEventListener(change, followState);
}

function onKey(event) {
  if (event.key === "Escape" && !event.defaultPrevented) {
    if (previewed) hidePreview();
    else panel.close();
  }
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.target.matches("input, textarea")) return;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (plain && event.key.toLowerCase() === "d") putAway(event.target);
  if (!by) return;
  if (event.target.closest("aside")) panel.step(by);
  else if (event.target.matches(".cite")) {
    const cites = $$(".cite");
    cites[cites.indexOf(event.target) + by]?.focus();
  }
}

// One key puts into the dossier what has the focus: a sentence, an answer, a passage.
function putAway(target) {
  const turn = state.turns.find(({ id }) => id === target.closest(".turn")?.dataset.turn);
  if (target.closest("aside")) $("aside [aria-keyshortcuts=d]")?.click();
  else if (turn?.view.text && target.matches(".cite")) addSentence(turn, sentenceOf(target));
  else if (turn?.view.text) addAnswer(turn);
}

// --- previews of citations ---

function listenToCitations() {
  for (const [shown, hidden] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    state.page.addEventListener(shown, event => {
      const cite = event.target.closest(".cite");
      if (cite) showPreview(cite);
      else if (previewed && !previewed.isConnected) hidePreview();  // rendered anew
    });
    state.page.addEventListener(hidden, event => {
      if (event.target.closest(".cite")) hidePreview();
    });
  }
  state.page.addEventListener("click", event => {
    const doubt = event.target.closest(".cite.none");      // it has no source: a tap shows why
    if (doubt) showPreview(doubt);
    else hidePreview();
  });
  $(".scroll").addEventListener("scroll", hidePreview, { passive: true });
}

function showPreview(cite) {
  const box = $(".preview"), place = cite.getBoundingClientRect();
  previewed = cite;
  box.replaceChildren(...previewOf(cite));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const left = Math.max(12, Math.min(place.left - 24, innerWidth - width - 12));
  const top = place.top > height + 16 ? place.top - height - 8 : place.bottom + 8;
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
  cite.setAttribute("aria-describedby", "preview");
}

function hidePreview() {
  $(".preview").hidden = true;
  previewed?.removeAttribute("aria-describedby");
  previewed = null;
}

// --- language and theme ---

function chooseLanguage(language) {
  state.language = language;
  localStorage.setItem("cocorico.language", language);
  translate();
}

function translate() {
  const { language, page } = state;
  document.documentElement.lang = page.lang = language;
  for (const element of $$("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of $$("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
  }
  for (const element of $$("[data-placeholder]")) {
    element.placeholder = say(element.dataset.placeholder);
  }
  for (const element of $$("[data-language]")) {
    element.setAttribute("aria-pressed", element.dataset.language === language);
  }
  nameTheme();
  note(null);
  chat.translate();
  documents.showScope();
  attached.show();
  panel.render();
  showState(lastState);
}

const systemTheme = () =>
  matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
const theme = () => document.documentElement.dataset.theme ?? systemTheme();

function nameTheme() {
  $(".theme").setAttribute("aria-label", say(theme() === "dark" ? "to_light" : "to_dark"));
}

function switchTheme() {
  const wanted = theme() === "dark" ? "light" : "dark";
  if (wanted === systemTheme()) {      // the page follows the system again
    delete document.documentElement.dataset.theme;
    localStorage.removeItem("cocorico.theme");
  } else {
    document.documentElement.dataset.theme = wanted;
    localStorage.setItem("cocorico.theme", wanted);
  }
  nameTheme();
}

// --- where the server stands ---

async function followState() {
  clearTimeout(following);
  let now;
  try {
    now = await state.server.state("");
    if (!now?.stage) throw new Error("no state");
    if (!online) reload();
    state.ready = now.stage === "ready";
    await documents.follow(now);
  } catch {
    now = { stage: "offline" };
    online = false;
    chat.lost();
  }
  showState(now);
  const close = !state.ready || documents.isReading();
  following = setTimeout(followState, close ? 700 : state.running || !online ? 2000 : 10000);
}

// A server that was restarted doesn't know this page's session.
function reload() {
  chat.keepDraft();
  location.reload();
}

function showState(now) {
  const line = $(".state");
  if (now.stage !== lastState.stage && now.stage === "offline") announce(say("offline"));
  lastState = now;
  line.hidden = now.stage === "ready";
  line.className = `state ${now.stage}`;
  if (line.hidden) return;
  line.querySelector("p").textContent = now.error ? now.error[state.language] : stateText(now);
  const bar = line.querySelector("progress");
  bar.hidden = !["starting", "fetching", "indexing", "loading"].includes(now.stage);
  bar.setAttribute("aria-label", say(state.texts[now.stage] ? now.stage : "loading"));
  if (now.total) [bar.max, bar.value] = [now.total, now.done];
  else bar.removeAttribute("value");
}

function stateText({ stage, what, done, total }) {
  const megabytes = bytes => number(bytes / 1e6);
  const [key, unit] = stage === "fetching" ? ["bytes", megabytes] : ["steps", number];
  const place = total ? say(key, { done: unit(done), total: unit(total) }) : "";
  return [say(stage), [what, place].filter(Boolean).join(", ")].join(" ");
}
