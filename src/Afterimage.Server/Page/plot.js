import { svg, tag } from "/page/dom.js";
import { count, short } from "/page/numbers.js";

const WIDTH = 640, HEIGHT = 300, LEFT = 84, RIGHT = 20, TOP = 34, BOTTOM = 58;

function ticks(low, high) {
  const step = 10 ** Math.floor(Math.log10((high - low) / 4 || 1));
  const wide = [1, 2, 5, 10].map(factor => factor * step).find(size => (high - low) / size <= 5) ?? step * 10;
  const found = [];
  for (let at = Math.ceil(low / wide) * wide; at <= high * 1.0001; at += wide)
    found.push(at);
  return found;
}

function decades(low, high) {
  const found = [];
  const step = Math.max(1, Math.ceil((high - low) / 6));
  for (let power = Math.ceil(low); power <= high; power += step)
    found.push(power);
  return found.length > 1 ? found : [low, high];
}

/** The objective over evaluations, one line for each start; the look of the report's plots. */
export function objectivePlot(curves, name) {
  const logarithmic = curves.some(curve => curve.points.some(point => point[1] > 0));
  const drawn = curves.map(curve => ({
    name: curve.name, points: curve.points.filter(point => Number.isFinite(point[1]) && (!logarithmic || point[1] > 0)),
  })).filter(curve => curve.points.length > 0);
  const all = drawn.flatMap(curve => curve.points);
  if (all.length < 2)
    return null;
  const value = logarithmic ? y => Math.log10(y) : y => y;
  const values = all.map(point => value(point[1]));
  const last = Math.max(1, ...all.map(point => point[0]));
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (high - low < 1e-9)
    [low, high] = [low - 0.5, high + 0.5];
  const x = at => LEFT + at / last * (WIDTH - LEFT - RIGHT);
  const y = at => HEIGHT - BOTTOM - (at - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
  const label = at => logarithmic ? short(10 ** at) : short(at);
  const end = drawn.at(-1).points.at(-1);
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
    "aria-label": `Objective over evaluations of ${name}: ${short(end[1])} at evaluation ${count(end[0])}.`,
  });
  for (const at of logarithmic ? decades(low, high) : ticks(low, high))
    picture.append(
      svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at) }),
      svg("text", { x: LEFT - 10, y: y(at), dy: "0.35em", "text-anchor": "end" }, label(at)));
  for (const at of ticks(0, last))
    picture.append(
      svg("line", { class: "axis", x1: x(at), x2: x(at), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5 }),
      svg("text", { x: x(at), y: HEIGHT - BOTTOM + 9, dy: "0.9em", "text-anchor": "middle" }, count(at)));
  picture.append(
    svg("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
    svg("text", { class: "axis-title", x: LEFT, y: 14 }, logarithmic ? "objective (logarithmic)" : "objective"),
    svg("text", { class: "axis-title", x: WIDTH - RIGHT, y: HEIGHT - 8, "text-anchor": "end" }, "evaluations"));
  drawn.forEach((curve, index) => picture.append(svg("polyline", {
    class: `curve color${index % 6} dash${index % 4}${index === drawn.length - 1 ? " strong" : ""}`,
    points: curve.points.map(point => `${x(point[0]).toFixed(1)},${y(value(point[1])).toFixed(1)}`).join(" "),
  })));
  return tag("div", { class: "plot" }, picture);
}
