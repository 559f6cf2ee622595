import { capital, tag } from "/page/dom.js";
import { badge } from "/page/levels.js";
import { count, decibels, duration, short } from "/page/numbers.js";
import { objectivePlot } from "/page/plot.js";

const percent = value => `${Math.round(value * 100)} %`;

const fact = (name, value) => tag("div", {}, tag("dt", {}, name), tag("dd", {}, value));

function key(name, value, beside) {
  return tag("div", {}, tag("dt", {}, name), tag("dd", { class: "figure" }, value), tag("dd", { class: "beside" }, beside ?? ""));
}

function keys(found) {
  const { psnr, ssim } = found.metrics ?? {};
  const spread = (metric, write) => metric.count === 1 ? "one image" : `median of ${metric.count}; ${write(metric.minimum)} to ${write(metric.maximum)}`;
  const gray = metric => found.baselines?.[metric]?.gray?.median;
  return tag("dl", { class: "key-figures" },
    psnr ? key("PSNR", `${decibels(psnr.median)} dB`, `${spread(psnr, decibels)}${gray("psnr") ? `; gray image ${decibels(gray("psnr"))}` : ""}`) : null,
    ssim ? key("SSIM", Number(ssim.median).toFixed(3), spread(ssim, value => Number(value).toFixed(2))) : null,
    found.labelAccuracy !== undefined ? key("Labels right", percent(found.labelAccuracy), "recovered from the update") : null,
    key("Misfit", short(found.relativeMisfit), "how well the update is explained"),
    key("Time", duration(Number(found.cost.seconds)), `${count(found.cost.evaluations)} evaluations`));
}

function picture(url, image, alt) {
  const factor = Math.max(1, Math.floor(192 / Math.max(1, image.width)));
  return tag("img", { src: url, alt, width: image.width * factor, height: image.height * factor, loading: "lazy" });
}

function card(run, found, image, index) {
  const at = `/api/runs/${run}/cases/${found.id}/images/${index}`;
  const name = `image ${index}`;
  const side = (title, role, part, alt) => tag("div", {}, tag("p", { class: "role" }, title), picture(`${at}/${role}`, part, alt));
  const metrics = Object.entries(image.metrics ?? {});
  const sure = `${image.recoveredLabel}, ${percent(image.confidence)} sure`;
  return tag("figure", { class: "card" },
    tag("div", { class: image.truth ? "pair" : "pair loner" },
      image.truth ? side("True", "truth", image.truth, `The true ${name}`) : null,
      side("Reconstructed", "reconstruction", image.reconstruction, `The reconstruction of ${name}`)),
    tag("figcaption", {}, tag("span", { class: "name" }, capital(name)),
      tag("dl", {},
        fact("Label", image.trueLabel === undefined ? sure : `${sure}; ${image.trueLabel === image.recoveredLabel ? "right" : `truly ${image.trueLabel}`}`),
        metrics.map(([metric, value]) => fact(metric.toUpperCase(), metric === "psnr" ? `${decibels(value)} dB` : short(value))))));
}

function path(run, found) {
  const strips = found.images.slice(0, 4).map((image, index) => image.path?.length > 1 ? tag("figure", {},
    tag("figcaption", {}, `The way to image ${index}`),
    tag("ol", { class: "strip" }, image.path.map((step, place) => tag("li", {},
      tag("img", {
        src: `/api/runs/${run}/cases/${found.id}/images/${index}/step-${place}`, alt: `Image ${index} at iteration ${step.iteration}`,
        width: step.picture.width, height: step.picture.height, loading: "lazy",
      }), tag("span", {}, count(step.iteration)))))) : null).filter(strip => strip);
  return strips.length ? tag("section", { class: "block" }, tag("h3", {}, "How they emerged"), tag("div", { class: "paths" }, strips)) : null;
}

function knowledge(found) {
  return found.assumptions?.length ? tag("section", { class: "block" }, tag("h3", {}, "What the attacker knew"),
    tag("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": "What the attacker knew" }, tag("table", {},
      tag("thead", {}, tag("tr", {}, ["What", "Knowledge", "From where"].map(title => tag("th", { scope: "col" }, title)))),
      tag("tbody", {}, found.assumptions.map(one => tag("tr", {}, tag("th", { scope: "row" }, one.topic),
        tag("td", { "data-column": "Knowledge" }, one.knowledge),
        tag("td", { class: one.given ? "source given" : "source", "data-column": "From where" }, one.given ? "given" : "inferred"))))))) : null;
}

const severity = { note: ["Note", "plain"], warning: ["Warning", "warning"], leak: ["Leak", "leak"] };

export const finding = one => tag("li", { class: severity[one.severity][1] },
  tag("span", { class: "severity" }, severity[one.severity][0]), tag("span", {}, one.text));

/** Everything about a case that has ended. */
export function caseDetail(run, found) {
  const images = found.images ?? [];
  return [
    tag("div", { class: "case-head" },
      tag("h2", { id: "case-title" }, found.name),
      tag("p", { class: "case-verdict" }, badge(found.verdict.level), tag("span", {}, found.verdict.sentence)),
      tag("p", { class: "note" }, `${found.advice}`)),
    keys(found),
    images.length ? tag("section", { class: "block" }, tag("h3", {}, "What was recovered"),
      tag("div", { class: images[0].truth ? "images pairs" : "images loners" },
        images.map((image, index) => card(run, found, image, index)))) : null,
    path(run, found),
    found.curves?.length ? tag("section", { class: "block" }, tag("h3", {}, "The objective"), objectivePlot(found.curves, found.name)) : null,
    knowledge(found),
    found.findings?.length ? tag("section", { class: "block" }, tag("h3", {}, "Findings"),
      tag("ul", { class: "findings" }, found.findings.map(finding))) : null,
  ].filter(part => part);
}
