// The documents: what there is, adding, replacing and removing them, and which of them this conversation may use.

import { $, announce, app, button, h, note, number, say, sayCount, spaced } from "./dom.js";
import * as panel from "./sources.js";

let documents = null;    // from the server, once known
let allowed = null;      // names that this conversation may use, or null for all
let state = { generation: null, reading: { active: false, failed: [] } };
const sending = [];      // files on their way: {name, share}
let problems = [];       // why files weren't taken, in both languages

export const chosen = () => allowed;
export const reading = () => state.reading.active || sending.length > 0;
export const titleOf = name => documents?.find(each => each.name === name)?.title ?? name;

export function choose(names) {
  allowed = names;
  showScope();
  panel.render("documents");
}

export async function follow(now) {
  const before = state;
  state = now;
  if (documents === null || now.generation !== before.generation) {
    documents = await app.server.documents("");
    panel.forget();
  } else if (now.reading.active || before.reading.active) showProgress();
  if (before.reading.active && !now.reading.active) { announce(say("read")); panel.render("documents"); }
}

export function listen() {
  const area = app.page, over = on => area.classList.toggle("dropping", on);
  area.addEventListener("dragover", event => { if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); over(true); } });
  area.addEventListener("dragleave", event => { if (!event.relatedTarget) over(false); });
  area.addEventListener("drop", async event => {
    event.preventDefault();
    over(false);
    const entries = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
    panel.show({ kind: "documents" });
    send(entries.length ? (await Promise.all(entries.map(inside))).flat() : [...event.dataTransfer.files]);
  });
}

// The files of a dropped entry; those of a folder know their path in it.
async function inside(entry) {
  if (entry.isFile) return [Object.assign(await new Promise((done, failed) => entry.file(done, failed)), { path: entry.fullPath.slice(1) })];
  const reader = entry.createReader(), found = [];
  for (let some; (some = await new Promise((done, failed) => reader.readEntries(done, failed))).length;) found.push(...some);
  return (await Promise.all(found.map(inside))).flat();
}

async function send(files, replaces = "") {
  problems = [];
  sending.push(...files.map(file => ({ file, name: replaces || file.path || file.webkitRelativePath || file.name, share: 0, replace: replaces !== "" })));
  if (sending.length > files.length) return;     // the loop below is at work already
  while (sending.length) {
    const answer = await put(sending[0]);
    if (answer.error) problems.push(answer.error);
    else if (answer.kept) undoable(say("replaced", { name: answer.name }), answer.kept);
    sending.shift();
    panel.render("documents");
  }
  if (problems.length) announce(problems.map(each => each[app.language]).join(" "));
  settle();
}

// Follows closely until all is read.
async function settle() {
  do {
    await follow(await app.server.state(""));
    await new Promise(done => setTimeout(done, 700));
  } while (state.reading.active);
}

// XMLHttpRequest tells how much was sent; fetch doesn't.
const put = item => new Promise(done => {
  const request = new XMLHttpRequest();
  item.request = request;
  request.upload.onprogress = event => { item.share = event.loaded / event.total; showProgress(); };
  request.onloadend = () => {
    try { done(JSON.parse(request.responseText)); }
    catch { done({ error: app.texts[request.status ? "not_taken" : "not_sent"] }); }
  };
  request.open("PUT", `/cocorico/library/${item.name.split("/").map(encodeURIComponent).join("/")}${item.replace ? "?replace=true" : ""}`);
  request.send(item.file);
});

function cancel() {
  for (const item of sending.splice(1)) item.request?.abort();
  sending[0]?.request?.abort();
  app.server.cancel("");
}

function undoable(text, kept) {
  note(text, say("undo"), async () => {
    const answer = await app.server.put_back(kept);
    note(answer.error?.[app.language] ?? null);
    settle();
  });
}

