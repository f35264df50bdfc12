// The library as a picture: each chunk a point, coloured by document, with the last question.

import { announce, aside, h, number, present, say, spaced } from "./dom.js";
import * as sources from "./sources.js";
import { state, titleOf } from "./state.js";

const SIZE = 400, EDGE = 14, COLOURS = 8, MOST_NAMED = 24;
const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const scale = share => EDGE + share * (SIZE - 2 * EDGE);

export async function render(area) {
  const turn = state.turns.findLast(each => each.view.passages?.length);
  const waiting = aside(say("opening"));
  area.replaceChildren(waiting);
  const found = await state.server.map_of(turn?.question ?? "").catch(() => null);
  if (!waiting.isConnected) return;      // something else is shown by now
  if (!found?.points.length) return area.replaceChildren(aside(say("map_few")));
  const drawn = shape("svg", {
    viewBox: `0 0 ${SIZE} ${SIZE}`, class: "map", role: "application", tabindex: "0",
    "aria-label": say("map") });
  const circles = found.points.map(point => circleOf(point, found, turn));
  drawn.append(...circles);
  if (found.question) drawn.append(questionMark(found.question, turn));
  listenToArrows(drawn, circles, found);
  const shown = found.points.length, part = { shown: number(shown), count: number(found.all) };
  area.replaceChildren(...present([
    aside(say("map_how")), drawn,
    shown < found.all ? aside(say("map_part", part)) : null,
    turn ? h("p", { class: "legend" },
      h("span", { class: "key asked" }), say("map_question"),
      h("span", { class: "key read" }), say("map_read")) : null,
    h("ul", { class: "legend" }, found.documents.slice(0, MOST_NAMED).map((name, at) =>
      h("li", {}, h("span", { class: `key of${at % COLOURS}` }), spaced(titleOf(name))))),
  ]));
}

function circleOf(point, found, turn) {
  const [x, y, document, start, , text] = point, name = found.documents[document];
  const read = (turn?.view.passages ?? [])
    .some(each => each.document === name && each.start === start);
  const circle = shape("circle", {
    cx: scale(x), cy: scale(1 - y), r: read ? 7 : 4,
    class: `point of${document % COLOURS}${read ? " read" : ""}` },
  shape("title", {}, `${titleOf(name)}\n${text}…`));
  circle.addEventListener("click", () => open(found, point));
  return circle;
}

function questionMark([across, up], turn) {
  const x = scale(across), y = scale(1 - up);
  return shape("path", { d: `M${x} ${y - 9}l8 15h-16z`, class: "asked" },
    shape("title", {}, `${say("map_question")}: ${turn.question}`));
}

function open(found, [, , document, start, end]) {
  const name = found.documents[document];
  sources.open({ list: [{ document: name, title: titleOf(name), start, end }], at: 0 });
}

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The arrows go to the nearest point on that side; Enter opens it.
function listenToArrows(drawn, circles, found) {
  let current = -1;
  drawn.addEventListener("keydown", event => {
    if (event.key === "Enter" && current >= 0) return open(found, found.points[current]);
    const way = WAYS[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    circles[current]?.classList.remove("here");
    current = nearest(circles, current, way);
    circles[current]?.classList.add("here");
    if (current < 0) return;
    const [, , document, , , text] = found.points[current];
    announce(`${titleOf(found.documents[document])}: ${text}`);
  });
}

function nearest(circles, current, [right, down]) {
  const place = circle => [+circle.getAttribute("cx"), +circle.getAttribute("cy")];
  const [x, y] = current < 0 ? [SIZE / 2, SIZE / 2] : place(circles[current]);
  let closest = Infinity, next = current;
  circles.forEach((circle, at) => {
    const dx = place(circle)[0] - x, dy = place(circle)[1] - y;
    const ahead = dx * right + dy * down, beside = Math.abs(dx * down) + Math.abs(dy * right);
    if (ahead > 0.5 && ahead + 2 * beside < closest) [closest, next] = [ahead + 2 * beside, at];
  });
  return next;
}
