// The page: puts its parts together, speaks the chosen language, and follows where the server stands.

import { $, app, announce, note, number, say } from "./dom.js";
import * as conversation from "./chat.js";
import * as panel from "./sources.js";
import * as library from "./documents.js";

let online = true;
let lastState = { stage: "starting", total: 0 };
let preview = null;

export async function start(element, given) {
  app.page = element.querySelector(".cocorico");
  app.server = given.server;
  app.texts = given.props.texts;
  app.language = localStorage.getItem("cocorico.language") ?? (navigator.language.startsWith("fr") ? "fr" : "en");
  conversation.start(given);
  given.watch("value", () => conversation.receive(given.props.value));
  listen();
  translate();
  followState();
  $("#question").focus({ preventScroll: true });
  await conversation.open(location.hash.match(/^#c=([\w-]+)$/)?.[1] ?? "");
}

function listen() {
  const actions = {
    fresh: conversation.fresh, conversations: () => panel.show({ kind: "conversations" }), library: () => panel.show({ kind: "documents" }),
    theme: switchTheme, close: panel.close, previous: () => panel.step(-1), next: () => panel.step(1),
  };
  app.page.addEventListener("click", event => {
    const chosen = event.target.closest("[data-do], [data-language]");
    if (!chosen) return;
    if (chosen.dataset.language) {
      app.language = chosen.dataset.language;
      localStorage.setItem("cocorico.language", app.language);
      translate();
    } else actions[chosen.dataset.do]?.();
  });
  $(".skip").addEventListener("click", event => { event.preventDefault(); $("#question").focus(); });
  app.page.addEventListener("keydown", event => {
    if (event.key === "Escape" && !event.defaultPrevented) preview ? hidePreview() : panel.close();
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.target.matches("input, textarea")) return;
    if (event.target.closest("aside")) panel.step(by);
    else if (event.target.matches(".cite")) {
      const cites = [...app.page.querySelectorAll(".cite")];
      cites[cites.indexOf(event.target) + by]?.focus();
    }
  });
  for (const [shown, hidden] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    app.page.addEventListener(shown, event => {
      const cite = event.target.closest(".cite");
      if (cite) showPreview(cite);
      else if (preview && !preview.isConnected) hidePreview();     // its turn was written anew
    });
    app.page.addEventListener(hidden, event => { if (event.target.closest(".cite")) hidePreview(); });
  }
  app.page.addEventListener("click", event => {
    const doubt = event.target.closest(".cite.none");     // there is no source to open: a tap shows why
    doubt ? showPreview(doubt) : hidePreview();
  });
  $(".scroll").addEventListener("scroll", hidePreview, { passive: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  library.listen();
}

// --- words -----------------------------------------------------------------------------------------------------------

function translate() {
  document.documentElement.lang = app.page.lang = app.language;     // Gradio may write its own choice on the document later
  for (const element of app.page.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of app.page.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  for (const element of app.page.querySelectorAll("[data-placeholder]")) element.placeholder = say(element.dataset.placeholder);
  for (const element of app.page.querySelectorAll("[data-language]")) element.setAttribute("aria-pressed", element.dataset.language === app.language);
  nameTheme();
  note(null);
  conversation.translate();
  panel.render();
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

function showPreview(cite) {
  const box = $(".preview"), place = cite.getBoundingClientRect();
  preview = cite;
  box.replaceChildren(...conversation.previewOf(cite));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(12, Math.min(place.left - 24, innerWidth - width - 12))}px`;
  box.style.top = `${place.top > height + 16 ? place.top - height - 8 : place.bottom + 8}px`;
  cite.setAttribute("aria-describedby", "preview");
}

function hidePreview() {
  $(".preview").hidden = true;
  preview?.removeAttribute("aria-describedby");
  preview = null;
}

// --- where the server stands -----------------------------------------------------------------------------------------

async function followState() {
  let now;
  try {
    now = await app.server.state("");
    if (!now?.stage) throw new Error("no state");
    if (!online) location.reload();     // the server that came back knows nothing of this page
    app.ready = now.stage === "ready";
    await library.follow(now);
  } catch {
    now = { stage: "offline" };
    online = false;
    conversation.lost();
  }
  showState(now);
  setTimeout(followState, !app.ready || library.reading() ? 700 : conversation.isRunning() ? 2000 : 10000);
}

function showState(now) {
  const line = $(".state"), bar = line.querySelector("progress");
  if (now.stage !== lastState.stage && now.stage === "offline") announce(say("offline"));
  lastState = now;
  line.hidden = now.stage === "ready";
  line.className = `state ${now.stage}`;
  if (line.hidden) return;
  const megabytes = bytes => number(bytes / 1e6);
  const how = now.stage === "fetching" ? ["bytes", megabytes] : ["steps", number];
  const place = now.total ? say(how[0], { done: how[1](now.done), total: how[1](now.total) }) : "";
  const text = now.error ? now.error[app.language] : [say(now.stage), [now.what, place].filter(Boolean).join(", ")].join(" ");
  line.querySelector("p").textContent = text;
  bar.hidden = !["starting", "fetching", "indexing", "loading"].includes(now.stage);
  bar.setAttribute("aria-label", say(app.texts[now.stage] ? now.stage : "loading"));
  if (now.total) { bar.max = now.total; bar.value = now.done; } else bar.removeAttribute("value");
}
