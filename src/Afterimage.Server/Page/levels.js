import { svg, tag } from "/page/dom.js";

const texts = await fetch("/page/levels.json").then(answer => answer.json()).catch(() => []);

const known = new Map(texts.map(text => [text.level, text]));

export const word = level => known.get(level)?.word ?? level;

/** The icon of a level, eight by eight cells. */
export function icon(level) {
  const cells = [];
  (known.get(level)?.pixels ?? "").split(" ").forEach((row, y) => [...row].forEach((cell, x) => {
    if (cell !== ".")
      cells.push(svg("rect", { x: x + 0.04, y: y + 0.04, width: 0.92, height: 0.92, opacity: cell === "+" ? 0.45 : null }));
  }));
  return svg("svg", { class: "icon", viewBox: "0 0 8 8", "aria-hidden": "true", focusable: "false" }, cells);
}

export const badge = level => tag("span", { class: `badge level-${level}` }, icon(level), tag("span", {}, word(level)));
