// The library as a picture: every passage a point, coloured by document, with the last question and what was read for it.

import { announce, app, h, number, say, spaced } from "./dom.js";
import * as panel from "./sources.js";
import * as library from "./documents.js";
import * as conversation from "./chat.js";

const SIZE = 400, EDGE = 14, COLOURS = 8;
const SVG = "http://www.w3.org/2000/svg";

const shape = (tag, attributes, ...children) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const at = share => EDGE + share * (SIZE - 2 * EDGE);

export async function render(area) {
  const turn = conversation.last();
  const waiting = h("p", { class: "aside" }, say("opening"));
  area.replaceChildren(waiting);
  const found = await app.server.map_of(turn?.question ?? "").catch(() => null);
  if (!waiting.isConnected) return;     // something else is shown by now
  if (!found?.points.length) return area.replaceChildren(h("p", { class: "aside" }, say("map_few")));
  const passages = turn?.view.passages ?? [];
  const read = ([, , document, start]) => passages.some(each => each.document === found.documents[document] && each.start === start);
  const drawn = shape("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "map", role: "application", tabindex: "0", "aria-label": say("map") });
  const points = found.points.map(point => {
    const [x, y, document, , , text] = point;
    const circle = shape("circle", { cx: at(x), cy: at(1 - y), r: read(point) ? 7 : 4, class: `point of${document % COLOURS}${read(point) ? " read" : ""}` },
      shape("title", {}, `${library.titleOf(found.documents[document])}\n${text}…`));
    circle.addEventListener("click", () => open(found, point));
    return circle;
  });
  drawn.append(...points);
  if (found.question) {
    const [x, y] = [at(found.question[0]), at(1 - found.question[1])];
    drawn.append(shape("path", { d: `M${x} ${y - 9}l8 15h-16z`, class: "asked" }, shape("title", {}, `${say("map_question")}: ${turn.question}`)));
  }
  steer(drawn, points, found);
  area.replaceChildren(...[
    h("p", { class: "aside" }, say("map_how")), drawn,
    found.points.length < found.all ? h("p", { class: "aside" }, say("map_part", { shown: number(found.points.length), count: number(found.all) })) : null,
    turn ? h("p", { class: "legend" }, h("span", { class: "key asked" }), say("map_question"), h("span", { class: "key read" }), say("map_read")) : null,
    h("ul", { class: "legend" }, found.documents.slice(0, 24).map((name, place) =>
      h("li", {}, h("span", { class: `key of${place % COLOURS}` }), spaced(library.titleOf(name))))),
  ].filter(Boolean));
}

function open(found, [, , document, start, end]) {
  const name = found.documents[document];
  panel.open({ list: [{ document: name, title: library.titleOf(name), start, end }], at: 0 });
}

// The arrows go to the nearest point on that side; Enter opens it.
function steer(drawn, points, found) {
  let here = -1;
  const place = circle => [Number(circle.getAttribute("cx")), Number(circle.getAttribute("cy"))];
  drawn.addEventListener("keydown", event => {
    if (event.key === "Enter" && here >= 0) return open(found, found.points[here]);
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const [x, y] = here < 0 ? [SIZE / 2, SIZE / 2] : place(points[here]);
    let nearest = Infinity, next = here;
    points.forEach((circle, number) => {
      const [dx, dy] = [place(circle)[0] - x, place(circle)[1] - y], ahead = dx * way[0] + dy * way[1], aside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
      if (ahead > 0.5 && ahead + 2 * aside < nearest) [nearest, next] = [ahead + 2 * aside, number];
    });
    points[here]?.classList.remove("here");
    here = next;
    points[here]?.classList.add("here");
    if (here >= 0) announce(`${library.titleOf(found.documents[found.points[here][2]])}: ${found.points[here][5]}`);
  });
}
