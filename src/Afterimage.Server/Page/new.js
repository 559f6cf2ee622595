import { ask } from "/page/ask.js";
import { byId, say, show, tag } from "/page/dom.js";
import { SchemaForm } from "/page/form.js";
import { bytes } from "/page/numbers.js";

let form = null;

const kindWords = { arrays: "arrays", model: "a model", description: "a description" };

async function begin(experiment) {
  const { id } = await ask("POST", "/api/runs", JSON.stringify(experiment));
  location.assign(`/runs/${id}`);
}

/** Faults of the fields themselves, before anything is sent. */
function isComplete(element, place) {
  const wrong = [...element.elements].find(input => input.willValidate && !input.validity.valid);
  if (!wrong)
    return true;
  const name = element.querySelector(`label[for="${wrong.id}"]`)?.textContent ?? "A field";
  say(place, `${name}: ${wrong.validationMessage}`);
  wrong.focus();
  return false;
}

async function guarded(button, place, action) {
  say(place, "");
  button.disabled = true;
  try {
    await action();
  } catch (fault) {
    say(place, fault.message);
  }
  button.disabled = false;
}

async function upload(input) {
  const file = input.files[0];
  if (!file)
    return undefined;
  say(byId("update-progress"), `Sends ${file.name} (${bytes(file.size)}) and checks it ...`);
  const kept = await ask("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`, file);
  return `upload:${kept.id}`;
}

const number = id => byId(id).value === "" ? undefined : Number(byId(id).value);

byId("update-form").addEventListener("submit", event => {
  event.preventDefault();
  if (!isComplete(event.target, byId("update-fault")))
    return;
  guarded(event.target.querySelector("button"), byId("update-fault"), async () => {
    try {
      const name = byId("update").files[0].name;
      const update = await upload(byId("update"));
      const model = await upload(byId("model"));
      const truth = await upload(byId("truth"));
      const sidecar = await upload(byId("sidecar"));
      say(byId("update-progress"), "");
      await begin({
        title: name,
        model: { kind: "torch-script-file", path: model },
        client: {
          kind: "recorded-update", update, truth, sidecar, batchSize: number("batch"), classes: number("classes"),
          input: byId("shape").value.trim() || undefined,
        },
        budget: number("minutes") === undefined ? undefined : number("minutes") * 60,
      });
    } finally {
      say(byId("update-progress"), "");
      await list();
    }
  });
});

byId("form").addEventListener("submit", event => {
  event.preventDefault();
  if (isComplete(event.target, byId("form-fault")))
    guarded(event.target.querySelector("button"), byId("form-fault"), () => begin(form.fields.value() ?? {}));
});

function preview() {
  try {
    say(byId("json"), JSON.stringify(form.fields.value() ?? {}, null, 2));
    say(byId("form-fault"), "");
  } catch (fault) {
    say(byId("form-fault"), fault.message);
  }
}

async function list() {
  const { files, largestUpload } = await ask("GET", "/api/uploads");
  say(byId("limit"), `Each may have ${bytes(largestUpload)} at most.`);
  byId("uploads").replaceChildren(...files.map(one => tag("li", {},
    tag("span", { class: "what" }, one.name, tag("small", {}, `${kindWords[one.kind]}, ${one.summary}, ${bytes(one.bytes)}`)),
    tag("button", { class: "button", type: "button", "aria-label": `Remove ${one.name}`, onclick: () => remove(one.id) }, "Remove"))));
  show(byId("uploads-place"), files.length > 0);
  form?.offer(files);
  return files;
}

async function remove(id) {
  await ask("DELETE", `/api/uploads/${id}`);
  await list();
  byId("uploads-title").focus();
}

const files = await list();
form = new SchemaForm(await ask("GET", "/api/form"), files, preview);
form.fields = form.build();
byId("fields").append(form.fields.element);
preview();
byId("form").dataset.ready = "true";
