// Elements, texts, and spans of text. Text from people, documents and models enters the page as
// text nodes only; no HTML is ever built from it.

import { state } from "./state.js";

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value);
    }
  }
  element.append(...present(children.flat()));
  return element;
}

export const present = list => list.filter(each => each !== null && each !== undefined);
export const $ = selector => state.page.querySelector(selector);
export const $$ = selector => [...state.page.querySelectorAll(selector)];
export const button = (label, action, attributes = {}) =>
  h("button", { type: "button", onclick: action, ...attributes }, label);
export const aside = text => h("p", { class: "aside" }, text);

// --- texts in the page's language ---

export function say(key, values = {}) {
  const text = state.texts[key][state.language];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function sayCount(key, count, values = {}) {
  const plural = new Intl.PluralRules(state.language).select(count) === "one" ? "one" : "other";
  return say(`${key}_${plural}`, { count: number(count), ...values });
}

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(state.language, { maximumFractionDigits: digits }).format(value);

const region = () =>
  navigator.languages.find(each => each.startsWith(state.language)) ?? state.language;
export const date = seconds =>
  new Intl.DateTimeFormat(region(), { dateStyle: "medium", timeStyle: "short" })
    .format(seconds * 1000);
export const day = iso =>
  new Intl.DateTimeFormat(region(), { dateStyle: "long", timeZone: "UTC" }).format(new Date(iso));

// French typography has a no-break space before some signs; models, people and titles seldom
// write it. Only for display: the length stays the same.
export const spaced = text =>
  text.replace(/ (?=[;!?»])|(?<=«) /g, "\u202f").replaceAll(" :", "\u00a0:");

export function announce(text) {
  $("[role=status]").textContent = text;
}

// One line above the question, with a button where there is something to do about it.
export function note(text, label, action) {
  const line = $(".note"), choice = line.querySelector("button");
  line.hidden = !text;
  line.querySelector("span").textContent = text ?? "";
  choice.hidden = !label;
  choice.textContent = label ?? "";
  choice.onclick = action ?? null;
  if (text) announce(text);
}

// --- spans ---

// The server counts code points, JavaScript UTF-16 units; they differ only beyond the first plane.
export const units = (text, points) =>
  /[\ud800-\udbff]/.test(text) ? Array.from(text).slice(0, points).join("").length : points;
export const cut = (text, start, end) => text.slice(units(text, start), units(text, end));
