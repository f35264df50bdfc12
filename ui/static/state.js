// The page's state, in one place, and who is called when a part of it changes.

export const state = {
  page: null,           // the element that holds the whole page
  server: null,         // the server's functions, see ui/page_api.py
  texts: null,          // {key: {fr, en}}
  examples: [],         // [language, question] to begin with
  language: "fr",
  ready: false,         // whether the server can answer
  conversation: "",     // its id, once the server has one
  turns: [],            // {id, question, view, rating, reason}, oldest first
  running: null,        // the turn that is being answered
  attaching: false,     // whether a file is being read for it
  attached: [],         // {name, title} of the conversation's own files, which it answers from
  documents: null,      // as the server lists them, once known
  scope: null,          // names of the documents that this conversation may use, null for all
};

const listeners = {};

export function on(event, listener) {
  (listeners[event] ??= []).push(listener);
}

export function emit(event) {
  for (const listener of listeners[event] ?? []) listener();
}

export function setScope(names) {
  state.scope = names;
  emit("scope");
}

export function setAttached(files) {
  state.attached = files;
  emit("attached");
}

export const titleOf = name => state.documents?.find(each => each.name === name)?.title ?? name;
