// The documents: the list, adding, replacing and removing them, and which of them are used.

import {
  $, announce, aside, button, h, note, number, present, say, sayCount, spaced,
} from "./dom.js";
import * as panel from "./panel.js";
import * as sources from "./sources.js";
import { emit, setScope, state } from "./state.js";
import * as upload from "./upload.js";
import * as web from "./web.js";

let server = { generation: null, reading: { active: false, failed: [] } };

export const isReading = () => server.reading.active || upload.queue.length > 0;

export function start() {
  upload.start({ progress: showProgress, replaced: undoable, sent: settle });
  upload.onDrop("aside", files => {
    panel.show({ kind: "documents" });
    upload.send(files);
  });
}

// Takes up where the server stands; lists the documents anew where they changed.
export async function follow(now) {
  const before = server;
  server = now;
  if (state.documents === null || now.generation !== before.generation) {
    state.documents = await state.server.documents("");
    sources.forget();
    emit("documents");
  } else if (now.reading.active || before.reading.active) showProgress();
  if (before.reading.active && !now.reading.active) {
    announce(say("read"));
    panel.render("documents");
  }
}

// Follows closely until all is read.
async function settle() {
  do {
    await follow(await state.server.state(""));
    await new Promise(done => setTimeout(done, 700));
  } while (server.reading.active);
}

function cancel() {
  upload.cancel();
  state.server.cancel("");
}

function undoable(text, kept) {
  note(text, say("undo"), async () => {
    const answer = await state.server.put_back(kept);
    note(answer.error?.[state.language] ?? null);
    settle();
  });
}

async function remove(entry) {
  const gone = state.documents.filter(each => each.source === entry.source).length;
  const answer = await state.server.remove(entry.source);
  if (answer.error) return note(answer.error[state.language]);
  state.documents = state.documents.filter(each => each.source !== entry.source);
  panel.render("documents");
  const name = entry.source;
  const text = gone > 1 ? sayCount("removed_many", gone, { name }) : say("removed", { name });
  undoable(text, answer.kept);
  $(".bar h2").focus({ preventScroll: true });
  settle();
}

// --- what the panel shows ---

export function render(area) {
  if (state.documents === null) return area.replaceChildren(aside(say("documents_later")));
  const active = area.contains(document.activeElement) ? document.activeElement : null;
  const label = active?.getAttribute("aria-label");
  const failed = [...upload.problems(), ...server.reading.failed.map(each => each.error)];
  area.replaceChildren(...present([
    adding(),
    server.web ? web.addingPage(settle) : null,
    h("div", { class: "reading", hidden: true }, h("p", {}),
      h("progress", { "aria-label": say("reading_files") }), button(say("cancel"), cancel)),
    ...failed.map(error => h("p", { class: "error" }, error[state.language])),
    counted(),
    state.documents.length > 1 ? choosing() : null,
    h("ul", { class: "library" }, state.documents.map(row)),
    state.documents.length
      ? h("div", { class: "doings" },
        button(say("check"), () => panel.show({ kind: "check" }), { class: "add" }),
        state.documents.length > 1
          ? button(say("compare"), () => panel.show({ kind: "compare" }), { class: "add" }) : null,
        button(say("dossier"), () => panel.show({ kind: "dossier" }), { class: "add" }),
        button(say("map"), () => panel.show({ kind: "map" }), { class: "add" })) : null,
    aside(say("how")),
  ]));
  const same = each => each.getAttribute("aria-label") === label;
  if (label) [...area.querySelectorAll("[aria-label]")].find(same)?.focus({ preventScroll: true });
  showProgress();
}

const hiddenInput = (chosen, attributes = {}) => h("input", {
  type: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true", ...attributes,
  onchange: event => chosen([...event.currentTarget.files]) });

function adding() {
  const input = hiddenInput(files => upload.send(files), { multiple: true });
  return h("div", { class: "adding" }, input,
    button(say("add"), () => input.click(), { class: "add" }), h("span", {}, say("drop")));
}

function counted() {
  const count = state.documents.length;
  return h("p", { class: "count" }, count ? sayCount("documents", count) : say("documents_none"),
    state.scope ? button(say("use_all"), () => setScope(null), { class: "quiet" }) : null);
}

// Documents chosen in words, see rag/scope.py.
function choosing() {
  return h("input", {
    class: "search", type: "search", placeholder: say("choose"), "aria-label": say("choose"),
    onchange: async event => {
      const words = event.currentTarget.value.trim();
      const answer = words ? await state.server.scope(words) : { names: null };
      if (answer.error) note(answer.error[state.language]);
      else setScope(answer.names);
    } });
}

function row(entry) {
  const { name, title, source, language } = entry;
  const used = state.scope === null || state.scope.includes(name);
  const replacing = hiddenInput(files => upload.send(files, source));
  const about = [name, say(`in_${language}`), entry.pages ? sayCount("pages", entry.pages) : null,
    sayCount("passages_of", entry.passages)];
  return h("li", { class: used ? null : "unused" },
    h("input", { type: "checkbox", checked: used, "aria-label": say("use", { title }),
      onchange: event => toggle(entry, event.currentTarget.checked) }),
    button(spaced(title || name), () => sources.open({ name }), { class: "title", lang: language }),
    h("span", {}, present(about).join(" · ")),
    web.pageOf(entry),
    h("div", { class: "doings" }, replacing,
      server.web ? web.refreshing(entry, undoable, settle) : null,
      button(say("replace"), () => replacing.click(),
        { "aria-label": say("replace_named", { title }) }),
      button(say("remove"), () => remove(entry),
        { "aria-label": say("remove_named", { title }) })),
    entry.unread?.length ? h("p", { class: "aside" },
      entry.unread.map(note => note[state.language]).join(" ")) : null);
}

function toggle(entry, use) {
  const names = new Set(state.scope ?? state.documents.map(each => each.name));
  if (use) names.add(entry.name);
  else names.delete(entry.name);
  setScope(state.documents.every(each => names.has(each.name)) ? null : [...names]);
}

// The line above the question where a conversation uses some of the documents only.
export function showScope() {
  const line = $(".scope"), { scope, documents } = state;
  line.hidden = scope === null || state.attached.length > 0;
  if (line.hidden) return;
  line.textContent = sayCount("scope", scope.length,
    { total: number(documents?.length ?? scope.length) });
}

function showProgress() {
  const line = $(".reading"), { step } = server.reading, sent = upload.queue[0];
  if (!line) return;
  line.hidden = !isReading();
  if (line.hidden) return;
  const bar = line.querySelector("progress"), left = step?.seconds_left;
  const parts = sent ? [say("sending"), sent.name]
    : [say("reading_files"), step?.document, left ? remaining(left) : null];
  line.querySelector("p").textContent = parts.filter(Boolean).join(" · ");
  if (sent) [bar.max, bar.value] = [1, sent.share];
  else if (step?.total) [bar.max, bar.value] = [step.total, step.done];
  else bar.removeAttribute("value");
}

const remaining = seconds => seconds < 90
  ? sayCount("seconds_left", Math.max(1, Math.round(seconds)))
  : sayCount("minutes_left", Math.round(seconds / 60));