async function remove(entry) {
  const gone = documents.filter(each => each.source === entry.source);
  const answer = await app.server.remove(entry.source);
  if (answer.error) return note(answer.error[app.language]);
  documents = documents.filter(each => each.source !== entry.source);
  panel.render("documents");
  undoable(gone.length > 1 ? sayCount("removed_many", gone.length, { name: entry.source }) : say("removed", { name: entry.source }), answer.kept);
  $(".bar h2").focus({ preventScroll: true });
  settle();
}

// --- what the panel shows --------------------------------------------------------------------------------------------

export function render(area) {
  if (documents === null) return area.replaceChildren(h("p", { class: "aside" }, say("documents_later")));
  const key = area.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  const rows = documents.map(row), failed = [...problems, ...state.reading.failed.map(each => each.error)];
  area.replaceChildren(...[
    adding(), h("div", { class: "reading", hidden: true }, h("p", {}), h("progress", { "aria-label": say("reading_files") }), button(say("cancel"), cancel)),
    ...failed.map(error => h("p", { class: "error" }, error[app.language])),
    h("p", { class: "count" }, documents.length ? sayCount("documents", documents.length) : say("documents_none"),
      allowed ? button(say("use_all"), () => choose(null), { class: "quiet" }) : null),
    h("ul", { class: "library" }, rows),
    documents.length ? button(say("map"), () => panel.show({ kind: "map" }), { class: "add" }) : null,
    h("p", { class: "aside" }, say("how"))].filter(Boolean));
  if (key) [...area.querySelectorAll("[aria-label]")].find(each => each.getAttribute("aria-label") === key)?.focus({ preventScroll: true });
  showProgress();
}

function adding() {
  const input = h("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-hidden": "true",
    onchange: event => send([...event.currentTarget.files]) });
  return h("div", { class: "adding" }, input, button(say("add"), () => input.click(), { class: "add" }), h("span", {}, say("drop")));
}

function row(entry) {
  const used = allowed === null || allowed.includes(entry.name);
  const replacing = h("input", { type: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true",
    onchange: event => send([...event.currentTarget.files], entry.source) });
  return h("li", { class: used ? null : "unused" },
    h("input", { type: "checkbox", checked: used, "aria-label": say("use", { title: entry.title }), onchange: event => toggle(entry, event.currentTarget.checked) }),
    button(spaced(entry.title || entry.name), () => panel.open({ name: entry.name }), { class: "title", lang: entry.language }),
    h("span", {}, [entry.name, say(`in_${entry.language}`), entry.pages ? sayCount("pages", entry.pages) : null,
      sayCount("passages_of", entry.passages)].filter(Boolean).join(" · ")),
    h("div", { class: "doings" }, replacing,
      button(say("replace"), () => replacing.click(), { "aria-label": say("replace_named", { title: entry.title }) }),
      button(say("remove"), () => remove(entry), { "aria-label": say("remove_named", { title: entry.title }) })));
}

function toggle(entry, use) {
  const names = new Set(allowed ?? documents.map(each => each.name));
  use ? names.add(entry.name) : names.delete(entry.name);
  choose(documents.every(each => names.has(each.name)) ? null : [...names]);
}

export function showScope() {
  const line = $(".scope");
  line.hidden = allowed === null;
  line.textContent = allowed === null ? "" : sayCount("scope", allowed.length, { total: number(documents?.length ?? allowed.length) });
}

function showProgress() {
  const line = $(".reading"), step = state.reading.step, sent = sending[0];
  if (!line) return;
  line.hidden = !reading();
  if (line.hidden) return;
  const bar = line.querySelector("progress"), left = step?.seconds_left;
  const told = sent ? [say("sending"), sent.name] : [say("reading_files"), step?.document, left ? remaining(left) : null];
  line.querySelector("p").textContent = told.filter(Boolean).join(" · ");
  if (sent) [bar.max, bar.value] = [1, sent.share];
  else if (step?.total) [bar.max, bar.value] = [step.total, step.done];
  else bar.removeAttribute("value");
}

const remaining = seconds => seconds < 90 ? sayCount("seconds_left", Math.max(1, Math.round(seconds))) : sayCount("minutes_left", Math.round(seconds / 60));
