// What is kept, saved as a file of the reader's own.

import { button, h, say } from "./dom.js";
import { state } from "./state.js";

const TYPES = {
  word: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  markdown: "text/markdown", html: "text/html", json: "application/json", csv: "text/csv",
};
export const KINDS = ["word", "markdown", "html", "json"];

// Buttons that save as one of these kinds what `make` gives: {name} with `text` or `base64`.
export const saveButtons = (kinds, make, attributes = () => ({})) => kinds.map(kind => {
  const label = say(`as_${kind}`);
  const saving = async () => save(await make({ kind, language: state.language }), TYPES[kind]);
  return button(label, saving,
    { "aria-label": say("export", { kind: label }), ...attributes(kind) });
});

function save(file, type) {
  if (!file) return;
  const content = file.base64 ? Uint8Array.from(atob(file.base64), sign => sign.charCodeAt(0))
    : file.text;
  const address = URL.createObjectURL(new Blob([content], { type }));
  h("a", { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
