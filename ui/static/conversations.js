// The conversations that are kept: searched, opened, renamed, deleted for a while, exported.

import * as chat from "./chat.js";
import { $, button, date, h, note, say, sayCount, spaced } from "./dom.js";
import * as panel from "./panel.js";
import { KINDS, saveButtons } from "./save.js";
import { state } from "./state.js";

let words = "";

export function render(area) {
  const list = h("ul", { class: "library" });
  const search = h("input", {
    type: "search", class: "search", value: words,
    placeholder: say("search"), "aria-label": say("search"),
    oninput: event => {
      words = event.currentTarget.value;
      fill(list);
    } });
  area.replaceChildren(search, list);
  area.scrollTop = 0;
  fill(list);
}

async function fill(list) {
  const asked = words, found = await state.server.conversations(words).catch(() => null);
  if (asked !== words || !found) return;
  const none = () => h("li", { class: "aside" }, say(words ? "none_found" : "none_kept"));
  list.replaceChildren(...found.length ? found.map(row) : [none()]);
}

function row(kept) {
  const about = [date(kept.changed), sayCount("turns", kept.turns)].join(" · ");
  const exports = saveButtons(KINDS, chosen => state.server.export({ id: kept.id, ...chosen }));
  const open = () => chat.open(kept.id).then(() => panel.render("conversations"));
  return h("li", { class: "kept", "aria-current": kept.id === state.conversation ? "true" : null },
    button(spaced(kept.title), open, { class: "title" }),
    h("span", {}, about),
    h("div", { class: "doings" },
      button(say("rename"), event => rename(kept, event.currentTarget.closest("li"))),
      h("span", { "aria-hidden": "true" }, say("exports")), ...exports,
      button(say("delete"), () => discard(kept),
        { "aria-label": say("delete_named", { title: kept.title }) })));
}

function refresh() {
  panel.render("conversations");
  $(".bar h2").focus({ preventScroll: true });
}

function rename(kept, line) {
  const input = h("input", { value: kept.title, maxlength: 120, "aria-label": say("title") });
  const save = async () => {
    await state.server.rename({ id: kept.id, title: input.value });
    refresh();
  };
  input.addEventListener("keydown", event => {
    if (event.key === "Enter") save();
    if (event.key !== "Escape") return;
    event.preventDefault();
    refresh();
  });
  line.replaceChildren(input,
    h("div", { class: "doings" }, button(say("save"), save), button(say("cancel"), refresh)));
  input.select();
}

async function discard(kept) {
  const current = kept.id === state.conversation;
  await state.server.discard({ id: kept.id });
  if (current) await chat.open("");
  note(say("deleted"), say("undo"), async () => {
    await state.server.discard({ id: kept.id, undo: true });
    note(null);
    if (current) await chat.open(kept.id);
    panel.render("conversations");
  });
  refresh();
}
