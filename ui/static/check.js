// A text of the reader's own: what the documents say of each of its sentences.

import { announce, aside, button, h, present, say, spaced } from "./dom.js";
import * as panel from "./panel.js";
import * as sources from "./sources.js";
import { state, titleOf } from "./state.js";

let text = "", found = [], failure = null, running = null;
const level = { supported: "strong", contradicted: "unsure", not_found: "none" };

export function render(area) {
  const input = h("input", {
    type: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true",
    onchange: event => read(event.currentTarget.files[0]) });
  const written = h("textarea", {
    rows: 8, maxlength: 20000, "aria-label": say("check_text"), placeholder: say("check_text"),
    oninput: event => { text = event.currentTarget.value; } });
  written.value = text;
  area.replaceChildren(...present([
    aside(say("check_how")),
    h("div", { class: "checking" }, written, input,
      button(say(running ? "stop" : "check_go"), running ? stop : check, { class: "add" }),
      button(say("check_file"), () => input.click(), { class: "quiet" })),
    failure ? h("p", { class: "error", role: "alert" }, failure[state.language]) : null,
    h("ol", { class: "checked" }, found.map(sentence)),
    running ? aside(say("checking")) : null,
  ]));
}

function sentence(each) {
  const differs = each.differs.map(kind => say(`differs_${kind}`)).join(", ");
  return h("li", {},
    h("p", {}, spaced(each.text)),
    h("p", { class: `support ${level[each.verdict]}` }, h("span", { "aria-hidden": "true" }),
      say(`check_${each.verdict}`), differs ? ` · ${differs}` : null),
    each.sources.map((source, at) => h("blockquote", {}, spaced(source.text), " ",
      button(spaced(titleOf(source.document)), () => open(each.sources, at), { class: "quiet" }))));
}

const open = (list, at) => sources.open({ list, at, back: { kind: "check" } });

async function read(file) {
  if (!file) return;
  const answer = await fetch(`/cocorico/read/${encodeURIComponent(file.name)}`,
    { method: "PUT", body: file }).then(each => each.json()).catch(() => null);
  failure = answer ? answer.error ?? null : state.texts.interrupted;
  text = answer?.text ?? text;
  panel.render("check");
}

function stop() {
  running.abort();
}

// Sentences are shown as they come, one JSON object a line.
async function check() {
  const asked = running = new AbortController();
  [found, failure] = [[], null];
  panel.render("check");
  try {
    const answer = await fetch("/cocorico/api/check", {
      method: "POST", signal: asked.signal, headers: { "content-type": "application/json" },
      body: JSON.stringify({ text, documents: state.scope }) });
    if (answer.ok) await follow(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    else failure = (await answer.json()).error;
  } catch {
    if (!asked.signal.aborted) failure = state.texts.interrupted;
  }
  running = null;
  announce(failure ? failure[state.language] : say("check_done"));
  panel.render("check");
}

async function follow(reader) {
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    found.push(...lines.map(line => JSON.parse(line)));
    panel.render("check");
  }
}
