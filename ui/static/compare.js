// Documents compared: which ones, by what; the table comes as an answer of the conversation.

import * as chat from "./chat.js";
import { aside, button, h, say, spaced } from "./dom.js";
import * as panel from "./panel.js";
import { state, titleOf } from "./state.js";

const MOST = 6;
let chosen = null, aspects = "";

export function render(area) {
  const documents = state.documents ?? [];
  chosen ??= new Set(state.scope ?? (documents.length <= MOST ? documents.map(named) : []));
  const go = button(say("compare_go"), compare, { class: "add" });
  const check = () => { go.disabled = chosen.size < 2 || chosen.size > MOST; };
  const line = ({ name, title }) => h("li", {}, h("label", {},
    h("input", { type: "checkbox", checked: chosen.has(name), onchange: event => {
      if (event.currentTarget.checked) chosen.add(name);
      else chosen.delete(name);
      check();
    } }), spaced(title || name)));
  const written = h("textarea", { rows: 3, maxlength: 1000, "aria-label": say("compare_aspects"),
    placeholder: say("compare_aspects"),
    oninput: event => { aspects = event.currentTarget.value; } });
  written.value = aspects;
  check();
  area.replaceChildren(aside(say("compare_how", { most: MOST })),
    h("ul", { class: "choosing" }, documents.map(line)),
    h("div", { class: "checking" }, written, go));
}

const named = ({ name }) => name;

function compare() {
  const documents = [...chosen].filter(name => state.documents.some(each => each.name === name));
  const named = aspects.split(/[\n;,]/).map(each => each.trim()).filter(Boolean).slice(0, MOST);
  const list = new Intl.ListFormat(state.language), { language } = state;
  const titles = list.format(documents.map(titleOf));
  const question = named.length ? say("compare_by", { titles, aspects: list.format(named) })
    : say("compare_all", { titles });
  panel.close();
  chat.ask(question, state.turns.length, { documents, aspects: named, language });
}
