// The page: shows what the server sends and sends what the person asks.
// All text from people, documents and models enters the page as text nodes; no HTML is ever built from it.

let page, bridge, texts, language;
let turns = [];          // {id, question, view}: the conversation, kept in this tab through a reload
let running = null;      // the turn being answered
let editing = null;      // the place of the question being edited
let opened = null;       // what the source panel shows: {list, at, turn, opener}, {name} or null for the list of documents
let library = null;      // [{name, title, language}] once known
let ready = false;
let online = true;
const sources = new Map();

const h = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
};
const $ = selector => page.querySelector(selector);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const say = (key, values = {}, inLanguage = language) => fill(texts[key][inLanguage], values);
const sayCount = (key, count) =>
  say(`${key}_${new Intl.PluralRules(language).select(count) === "one" ? "one" : "other"}`, { count: number(count) });
const number = (value, digits = 0) => new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
// French sets a no-break space before some signs; models, people and titles seldom do. Only shown so, and of the same length.
const spaced = text => text.replace(/ (?=[;!?»])|(?<=«) /g, "\u202f").replaceAll(" :", "\u00a0:");
const announce = text => { $("[role=status]").textContent = text; };
const button = (label, action, attributes = {}) => h("button", { type: "button", onclick: action, ...attributes }, label);

// Spans count code points; JavaScript counts UTF-16 units. They differ only where a text has characters beyond the first plane.
const units = (text, points) => /[\ud800-\udbff]/.test(text) ? Array.from(text).slice(0, points).join("").length : points;
const cut = (text, start, end) => text.slice(units(text, start), units(text, end));

export function start(element, given) {
  page = element.querySelector(".cocorico");
  bridge = given;
  texts = given.props.texts;
  language = localStorage.getItem("cocorico.language") ?? (navigator.language.startsWith("fr") ? "fr" : "en");
  try { turns = JSON.parse(sessionStorage.getItem("cocorico.turns")) ?? []; } catch { turns = []; }
  turns.forEach(turn => { if (turn.view?.stage !== "done") turn.view = { ...turn.view, stage: "done", stopped: true }; });
  given.watch("value", () => receive(given.props.value));
  listen();
  translate();
  followState();
  $("#question").focus({ preventScroll: true });
}

