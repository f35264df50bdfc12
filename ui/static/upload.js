// Files on their way into the library: chosen or dropped, sent one after the other.

import { announce, say } from "./dom.js";
import * as panel from "./panel.js";
import { state } from "./state.js";

// {file, name, share, replace, request, cancelled}; the first is being sent.
export const queue = [];
let refused = [];             // why files weren't taken, in both languages
let listener;                 // {progress, replaced, sent}

export const problems = () => refused;

export function start(given) {
  listener = given;
  const page = state.page, mark = on => page.classList.toggle("dropping", on);
  page.addEventListener("dragover", event => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    mark(true);
  });
  page.addEventListener("dragleave", event => { if (!event.relatedTarget) mark(false); });
  page.addEventListener("drop", async event => {
    event.preventDefault();
    mark(false);
    const items = [...event.dataTransfer.items], files = [...event.dataTransfer.files];
    const entries = items.map(item => item.webkitGetAsEntry?.()).filter(Boolean);
    const main = page.querySelector("main");      // Gradio has one around all
    const take = main.contains(event.target) ? taking.main : taking.aside;
    take(entries.length ? (await Promise.all(entries.map(filesOf))).flat() : files);
  });
}

const taking = {};            // what becomes of files dropped on a part of the page

export function onDrop(part, take) {
  taking[part] = take;
}

// The files of a dropped entry; those of a folder carry their path in it.
async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [Object.assign(file, { path: entry.fullPath.slice(1) })];
  }
  const reader = entry.createReader(), entries = [];
  const next = () => new Promise((done, failed) => reader.readEntries(done, failed));
  for (let some = await next(); some.length; some = await next()) entries.push(...some);
  return (await Promise.all(entries.map(filesOf))).flat();
}

export async function send(files, replaces = "") {
  refused = [];
  queue.push(...files.map(file => ({
    file, name: replaces || file.path || file.webkitRelativePath || file.name,
    share: 0, replace: replaces !== "" })));
  if (queue.length > files.length) return;      // the loop below is at work already
  while (queue.length) {
    const answer = await put(queue[0]);
    if (answer.error) refused.push(answer.error);
    else if (answer.kept) listener.replaced(say("replaced", { name: answer.name }), answer.kept);
    queue.shift();
    panel.render("documents");
  }
  if (refused.length) announce(refused.map(each => each[state.language]).join(" "));
  listener.sent();
}

export function cancel() {
  queue.splice(1);
  if (!queue.length) return;
  queue[0].cancelled = true;
  queue[0].request.abort();
}

// XMLHttpRequest reports how much was sent; fetch doesn't.
const put = item => new Promise(done => {
  const request = item.request = new XMLHttpRequest();
  request.upload.onprogress = event => {
    item.share = event.loaded / event.total;
    listener.progress();
  };
  request.onloadend = () => done(item.cancelled ? {} : answerOf(request));
  const path = item.name.split("/").map(encodeURIComponent).join("/");
  request.open("PUT", `/cocorico/library/${path}${item.replace ? "?replace=true" : ""}`);
  request.send(item.file);
});

function answerOf(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return { error: state.texts[request.status ? "not_taken" : "not_sent"] };
  }
}
