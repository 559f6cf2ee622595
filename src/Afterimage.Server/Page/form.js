// A form of a JSON schema, as "afterimage schema" writes it. Every field knows its default, shows it, and says only what was changed.

import { capital, tag } from "/page/dom.js";

let serial = 0;

const words = name => capital(name.replace(/([a-z])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`));

/** Fields of a schema; `value()` of each is what was changed, or undefined. */
export class SchemaForm {
  constructor(described, uploads, changed) {
    Object.assign(this, { ...described, uploads, changed });
    this.files = [];
  }

  /** The fields of an experiment. */
  build() {
    return this.#members(this.schema, this.experiment, name => name !== "$schema");
  }

  /** Offers other files, with what was chosen kept. */
  offer(uploads) {
    this.uploads = uploads;
    for (const select of this.files) {
      const before = select.value;
      select.replaceChildren(...this.#choices());
      select.value = [...select.options].some(option => option.value === before) ? before : "";
    }
  }

  #resolve(schema) {
    if (!schema?.$ref)
      return schema ?? {};
    const found = schema.$ref.slice(2).split("/").reduce(
      (node, name) => node[name.replaceAll("~1", "/").replaceAll("~0", "~")], this.schema);
    return { ...this.#resolve(found), description: schema.description ?? found.description };
  }

  #members(schema, defaults, wanted = () => true) {
    const entries = Object.entries(schema.properties ?? {}).filter(([name]) => name !== "kind" && wanted(name));
    const fields = entries.map(([name, member]) => [name, this.#field(name, this.#resolve(member), defaults?.[name], schema.required?.includes(name))]);
    return {
      element: tag("div", { class: "fields" }, fields.map(([, field]) => field.element)),
      value: () => {
        const said = fields.map(([name, field]) => [name, field.value()]).filter(([, value]) => value !== undefined);
        return said.length ? Object.fromEntries(said) : undefined;
      },
    };
  }

  #field(name, schema, fallback, required) {
    const types = [schema.type ?? []].flat();
    if (schema.anyOf?.some(kind => kind.properties?.kind))
      return this.#part(name, schema, fallback);
    if (schema.enum)
      return this.#choice(name, schema, schema.enum.filter(one => one !== null), fallback);
    if (types.includes("boolean"))
      return this.#choice(name, schema, [true, false], fallback, value => value ? "yes" : "no");
    if (types.includes("object"))
      return this.#group(name, schema, fallback);
    if (types.includes("array"))
      return this.#list(name, schema, fallback);
    if (types.includes("integer") || types.includes("number"))
      return this.#number(name, schema, fallback, types.includes("integer"));
    if (name === "title" || schema.pattern)
      return this.#text(name, schema, fallback);
    return this.#file(name, schema, required);
  }

  #labeled(name, schema, input, whole) {
    const id = `field-${serial++}`;
    input.id = id;
    input.setAttribute("aria-describedby", `${id}-help`);
    input.addEventListener("input", () => this.changed());
    return tag("div", { class: whole ? "field whole" : "field" }, tag("label", { for: id }, words(name)), input,
      tag("p", { class: "help", id: `${id}-help` }, schema.description ?? ""));
  }

  #text(name, schema, fallback) {
    const input = tag("input", { type: "text", placeholder: fallback ?? "", pattern: schema.pattern });
    return { element: this.#labeled(name, schema, input), value: () => input.value.trim() || undefined };
  }

  #number(name, schema, fallback, whole) {
    const input = tag("input", {
      type: "number", step: whole ? 1 : "any", placeholder: fallback ?? "automatic", inputmode: whole ? "numeric" : "decimal",
      min: schema.minimum, max: schema.maximum,
    });
    return { element: this.#labeled(name, schema, input), value: () => input.value === "" ? undefined : Number(input.value) };
  }

  #choice(name, schema, values, fallback, write = String) {
    const input = tag("select", {}, tag("option", { value: "" }, fallback === undefined ? "automatic" : `${write(fallback)} (default)`),
      values.filter(value => value !== fallback).map(value => tag("option", { value: JSON.stringify(value) }, write(value))));
    return { element: this.#labeled(name, schema, input), value: () => input.value ? JSON.parse(input.value) : undefined };
  }

  #choices() {
    return [tag("option", { value: "" }, "none"),
      ...this.uploads.map(upload => tag("option", { value: `upload:${upload.id}` }, `${upload.name} (${upload.summary})`))];
  }

  #file(name, schema, required) {
    const input = tag("select", { required }, this.#choices());
    this.files.push(input);
    const described = { description: `${schema.description ?? ""} One of the uploaded files.` };
    return { element: this.#labeled(name, described, input), value: () => input.value || undefined };
  }

  /** Lists of numbers are written with commas, other lists as JSON. */
  #list(name, schema, fallback) {
    const simple = ["number", "integer"].includes(schema.items?.type);
    const shown = fallback === undefined ? "" : simple ? fallback.join(", ") : JSON.stringify(fallback, null, 1);
    const example = name === "vary" ? "[{ \"pointer\": \"/client/batchSize\", \"values\": [1, 2, 4] }]" : shown;
    const input = simple ? tag("input", { type: "text", placeholder: shown }) : tag("textarea", { placeholder: example, spellcheck: "false", rows: 3 });
    const described = simple ? schema : { description: `${schema.description ?? ""} A list as JSON.` };
    return {
      element: this.#labeled(name, described, input, !simple),
      value: () => {
        const text = input.value.trim();
        if (!text)
          return undefined;
        try {
          return JSON.parse(simple ? `[${text}]` : text);
        } catch {
          throw new Error(`${words(name)} is no list: write ${simple ? "numbers with commas between them" : "JSON"}.`);
        }
      },
    };
  }

  #group(name, schema, fallback) {
    const inner = this.#members(schema, fallback);
    return {
      element: tag("div", { class: "part" }, tag("details", {}, tag("summary", {}, words(name)),
        tag("p", { class: "help" }, schema.description ?? ""), inner.element)),
      value: inner.value,
    };
  }

  /** A part with several kinds: which, and below it the settings of that kind, made when they are opened. */
  #part(name, schema, fallback) {
    const kinds = schema.anyOf.filter(kind => kind.properties?.kind).map(kind => this.#resolve(kind));
    const byKind = new Map(kinds.map(kind => [kind.properties.kind.const, kind]));
    const known = schema.anyOf.flatMap(kind => kind.properties?.known?.enum ?? []).filter(one => !byKind.has(one));
    const initial = fallback?.kind;
    const select = tag("select", {},
      tag("option", { value: "" }, initial ? `${initial} (default)` : "none"),
      tag("optgroup", { label: "Kinds" }, [...byKind.keys()].map(kind => tag("option", { value: kind }, kind))),
      known.length ? tag("optgroup", { label: "Published attacks and presets" }, known.map(one => tag("option", { value: one }, one))) : null);
    const labeled = this.#labeled(name, schema, select);
    labeled.classList.add("choice");
    const settings = tag("details", {}, tag("summary", {}, `Settings of ${words(name).toLowerCase()}`));
    let inner = null;
    const chosen = () => {
      const one = select.value || initial;
      const preset = known.includes(one) ? this.attacks[one] : null;
      return { preset: preset ? one : null, kind: preset?.kind ?? one, defaults: preset ?? (select.value ? this.kinds[one] : fallback) };
    };
    const open = () => {
      if (!settings.open || inner)
        return;
      const { kind, defaults } = chosen();
      inner = this.#members(byKind.get(kind) ?? {}, defaults);
      settings.append(tag("p", { class: "help" }, byKind.get(kind)?.description ?? ""), inner.element);
    };
    settings.addEventListener("toggle", open);
    select.addEventListener("input", () => {
      inner = null;
      settings.replaceChildren(settings.firstElementChild);
      settings.hidden = !byKind.has(chosen().kind);
      open();
      this.changed();
    });
    settings.hidden = !byKind.has(chosen().kind);
    return {
      element: tag("div", { class: "part" }, labeled, settings),
      value: () => {
        const { preset, kind } = chosen();
        const said = inner?.value();
        if (!select.value && !said)
          return undefined;
        return preset ? { known: preset, ...said } : { kind, ...said };
      },
    };
  }
}
