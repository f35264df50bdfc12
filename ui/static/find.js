// Words found within the open document: marked, counted, gone through. Marks are highlights of the
// browser's own, so that the text and what is cited in it stay as they are.

import { button, h, number, say } from "./dom.js";

// Without capitals and accents, unit for unit.
const plain = text => Array.from({ length: text.length },
  (_, at) => text[at].normalize("NFD")[0].toLowerCase()[0]).join("");

export function findElement(text) {
  let found = [], at = 0;
  const count = h("span", { "aria-live": "polite" });
  const input = h("input", {
    type: "search", class: "search", "aria-label": say("find"), placeholder: say("find"),
    oninput: () => {
      found = rangesOf(text, plain(input.value.trim()));
      go(0);
    },
    onkeydown: event => {
      if (event.key === "Enter") go(at + (event.shiftKey ? -1 : 1));
      if (event.key === "Escape" && input.value) {
        event.preventDefault();
        input.value = "";
        input.dispatchEvent(new Event("input"));
      }
    } });
  const step = (sign, label, by) =>
    button(sign, () => go(at + by), { "aria-label": say(label), disabled: true });
  const steps = [step("‹", "find_previous", -1), step("›", "find_next", 1)];

  function go(to) {
    at = found.length ? (to + found.length) % found.length : 0;
    mark(found, found[at]);
    for (const each of steps) each.disabled = !found.length;
    count.textContent = !input.value.trim() ? "" : found.length
      ? say("place", { number: number(at + 1), count: number(found.length) }) : say("find_none");
    found[at]?.startContainer.parentElement.scrollIntoView({ block: "center" });
  }
  mark([], null);
  return h("div", { class: "find" }, input, count, steps);
}

function mark(found, chosen) {
  if (!globalThis.CSS?.highlights) return;      // an old browser: counted and scrolled to only
  CSS.highlights.set("found", new Highlight(...found));
  CSS.highlights.set("found-at", new Highlight(...chosen ? [chosen] : []));
}

function rangesOf(text, wanted) {
  return wanted ? [...text.children].flatMap(paragraph => within(paragraph, wanted)) : [];
}

function within(paragraph, wanted) {
  const text = plain(paragraph.textContent), ranges = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const range = new Range();
    range.setStart(...placeOf(paragraph, at));
    range.setEnd(...placeOf(paragraph, at + wanted.length));
    ranges.push(range);
  }
  return ranges;
}

// The text node that holds this unit of a paragraph, and the place in it.
function placeOf(paragraph, at) {
  const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
  let node = walker.nextNode();
  for (; node.length < at; node = walker.nextNode()) at -= node.length;
  return [node, at];
}
