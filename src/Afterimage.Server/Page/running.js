import { capital, say, tag } from "/page/dom.js";
import { count, duration, short } from "/page/numbers.js";
import { objectivePlot } from "/page/plot.js";

/** The card of a case that runs: its picture as it emerges, its figures and its objective. */
export class RunningCard {
  constructor(runId, seen) {
    this.runId = runId;
    this.picture = tag("div", { class: "waiting" }, "No picture yet");
    this.phase = tag("p", { class: "note" });
    this.bar = tag("progress", { "aria-label": `How far ${seen.name} is` });
    this.left = tag("span");
    this.figures = tag("dl", { class: "key-figures" });
    this.plot = tag("div");
    this.element = tag("article", { class: "now" },
      tag("div", {}, this.picture),
      tag("div", {},
        tag("h3", { class: "first-capital" }, seen.name), this.phase, tag("div", { class: "progress-line" }, this.bar, this.left),
        this.figures, this.plot));
  }

  update(seen, at) {
    const phase = seen.phase;
    say(this.phase, phase ? `${capital(phase.name)}${phase.of ? `: ${count(phase.done)} of ${count(phase.of)} ${phase.unit}` : ""}` : "Starts");
    this.#progress(seen, Math.max(0, at - seen.startedAt));
    this.figures.replaceChildren(
      figure("Objective", seen.objective === undefined ? "none yet" : short(seen.objective)),
      figure("Evaluations", count(seen.evaluations)),
      figure("Start", count(seen.restart + 1)),
      figure("Iteration", count(seen.iteration)));
    const points = JSON.stringify(seen.curves);
    if (points !== this.points)
      this.plot.replaceChildren(...[objectivePlot(seen.curves, seen.name)].filter(drawn => drawn));
    this.points = points;
    this.#show(seen);
  }

  #progress(seen, taken) {
    const [value, max] = seen.seconds ? [taken, seen.seconds] : seen.budget ? [seen.evaluations, seen.budget] : [0, 0];
    this.bar.hidden = max === 0;
    this.bar.max = max || 1;
    this.bar.value = Math.min(value, max);
    say(this.left, seen.seconds ? `${duration(taken)} of at most ${duration(seen.seconds)}`
      : seen.budget ? `${duration(taken)}; ${count(seen.evaluations)} of at most ${count(seen.budget)} evaluations` : duration(taken));
  }

  /** The next picture takes the place of the last when it has arrived, so that nothing flickers. */
  async #show(seen) {
    if (!seen.picture || seen.picture === this.version)
      return;
    this.version = seen.picture;
    const next = tag("img", {
      class: "emerging", alt: `The images of ${seen.name} as the attack has them now`,
      src: `/api/runs/${this.runId}/emerging/${seen.id}?v=${seen.picture}`,
    });
    try {
      await next.decode();
    } catch {
      return;
    }
    next.style.setProperty("--aspect", `${next.naturalWidth} / ${next.naturalHeight}`);
    this.picture.replaceWith(next);
    this.picture = next;
  }
}

const figure = (name, value) => tag("div", {}, tag("dt", {}, name), tag("dd", { class: "figure" }, value));
