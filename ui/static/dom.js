// What every part of the page uses: its elements, its words, and spans of text.
// All text from people, documents and models enters the page as text nodes; no HTML is ever built from it.

export const app = { page: null, server: null, texts: null, language: "fr", ready: false };

export const h = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
};
export const $ = selector => app.page.querySelector(selector);
export const button = (label, action, attributes = {}) => h("button", { type: "button", onclick: action, ...attributes }, label);

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
export const say = (key, values = {}) => fill(app.texts[key][app.language], values);
export const sayCount = (key, count, values = {}) =>
  say(`${key}_${new Intl.PluralRules(app.language).select(count) === "one" ? "one" : "other"}`, { count: number(count), ...values });
export const number = (value, digits = 0) => new Intl.NumberFormat(app.language, { maximumFractionDigits: digits }).format(value);
const region = () => navigator.languages.find(each => each.startsWith(app.language)) ?? app.language;
export const date = seconds => new Intl.DateTimeFormat(region(), { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
export const day = iso => new Intl.DateTimeFormat(region(), { dateStyle: "long", timeZone: "UTC" }).format(new Date(iso));
// French sets a no-break space before some signs; models, people and titles seldom do. Only shown so, and of the same length.
export const spaced = text => text.replace(/ (?=[;!?»])|(?<=«) /g, "\u202f").replaceAll(" :", "\u00a0:");
export const announce = text => { $("[role=status]").textContent = text; };

// One line above the question, with something to do about it.
export function note(text, label, action) {
  const line = $(".note"), choice = line.querySelector("button");
  line.hidden = !text;
  line.querySelector("span").textContent = text ?? "";
  choice.hidden = !label;
  choice.textContent = label ?? "";
  choice.onclick = action ?? null;
  if (text) announce(text);
}

// Spans count code points; JavaScript counts UTF-16 units. They differ only where a text has characters beyond the first plane.
export const units = (text, points) => /[\ud800-\udbff]/.test(text) ? Array.from(text).slice(0, points).join("").length : points;
export const cut = (text, start, end) => text.slice(units(text, start), units(text, end));
