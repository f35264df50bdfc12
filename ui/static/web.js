// Web pages by their address: fetched by the server on the reader's word, refreshed, and compared.

import { announce, aside, button, day, h, note, say, spaced } from "./dom.js";
import * as panel from "./panel.js";
import { state } from "./state.js";

const shown = address => /^https?:/.test(address);

// A line to add a page, where the server fetches any; `done` follows the reading.
export function addingPage(done) {
  const input = h("input", { type: "url", class: "search", "aria-label": say("web_address"),
    placeholder: say("web_address"), autocomplete: "off",
    onkeydown: event => { if (event.key === "Enter") ask(); } });
  const ask = async () => {
    if (!input.value.trim()) return input.focus();
    const answer = await asking(() => state.server.page(input.value));
    if (!answer) return;
    input.value = "";
    if (answer.changes) tell(answer, answer.name, done);
    done();
  };
  return h("div", { class: "web" }, input, button(say("web_add"), ask, { class: "quiet" }));
}

// What the server answers; an error is said in the line above the question.
async function asking(call) {
  note(say("web_asking"));
  const answer = await call().catch(() => ({ error: state.texts.not_sent }));
  note(answer.error?.[state.language] ?? null);
  return answer.error ? null : answer;
}

export function pageOf({ address, fetched }) {
  if (!address || !shown(address)) return null;
  const link = h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, address);
  return h("p", { class: "page-of" }, `${say("web_from", { date: day(fetched) })} `, link);
}

export function refreshing(entry, undoable, done) {
  if (!entry.address) return null;
  const { title, source } = entry;
  return button(say("web_refresh"), async () => {
    const answer = await asking(() => state.server.refresh(source));
    if (answer) tell(answer, title, done, undoable);
    done();
  }, { "aria-label": say("web_refresh_named", { title }) });
}

function tell({ changes, since, kept }, title, done, undoable) {
  if (!changes.length) return note(say("web_same", { title, date: day(since) }));
  panel.show({ kind: "changes", changes, since, title });
  if (kept && undoable) undoable(say("replaced", { name: title }), kept);
}

export function render(area, { changes, since, title }) {
  const line = ([sign, text]) => h("li", {},
    h("span", { class: "unseen" }, `${say(sign === "-" ? "changes_gone" : "changes_new")} : `),
    h(sign === "-" ? "del" : "ins", {}, spaced(text)));
  area.replaceChildren(aside(say("changes_since", { title, date: day(since) })),
    h("ul", { class: "changes" }, changes.map(line)));
  announce(say("changes"));
}
