// Files of this conversation alone: chosen or dropped on it, shown above the question, removed.

import { $, announce, button, h, note, present, say, sayCount, spaced } from "./dom.js";
import { setAttached, state } from "./state.js";
import { onDrop } from "./upload.js";

let reading = "";            // the name of the file that is being read

export function start() {
  onDrop("main", add);
}

export function choose() {
  h("input", { type: "file", multiple: true,
    onchange: event => add([...event.currentTarget.files]) }).click();
}

async function add(files) {
  const problems = [];
  state.attaching = true;
  for (const file of files) {
    reading = file.name;
    show();
    const { conversation } = state;
    const address = `/cocorico/attach/${encodeURIComponent(file.name)}`;
    const answer = await fetch(`${address}?${new URLSearchParams({ conversation })}`,
      { method: "PUT", body: file }).then(each => each.json()).catch(() => null);
    if (state.conversation !== conversation) continue;      // another one was opened meanwhile
    if (answer?.attached) taken(answer);
    else problems.push((answer?.error ?? state.texts.not_sent)[state.language]);
  }
  reading = "";
  state.attaching = false;
  show();
  note(problems.join(" ") || null);
  $("#question").focus({ preventScroll: true });
}

function taken({ conversation, attached }) {
  state.conversation = conversation;
  history.replaceState(null, "", `#c=${conversation}`);
  setAttached(attached);
  announce(sayCount("attached_only", attached.length));
}

async function remove({ name }) {
  setAttached(await state.server.detach({ conversation: state.conversation, name }));
  announce(say("detached", { name }));
  $("#question").focus({ preventScroll: true });
}

export function show() {
  const { attached } = state, place = $(".attached");
  place.hidden = !attached.length && !reading;
  const chip = file => h("li", {}, h("span", {}, spaced(file.title)),
    button("×", () => remove(file), { "aria-label": say("detach", { title: file.title }) }));
  const busy = reading && h("li", { class: "busy" }, `${say("reading_files")} · ${reading}`);
  place.querySelector("ul").replaceChildren(...present([...attached.map(chip), busy || null]));
  place.querySelector("p").textContent =
    attached.length ? sayCount("attached_only", attached.length) : "";
}
