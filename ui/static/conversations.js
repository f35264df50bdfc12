// The conversations that are kept: found by their words, opened, renamed, deleted for a while, exported.

import { $, app, button, date, h, note, say, sayCount, spaced } from "./dom.js";
import * as conversation from "./chat.js";
import * as panel from "./sources.js";

const TYPES = { markdown: "text/markdown", html: "text/html", json: "application/json" };
let words = "";

export function render(area) {
  const list = h("ul", { class: "library" });
  const search = h("input", {
    type: "search", class: "search", placeholder: say("search"), "aria-label": say("search"), value: words,
    oninput: event => { words = event.currentTarget.value; fill(list); } });
  area.replaceChildren(search, list);
  area.scrollTop = 0;
  fill(list);
}

async function fill(list) {
  const asked = words, found = await app.server.conversations(words).catch(() => null);
  if (asked !== words || !found) return;
  list.replaceChildren(...found.length ? found.map(row) : [h("li", { class: "aside" }, say(words ? "none_found" : "none_kept"))]);
}

function row(kept) {
  const told = [date(kept.changed), sayCount("turns", kept.turns)].join(" · ");
  return h("li", { class: "kept", "aria-current": kept.id === conversation.id() ? "true" : null },
    button(spaced(kept.title), () => { conversation.open(kept.id).then(() => panel.render("conversations")); }, { class: "title" }),
    h("span", {}, told),
    h("div", { class: "doings" },
      button(say("rename"), event => rename(kept, event.currentTarget.closest("li"))),
      h("span", { "aria-hidden": "true" }, say("exports")),
      ...Object.keys(TYPES).map(kind => button(say(`as_${kind}`), () => save(kept, kind), { "aria-label": say("export", { kind: say(`as_${kind}`) }) })),
      button(say("delete"), () => discard(kept), { "aria-label": say("delete_named", { title: kept.title }) })));
}

function rename(kept, line) {
  const input = h("input", { value: kept.title, maxlength: 120, "aria-label": say("title") });
  const done = async keep => {
    if (keep) await app.server.rename({ id: kept.id, title: input.value });
    panel.render("conversations");
    $(".bar h2").focus({ preventScroll: true });
  };
  input.addEventListener("keydown", event => {
    if (event.key === "Escape") { event.preventDefault(); done(false); }
    if (event.key === "Enter") done(true);
  });
  line.replaceChildren(input, h("div", { class: "doings" }, button(say("save"), () => done(true)), button(say("cancel"), () => done(false))));
  input.select();
}

async function discard(kept) {
  const current = kept.id === conversation.id();
  await app.server.discard({ id: kept.id });
  if (current) await conversation.open("");
  note(say("deleted"), say("undo"), async () => {
    await app.server.discard({ id: kept.id, undo: true });
    note(null);
    if (current) await conversation.open(kept.id);
    panel.render("conversations");
  });
  panel.render("conversations");
  $(".bar h2").focus({ preventScroll: true });
}

async function save(kept, kind) {
  const file = await app.server.export({ id: kept.id, kind, language: app.language });
  if (!file) return;
  const address = URL.createObjectURL(new Blob([file.text], { type: TYPES[kind] }));
  h("a", { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
