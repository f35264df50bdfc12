// The dossier: what was put together, in an order and with words of the reader's own; each citation
// opens at its sentence.

import { $, announce, aside, button, h, note, say, spaced } from "./dom.js";
import * as panel from "./panel.js";
import { BACK, fresh, keep, kept, load } from "./putting.js";
import { KINDS, saveButtons } from "./save.js";
import { state } from "./state.js";
import { numbered, written } from "./turn.js";

// --- the panel ---

export async function render(area) {
  const waiting = aside(say("opening"));
  if (!area.querySelector(".dossier")) area.replaceChildren(waiting);
  await load();
  if (waiting.isConnected || area.querySelector(".dossier")) fill(area);
}

function fill(area) {
  const title = field("input", kept, "title", { placeholder: say("dossier"), maxlength: 200 });
  const put = kind => async () => {
    kept.items.push(fresh({ kind }));
    await keep();
    fill(area);
    area.querySelector(".dossier > li:last-child :is(input, textarea)").focus();
  };
  area.replaceChildren(
    aside(say(kept.items.length ? "dossier_how" : "dossier_empty")),
    h("div", { class: "entitled" }, title),
    h("ol", { class: "dossier" }, kept.items.map((item, at) => row(item, at, area))),
    h("div", { class: "doings" }, button(say("dossier_heading"), put("heading")),
      button(say("dossier_own"), put("own"))),
    h("div", { class: "doings" }, h("span", { "aria-hidden": "true" }, say("exports")),
      saveButtons(KINDS, state.server.export_dossier)));
}

function field(tag, holder, name, attributes) {
  const element = h(tag, { "aria-label": attributes.placeholder, ...attributes,
    onchange: event => {
      holder[name] = event.currentTarget.value;
      keep();
    } });
  element.value = holder[name];
  return element;
}

function row(item, at, area) {
  const move = by => async () => {
    kept.items.splice(at, 1);
    kept.items.splice(at + by, 0, item);
    await keep();
    fill(area);
    announce(say("place", { number: at + by + 1, count: kept.items.length }));
    const moved = area.querySelectorAll(".dossier > li")[at + by];
    moved.querySelector(`[data-by="${by}"]:not(:disabled), button`).focus();
  };
  const step = (sign, key, by, last) =>
    button(sign, move(by), { "aria-label": say(key), "data-by": by, disabled: at === last });
  return h("li", { "data-turn": item.id, class: item.kind }, content(item),
    item.standing.map(each => aside(say(`dossier_${each.state}`, { title: each.title }))),
    h("div", { class: "doings" },
      step("↑", "dossier_up", -1, 0), step("↓", "dossier_down", 1, kept.items.length - 1),
      button(say("dossier_remove"), () => remove(item, at, area))));
}

function content(item) {
  if (item.kind === "heading") {
    return field("input", item, "text", { placeholder: say("dossier_heading") });
  }
  if (item.kind === "own") {
    return field("textarea", item, "text",
      { placeholder: say("dossier_own"), rows: 3, maxlength: 20000 });
  }
  const view = { ...item, attached: item.conversation !== "" };
  const turn = { id: item.id, view, conversation: item.conversation, back: BACK };
  const tag = item.kind === "passage" ? "blockquote" : "div";
  return h("div", { class: "answer" },
    h(tag, { class: "prose", lang: item.language }, written(turn, numbered(view))));
}

async function remove(item, at, area) {
  kept.items.splice(at, 1);
  await keep();
  fill(area);
  const text = spaced(item.text.length > 60 ? `${item.text.slice(0, 60)}…` : item.text);
  note(say("dossier_removed", { text }), say("undo"), async () => {
    note(null);
    kept.items.splice(at, 0, item);
    await keep();
    panel.render("dossier");
  });
  $(".bar h2").focus({ preventScroll: true });
}