function listen() {
  const actions = { clear, library: () => open(null), theme: switchTheme, close, previous: () => step(-1), next: () => step(1) };
  page.addEventListener("click", event => {
    const chosen = event.target.closest("[data-do], [data-language]");
    if (!chosen) return;
    if (chosen.dataset.language) {
      language = chosen.dataset.language;
      localStorage.setItem("cocorico.language", language);
      translate();
    } else actions[chosen.dataset.do]();
  });
  const question = $("#question");
  question.addEventListener("input", grow);
  question.addEventListener("keydown", event => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!running) send();
  });
  $("form").addEventListener("submit", event => { event.preventDefault(); running ? stop() : send(); });
  $(".skip").addEventListener("click", event => { event.preventDefault(); question.focus(); });
  page.addEventListener("keydown", event => {
    if (event.key === "Escape") $(".preview").hidden ? close() : hidePreview();
    if (event.target.closest(".bar") && event.key === "ArrowLeft") step(-1);
    if (event.target.closest(".bar") && event.key === "ArrowRight") step(1);
  });
  for (const [shown, hidden] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    page.addEventListener(shown, event => { const cite = event.target.closest("[data-preview]"); if (cite) preview(cite); });
    page.addEventListener(hidden, event => { if (event.target.closest("[data-preview]")) hidePreview(); });
  }
  $(".scroll").addEventListener("scroll", hidePreview, { passive: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
}

// --- words -----------------------------------------------------------------------------------------------------------

function translate() {
  document.documentElement.lang = page.lang = language;     // Gradio may write its own choice on the document later
  for (const element of page.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of page.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  for (const element of page.querySelectorAll("[data-placeholder]")) element.placeholder = say(element.dataset.placeholder);
  for (const element of page.querySelectorAll("[data-language]")) element.setAttribute("aria-pressed", element.dataset.language === language);
  nameTheme();
  note(null);
  const examples = [...bridge.props.examples].sort(([a], [b]) => (b === language) - (a === language));
  $(".examples").replaceChildren(...examples.map(([inLanguage, text]) => h("li", {}, button(spaced(text), () => ask(text), { lang: inLanguage }))));
  $(".examples").previousElementSibling.hidden = !examples.length;
  showTurns();
  showSource();
  showState(lastState);
}

const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const nameTheme = () => $(".theme").setAttribute("aria-label", say(isDark() ? "to_light" : "to_dark"));

function switchTheme() {
  const wanted = isDark() ? "light" : "dark";
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  // Back at the system's own theme, the page follows the system again.
  if (wanted === system) { delete document.documentElement.dataset.theme; localStorage.removeItem("cocorico.theme"); }
  else { document.documentElement.dataset.theme = wanted; localStorage.setItem("cocorico.theme", wanted); }
  nameTheme();
}

// --- getting ready ---------------------------------------------------------------------------------------------------

let lastState = { stage: "starting", total: 0 };

async function followState() {
  let now;
  try {
    now = await bridge.server.state("");
    if (!now?.stage) throw new Error("no state");
    if (!online) location.reload();     // the server that came back knows nothing of this page
    if ((now.stage === "ready") !== ready || library === null) { library = await bridge.server.documents(""); if (!opened) showSource(); }
    ready = now.stage === "ready";
  } catch {
    now = { stage: "offline" };
    online = false;
    if (running) receive({ ...running.view, turn: running.id, stage: "done", error: texts.interrupted });
  }
  showState(now);
  setTimeout(followState, ready ? (running ? 2000 : 10000) : 700);
}

function showState(now) {
  lastState = now;
  const line = $(".state"), bar = line.querySelector("progress");
  line.hidden = now.stage === "ready";
  line.className = `state ${now.stage}`;
  if (line.hidden) return;
  const megabytes = bytes => number(bytes / 1e6);
  const how = now.stage === "fetching" ? ["bytes", megabytes] : ["steps", number];
  const place = now.total ? say(how[0], { done: how[1](now.done), total: how[1](now.total) }) : "";
  const text = now.error ? now.error[language] : [say(now.stage), [now.what, place].filter(Boolean).join(", ")].join(" ");
  line.querySelector("p").textContent = text;
  bar.hidden = !["starting", "fetching", "indexing", "loading"].includes(now.stage);
  bar.setAttribute("aria-label", say(texts[now.stage] ? now.stage : "loading"));
  if (now.total) { bar.max = now.total; bar.value = now.done; } else bar.removeAttribute("value");
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
  const history = turns.slice(0, at).map(turn => ({ question: turn.question, answer: turn.view.refused ? "" : turn.view.text ?? "" }));
  running = { id: `${Date.now()}`, question, view: { stage: ready ? "searching" : "waiting" } };
  turns = [...turns.slice(0, at), running];
  editing = null;
  note(null);
  showTurns();
  toEnd(true);
  announce(say(running.view.stage));
  bridge.ask({ turn: running.id, question, history });
}

function stop() {
  running.view = { ...running.view, stage: "stopping" };
  showTurn(running);
  bridge.stop();
}

function receive(view) {
  if (!running || view?.turn !== running.id) return;
  const stopping = running.view.stage === "stopping" && view.stage !== "done";
  const before = running.view.stage;
  running.view = stopping ? { ...view, stage: "stopping" } : view;
  const turn = running;
  if (view.stage === "done") {
    running = null;
    save();
    announce(view.error ? view.error[language] : `${say("answer_of")} ${view.text || say("stopped")}`);
  } else if (view.stage !== before) announce(progress(running.view));
  const follow = atEnd();
  showTurn(turn);
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

function clear() {
  if (running) {
    stop();
    running.view = { ...running.view, stage: "done", stopped: true };
  }
  const before = turns;
  turns = [];
  running = editing = null;
  close(false);
  showTurns();
  note(say("cleared"), say("undo"), () => { turns = before; note(null); showTurns(); });
  $("#question").focus();
}

function note(text, label, action) {
  const line = $(".note"), choice = line.querySelector("button");
  line.hidden = !text;
  line.querySelector("span").textContent = text ?? "";
  choice.textContent = label ?? "";
  choice.onclick = action ?? null;
  if (text) announce(text);
}

function save() {
  try { sessionStorage.setItem("cocorico.turns", JSON.stringify(turns)); } catch { /* full: the page goes on, a reload forgets */ }
}

function grow() {
  const question = $("#question");
  question.style.height = "auto";
  question.style.height = `${Math.min(question.scrollHeight, innerHeight * 0.4)}px`;
}

const atEnd = () => { const area = $(".scroll"); return area.scrollHeight - area.scrollTop - area.clientHeight < 90; };
const toEnd = () => { const area = $(".scroll"); area.scrollTop = area.scrollHeight; };

// --- the conversation ------------------------------------------------------------------------------------------------

function showTurns() {
  $(".turns").replaceChildren(...turns.map(turnElement));
  $(".empty").hidden = turns.length > 0;
  $("[data-do=clear]").hidden = !turns.length;
  showComposer();
  save();
}

function showTurn(turn) {
  const old = page.querySelector(`[data-turn="${turn.id}"]`);
  if (!old) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const fresh = turnElement(turn);
  old.replaceWith(fresh);
  if (focused) fresh.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
}

function showComposer() {
  const send = $(".send"), busy = running !== null;
  send.classList.toggle("busy", busy);
  send.setAttribute("aria-label", say(busy ? "stop" : "send"));
  send.title = say(busy ? "stop" : "send");
  for (const edit of page.querySelectorAll("[data-key=edit]")) edit.disabled = busy;
}

const progress = view => view.stage === "reading" ? sayCount("reading", view.passages.length) : say(view.stage);

function turnElement(turn) {
  const at = turns.indexOf(turn), view = turn.view, done = view.stage === "done", citations = numbered(view);
  return h("li", { "data-turn": turn.id, class: "turn" },
    h("div", { class: "question" },
      h("p", {}, h("span", { class: "unseen" }, say("you_asked") + " "), spaced(turn.question)),
      button(say("edit"), () => edit(at), { class: "quiet", "data-key": "edit" })),
    h("article", { class: view.refused ? "answer refused" : "answer", lang: view.language },
      view.refused ? h("p", { class: "badge", lang: language }, say("refused")) : null,
      view.text ? h("div", { class: "prose" }, prose(turn, citations)) : null,
      done && view.error ? h("p", { class: "error", role: "alert", lang: language }, view.error[language]) : null,
      done && view.stopped && !view.error ? h("p", { class: "aside", lang: language }, say("stopped")) : null,
      done ? null : h("p", { class: "progress", lang: language }, progress(view))),
    done ? footer(turn, at, citations) : null);
}

// The citations of an answer, each source sentence once, numbered in the order in which the answer uses them.
function numbered(view) {
  const list = new Map();
  for (const sentence of view.sentences ?? []) {
    for (const citation of sentence.citations) {
      const key = JSON.stringify([citation.document, citation.start, citation.end]);
      if (!list.has(key)) list.set(key, { ...citation, number: list.size + 1, key });
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
    if (supported) for (const citation of ofSentence(sentence, citations)) parts.push(citeButton(turn, citation, citations));
    else parts.push(button("?", null, { class: "cite doubt", "aria-label": say("unsupported"), "data-preview": "", "data-key": `doubt${at}` }));
    parts.push(body.slice(body.trimEnd().length));
    at = sentence.end;
  }
  return [...parts, ...inline(text.slice(units(text, at)))];
}

// The little Markdown that models write whatever they are told: **strong** and `code`; all else stays as written.
const inline = text => spaced(text).split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/).filter(Boolean).map(piece =>
  piece.length > 4 && piece.startsWith("**") ? h("strong", {}, piece.slice(2, -2))
    : piece.length > 2 && piece.startsWith("`") ? h("code", {}, piece.slice(1, -1)) : piece);

function citeButton(turn, citation, citations) {
  const list = [...citations.values()];
  return button(`${citation.number}`, event => open({ list, at: citation.number - 1, turn, opener: event.currentTarget.dataset.key }), {
    class: "cite", "data-key": `cite${citation.number}`, "data-preview": citation.text, "data-title": citation.title,
    "aria-label": say("cited", { number: citation.number, title: citation.title }), "aria-controls": "source",
  });
}

function footer(turn, at, citations) {
  const { passages = [], seconds, error } = turn.view, last = at === turns.length - 1;
  const read = passages.map((passage, place) => h("li", {}, button(excerpt(passage), () =>
    open({ list: passages, at: place, turn, opener: `passage${place}` }), { "data-key": `passage${place}`, title: passage.title })));
  const told = [sayCount("passages", passages.length), seconds ? say("seconds", { seconds: number(seconds, 1) }) : null];
  return h("div", { class: "under" },
    turn.view.text && !error ? button(say("copy"), event => copy(turn, citations, event.currentTarget), { class: "quiet", "data-key": "copy" }) : null,
    last ? button(say("retry"), () => ask(turn.question, at), { class: "quiet", "data-key": "retry" }) : null,
    read.length ? h("details", {}, h("summary", { "data-key": "read" }, told.filter(Boolean).join(" · ")), h("ol", {}, read)) : null);
}

const excerpt = passage => (passage.text.length > 110 ? `${passage.text.slice(0, 110).trimEnd()}…` : passage.text).replace(/\s+/g, " ");

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
    page.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  pressed.textContent = say("copied");
  announce(say("copied"));
  setTimeout(() => { pressed.textContent = say("copy"); }, 2500);
}

function preview(cite) {
  const box = $(".preview"), place = cite.getBoundingClientRect();
  const text = cite.dataset.preview;
  box.replaceChildren(...(text ? [h("strong", {}, spaced(cite.dataset.title)), h("p", {}, spaced(text))] : [h("p", {}, say("unsupported"))]));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(12, Math.min(place.left - 24, innerWidth - width - 12))}px`;
  box.style.top = `${place.top > height + 16 ? place.top - height - 8 : place.bottom + 8}px`;
  cite.setAttribute("aria-describedby", "preview");
}

function hidePreview() {
  $(".preview").hidden = true;
}

// --- the source ------------------------------------------------------------------------------------------------------

function open(what) {
  opened = what;
  hidePreview();
  page.classList.add("with-source");
  showSource();
  $(".bar h2").focus({ preventScroll: true });
}

function close(focus = true) {
  const opener = opened?.opener && page.querySelector(`[data-turn="${opened.turn.id}"] [data-key="${opened.opener}"]`);
  const was = page.classList.contains("with-source");
  opened = null;
  page.classList.remove("with-source");
  showSource();
  if (focus && was) (opener || $("#question")).focus({ preventScroll: true });
}

function step(by) {
  if (!opened?.list) return;
  opened = { ...opened, at: Math.min(Math.max(opened.at + by, 0), opened.list.length - 1) };
  showSource();
}

async function showSource() {
  const area = $(".text"), title = $(".bar h2"), steps = $(".steps"), asked = opened;
  for (const cite of page.querySelectorAll(".cite[aria-current]")) cite.removeAttribute("aria-current");
  steps.hidden = !opened?.list || opened.list.length < 2;
  $(".close").hidden = !page.classList.contains("with-source");
  if (!opened) {
    title.textContent = say("documents");
    area.replaceChildren(...libraryElements());
    area.scrollTop = 0;
    return;
  }
  const citation = opened.list?.[opened.at], name = citation?.document ?? opened.name;
  if (opened.list) {
    steps.querySelector("span").textContent = say("place", { number: opened.at + 1, count: opened.list.length });
    // Not really disabled: a disabled button loses the keyboard, and with it Escape and the arrows.
    steps.querySelector("[data-do=previous]").setAttribute("aria-disabled", opened.at === 0);
    steps.querySelector("[data-do=next]").setAttribute("aria-disabled", opened.at === opened.list.length - 1);
    const marks = citation.number ? page.querySelectorAll(`[data-turn="${opened.turn.id}"] [data-key="cite${citation.number}"]`) : [];
    for (const mark of marks) mark.setAttribute("aria-current", "true");
  }
  title.textContent = spaced(citation?.title ?? library?.find(each => each.name === name)?.title ?? name);
  if (!sources.has(name)) {
    area.replaceChildren(h("p", { class: "aside" }, say("opening")));
    try { sources.set(name, await bridge.server.document(name)); } catch { return; }
    if (opened !== asked) return;
  }
  const source = sources.get(name);
  if (!source) { area.replaceChildren(...missing("source_gone", citation)); return; }
  title.textContent = spaced(source.title);
  const spans = (opened.list ?? []).filter(each => each.document === name).map(each => place(source.text, each));
  const chosen = citation ? place(source.text, citation) : null;
  const told = opened.turn && source.language !== opened.turn.view.language && texts[`in_${source.language}`];
  area.replaceChildren(
    ...(citation && !chosen ? missing("source_changed", citation) : []),
    ...(told ? [h("p", { class: "aside" }, told[language])] : []),
    h("div", { class: "document", lang: source.language }, paragraphs(source.text, spans.filter(Boolean), chosen)));
  const mark = area.querySelector("mark.chosen");
  if (mark) area.scrollTop = mark.getBoundingClientRect().top - area.getBoundingClientRect().top + area.scrollTop - area.clientHeight / 3;
  else area.scrollTop = 0;
}

// Where a citation lies now: at its place, else where its very words stand, else nowhere.
function place(text, citation) {
  const [start, end] = [units(text, citation.start), units(text, citation.end)];
  if (text.slice(start, end) === citation.text) return [start, end];
  const found = text.indexOf(citation.text);
  return found < 0 ? null : [found, found + citation.text.length];
}

const missing = (key, citation) => [
  h("p", { class: "aside" }, say(key)), citation ? h("blockquote", {}, citation.text) : null].filter(Boolean);

function libraryElements() {
  if (library === null) return [h("p", { class: "aside" }, say("documents_later"))];
  if (!library.length) return [h("p", { class: "aside" }, say("documents_none"))];
  const rows = library.map(each => h("li", {}, button(spaced(each.title), () => open({ name: each.name }), { lang: each.language }), h("span", {}, each.name)));
  return [h("p", {}, sayCount("documents", library.length)), h("ul", { class: "library" }, rows), h("p", { class: "aside" }, say("how"))];
}

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
