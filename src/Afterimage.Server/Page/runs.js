import { byId, say, show, tag } from "/page/dom.js";
import { badge } from "/page/levels.js";
import { follow } from "/page/live.js";
import { day, plural } from "/page/numbers.js";

const states = { waiting: "Waiting", running: "Running", stopped: "Stopped", failed: "Failed", finished: "Finished" };

function state(run) {
  const cases = run.cases > 0 ? `${run.ended} of ${plural(run.cases, "case")}` : "";
  const words = [states[run.status] + (run.place ? `, place ${run.place}` : ""), run.status === "finished" ? plural(run.cases, "case") : cases];
  return tag("div", { class: "state" }, words.filter(part => part).join(", "),
    run.status === "running" && run.cases > 1
      ? tag("progress", { max: run.cases, value: run.ended, "aria-label": `Cases of ${run.title} that have ended` }) : null);
}

const row = run => tag("li", {},
  tag("div", {},
    tag("a", { href: `/runs/${run.id}` }, run.title),
    tag("small", {}, run.started ? `${day(run.started)}, ${run.folder}` : run.folder),
    run.failure ? tag("p", { class: "fault" }, run.failure) : null),
  state(run),
  tag("div", {}, run.verdict ? badge(run.verdict.level) : null));

function tiles(work) {
  return [
    ...work.queues.map(queue => tag("div", { class: "tile" },
      tag("p", { class: "lead" }, `${queue.running} running, ${queue.waiting} waiting`),
      tag("p", {}, `Queue: ${queue.name}` + (queue.failed ? `, ${queue.failed} failed` : "")))),
    ...work.workers.map(worker => tag("div", { class: "tile" },
      tag("p", { class: "lead" }, worker.doing ? `Works on ${worker.doing}` : "Waits for work"),
      tag("p", {}, `Worker: ${worker.name}, ${worker.device}, ${plural(worker.cores, "core")}`))),
  ];
}

/** Rows are replaced only where they differ, so that focus stays where it is. */
const drawn = new Map();

function list(runs) {
  const place = byId("runs");
  const focused = document.activeElement?.getAttribute("href");
  const rows = runs.map(run => {
    const text = JSON.stringify(run);
    const known = drawn.get(run.id);
    const item = known?.text === text ? known.item : row(run);
    drawn.set(run.id, { text, item });
    return item;
  });
  if (rows.length !== place.children.length || rows.some((item, index) => place.children[index] !== item)) {
    place.replaceChildren(...rows);
    if (focused?.startsWith("/runs/"))
      place.querySelector(`a[href="${focused}"]`)?.focus();
  }
  show(byId("none"), runs.length === 0);
}

follow("/api/live", {
  runs: ({ runs, work }) => {
    list(runs);
    byId("work").replaceChildren(...tiles(work));
    const busy = runs.filter(run => run.status === "running").length;
    say(byId("heading"), busy ? `${plural(busy, "run")} at work` : "Runs");
    byId("connection").classList.toggle("busy", busy > 0);
  },
});
