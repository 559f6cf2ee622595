import { ask } from "/page/ask.js";
import { caseDetail, finding } from "/page/case.js";
import { byId, capital, say, show, tag } from "/page/dom.js";
import { badge, icon, word } from "/page/levels.js";
import { follow } from "/page/live.js";
import { decibels, duration, plural } from "/page/numbers.js";
import { RunningCard } from "/page/running.js";

const id = location.pathname.split("/").at(-1);
const PORTION = 60;
const cards = new Map();
let rows = [];
let shown = PORTION;
let chosen = null;

const words = { waiting: "Waiting", running: "Running", stopped: "Stopped", failed: "Failed" };

function sentence(view) {
  const { run } = view;
  if (run.verdict)
    return run.verdict.sentence;
  if (run.status === "waiting")
    return `Place ${run.place} in the queue.`;
  if (run.status === "running")
    return view.running.length || run.cases ? "Figures and pictures are shown as they come." : "The experiment is checked.";
  return run.failure ?? "It ended before all its cases did; \"afterimage audit\" with --resume goes on with it.";
}

/** What is left, from the cases that have ended; said only where there is something to go by. */
function left(view) {
  const { cases, ended } = view.run;
  return view.run.status === "running" && ended > 1 && cases > ended
    ? `, about ${duration(view.at / ended * (cases - ended))} to go` : "";
}

function head(view) {
  const { run } = view;
  const level = run.verdict?.level;
  say(byId("title"), run.title);
  document.title = `${level ? word(level) : words[run.status]}: ${run.title} - Afterimage`;
  say(byId("word"), level ? word(level) : words[run.status]);
  say(byId("sentence"), sentence(view));
  byId("banner").className = `banner live level-${level ?? "unjudged"}`;
  if (byId("icon").dataset.level !== level)
    byId("icon").replaceChildren(...level ? [icon(level)] : []);
  byId("icon").dataset.level = level;
  show(byId("progress"), run.cases > 1);
  byId("bar").max = Math.max(1, run.cases);
  byId("bar").value = run.ended;
  say(byId("count"), `${run.ended} of ${plural(run.cases, "case")}${left(view)}`);
  show(byId("report"), view.hasReport);
  byId("report").href = `/runs/${id}/report`;
  show(byId("stop"), run.canStop);
  byId("connection").classList.toggle("busy", run.status === "running");
}

function now(view) {
  const current = new Set(view.running.map(seen => seen.id));
  for (const [known, card] of cards)
    if (!current.has(known)) {
      card.element.remove();
      cards.delete(known);
    }
  for (const seen of view.running) {
    if (!cards.has(seen.id)) {
      cards.set(seen.id, new RunningCard(id, seen));
      byId("running").append(cards.get(seen.id).element);
    }
    cards.get(seen.id).update(seen, view.at);
  }
  show(byId("now"), view.running.length > 0);
}

function log(lines) {
  const place = byId("log");
  const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 8;
  const text = JSON.stringify(lines);
  if (place.dataset.text === text)
    return;
  place.dataset.text = text;
  place.replaceChildren(...lines.map(line => tag("li", {}, tag("time", {}, `${line.at.toFixed(1)} s`), tag("span", {}, line.text))));
  if (atEnd)
    place.scrollTop = place.scrollHeight;
}

function foot(view) {
  show(byId("again"), Boolean(view.experiment));
  say(byId("command"), view.command ?? "");
  say(byId("experiment"), view.experiment ?? "");
  const machine = view.machine;
  if (machine && !byId("machine").children.length)
    byId("machine").append(...[["Processor", machine.processor], ["Cores", machine.cores], ["System", machine.system],
      ["libtorch", machine.torch], ["Device", machine.device]].map(([name, value]) =>
      tag("div", {}, tag("dt", {}, name), tag("dd", {}, String(value)))));
  show(byId("findings-place"), view.findings?.length > 0);
  byId("findings").replaceChildren(...(view.findings ?? []).map(finding));
}

function multiple(row) {
  const image = role => tag("img", { src: `/api/runs/${id}/cases/${row.id}/images/0/${role}`, alt: "", loading: "lazy" });
  const psnr = row.metrics?.psnr;
  return tag("li", {}, tag("button", {
    class: "multiple", type: "button", "data-case": row.id, "aria-current": row.id === chosen ? "true" : null, onclick: () => choose(row.id, true),
  },
    row.images ? tag("span", { class: row.hasTruth ? "pictures" : "pictures loner" }, row.hasTruth ? image("truth") : null, image("reconstruction"))
      : tag("span", { class: "pictures loner" }, tag("span", { class: "blank" })),
    tag("span", { class: "name" }, capital(row.name)),
    row.level ? badge(row.level) : null,
    tag("span", { class: "score" }, [psnr === undefined ? row.ending : `${decibels(psnr)} dB`, duration(Number(row.seconds))].join(", "))));
}

function results({ from, rows: more }) {
  if (from === 0)
    byId("multiples").replaceChildren();
  rows = [...rows.slice(0, from), ...more];
  const several = rows.length > 1;
  show(byId("cases"), several);
  say(byId("cases-note"), `${plural(rows.length, "case")} ended. The first image of each batch, the true one on the left; choose a case to see all of it.`);
  draw();
  if (rows.length && (!chosen || !rows.some(row => row.id === chosen)))
    choose(location.hash.slice(1) && rows.some(row => row.id === location.hash.slice(1)) ? location.hash.slice(1) : rows[0].id, false);
}

function draw() {
  const place = byId("multiples");
  for (let at = place.children.length; at < Math.min(shown, rows.length); at++)
    place.append(multiple(rows[at]));
  show(byId("more"), rows.length > shown);
}

async function choose(caseId, jump) {
  chosen = caseId;
  for (const button of document.querySelectorAll(".multiple"))
    button.toggleAttribute("aria-current", button.dataset.case === caseId);
  document.querySelector(".multiple[aria-current]")?.setAttribute("aria-current", "true");
  const place = byId("case");
  try {
    const found = await ask("GET", `/api/runs/${id}/cases/${caseId}`);
    if (chosen !== caseId)
      return;
    place.replaceChildren(...caseDetail(id, found));
  } catch (fault) {
    place.replaceChildren(tag("h2", { id: "case-title" }, "The case"), tag("p", { class: "note" }, fault.message));
  }
  show(place, true);
  if (jump) {
    history.replaceState(null, "", `#${caseId}`);
    place.focus({ preventScroll: true });
    place.scrollIntoView({ block: "start" });
  }
}

byId("more").addEventListener("click", () => {
  const first = shown;
  shown += PORTION;
  draw();
  byId("multiples").children[first]?.querySelector("button").focus();
});

byId("stop").addEventListener("click", async () => {
  byId("stop").disabled = true;
  try {
    await ask("POST", `/api/runs/${id}/stop`);
    say(byId("sentence"), "It was asked to stop; what was finished is kept.");
  } catch (fault) {
    say(byId("sentence"), fault.message);
  }
  byId("stop").disabled = false;
});

follow(`/api/runs/${id}/live`, {
  view: view => {
    head(view);
    now(view);
    log(view.log);
    foot(view);
  },
  cases: results,
});
