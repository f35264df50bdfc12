// What is put into the dossier: answers, sentences and passages, with what they cite.

import { $, announce, cut, note, say } from "./dom.js";
import * as panel from "./panel.js";
import { state } from "./state.js";

export const BACK = { kind: "dossier" };
export let kept = { title: "", items: [] };

const identifier = () => crypto.getRandomValues(new Uint32Array(2)).join("-");
const length = text => Array.from(text).length;      // in code points, as spans count

export async function load() {
  kept = await state.server.dossier("");
}

export const keep = () => state.server.keep_dossier(kept);

export const fresh = item => ({
  id: identifier(), text: "", sentences: [], documents: {}, conversation: "", standing: [],
  ...item });

async function add(...items) {
  await load();
  kept.items.push(...items.map(fresh));
  await keep();
  note(say("dossier_added"), say("dossier_open"), () => {
    note(null);
    panel.show(BACK);
  });
  panel.render("dossier");
}

const origin = turn => ({
  language: turn.view.language, documents: turn.view.documents ?? {},
  conversation: turn.view.attached ? turn.conversation ?? state.conversation : "" });

export function addAnswer(turn) {
  const { text, sentences } = turn.view;
  return add({ kind: "heading", text: turn.question },
    { kind: "said", text, sentences, ...origin(turn) });
}

export function addSentence(turn, sentence) {
  const text = cut(turn.view.text, sentence.start, sentence.end).trim();
  const own = { ...sentence, start: 0, end: length(text) };
  return add({ kind: "said", text, sentences: [own], ...origin(turn) });
}

// What is selected in the open document, else the sentence that is cited there.
export function addPassage(source, chosen, conversation) {
  const { name, title, language, digest } = source;
  const selected = getSelection().toString().trim().replace(/\s+/g, " ");
  const inside = selected && $(".text").contains(getSelection().anchorNode);
  const found = inside ? placeOf(source.text, selected) : chosen;
  if (!found) return announce(say("dossier_select"));
  const text = source.text.slice(...found), start = length(source.text.slice(0, found[0]));
  const citation = { document: name, title, start, end: start + length(text), text };
  return add({ kind: "passage", text, language, conversation,
    sentences: [{ start: 0, end: length(text), support: 1, citations: [citation] }],
    documents: { [name]: { language, digest } } });
}

// Where words stand in a text whatever the blanks between them, in UTF-16 units.
function placeOf(text, selected) {
  const words = selected.split(" ");
  for (let at = text.indexOf(words[0]); at >= 0; at = text.indexOf(words[0], at + 1)) {
    let end = at;
    const all = words.every(word => {
      end += text.slice(end).search(/\S/);
      const same = text.startsWith(word, end);
      end += word.length;
      return same;
    });
    if (all) return [at, end];
  }
  return null;
}
