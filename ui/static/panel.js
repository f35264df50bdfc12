// The panel beside the conversation. What it can show is registered by kind: a source, the
// documents, the conversations, the map.

import { $, $$, announce, say } from "./dom.js";
import { state } from "./state.js";

const views = {};
// {kind} and, for a source, {name} or {list, at, turn, opener, support}.
let opened = { kind: "documents" };

export const isOpen = what => opened === what;

export function register(kind, render) {
  views[kind] = render;
}

export function show(what) {
  opened = what;
  state.page.classList.add("with-panel");
  render();
  $(".bar h2").focus({ preventScroll: true });
}

export function close() {
  if (opened.back) return show(opened.back);
  const { turn, opener } = opened, wasOpen = state.page.classList.contains("with-panel");
  opened = { kind: "documents" };
  state.page.classList.remove("with-panel");
  render();
  const back = opener && $(`[data-turn="${turn.id}"] [data-key="${opener}"]`);
  if (wasOpen) (back || $("#question")).focus({ preventScroll: true });
}

// To the previous or next entry of the list that is open.
export function step(by) {
  const at = (opened.at ?? 0) + by;
  if (!opened.list?.[at]) return;
  opened = { ...opened, at, support: opened.list[at].support };
  render();
  const place = say("place", { number: at + 1, count: opened.list.length });
  announce(`${place}: ${opened.list[at].text}`);
}

// Renders the panel anew; with a kind, only where that kind is shown.
export function render(kind = opened.kind) {
  if (kind !== opened.kind) return;
  const { list, at } = opened;
  for (const cite of $$(".cite[aria-current]")) cite.removeAttribute("aria-current");
  $(".close").hidden = !state.page.classList.contains("with-panel");
  $(".steps").hidden = !list || list.length < 2;
  if (list) showPlace(list, at);
  if (kind !== "source") $(".bar h2").textContent = say(kind);
  views[kind]($(".text"), opened);
}

function showPlace(list, at) {
  const steps = $(".steps");
  steps.querySelector("span").textContent = say("place", { number: at + 1, count: list.length });
  // aria-disabled, not disabled: a disabled button loses focus, and Escape and arrows with it.
  steps.querySelector("[data-do=previous]").setAttribute("aria-disabled", at === 0);
  steps.querySelector("[data-do=next]").setAttribute("aria-disabled", at === list.length - 1);
}
