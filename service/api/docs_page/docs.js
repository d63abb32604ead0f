// Draws the API from its OpenAPI description: every path with its parameters and answers, and a form that asks
// it. Text only ever becomes text: nothing here sets HTML.

/** Return an element with attributes and children; strings become text. */
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Return a schema's type in words; a reference links to its schema below. */
function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return h("a", { href: `#schema-${name}` }, name);
  }
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return h("span", {}, ...options.flatMap((each, place) => (place ? [" or ", typeOf(each)] : [typeOf(each)])));
  if (schema.type === "array") return h("span", {}, "list of ", typeOf(schema.items));
  if (schema.enum) return schema.enum.join(" | ");
  return [schema.type, schema.format].filter(Boolean).join(", ") || "anything";
}

function table(headings, rows) {
  const head = h("tr", {}, ...headings.map((text) => h("th", { scope: "col" }, text)));
  const body = rows.map((cells) => h("tr", {}, ...cells.map((cell) => h("td", {}, cell))));
  return h("table", {}, h("thead", {}, head), h("tbody", {}, ...body));
}

function parameters(found) {
  if (!found.length) return null;
  return table(
    ["parameter", "in", "type", "meaning"],
    found.map((each) => [
      h("code", {}, each.name),
      each.in + (each.required ? ", required" : ""),
      typeOf(each.schema),
      [each.description, each.schema?.default !== undefined ? `default: ${each.schema.default}` : ""].filter(Boolean).join("; "),
    ]),
  );
}

function answers(found) {
  return table(
    ["status", "answer", "body"],
    Object.entries(found).map(([status, each]) => [status, each.description ?? "", typeOf(Object.values(each.content ?? {})[0]?.schema)]),
  );
}

/** Return a form that asks a path and shows what it answers. */
function trial(path, found) {
  const inputs = found.map((each) => {
    const input = h("input", { name: each.name, ...(each.required ? { required: "" } : {}) });
    return { each, input, label: h("label", {}, `${each.name} `, input) };
  });
  const output = h("pre", { tabindex: "0" });
  output.hidden = true;
  const form = h("form", {}, ...inputs.map(({ label }) => label), h("button", { type: "submit" }, "Try it"), output);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    const headers = {};
    for (const { each, input } of inputs) {
      if (each.in === "path") url = url.replace(`{${each.name}}`, () => encodeURIComponent(input.value));
      else if (each.in === "query" && input.value) query.set(each.name, input.value);
      else if (each.in === "header" && input.value) headers[each.name] = input.value;
    }
    output.hidden = false;
    output.textContent = "…";
    try {
      const answer = await fetch(`.${url}${query.size ? `?${query}` : ""}`, { headers });
      const text = await answer.text();
      output.textContent = `${answer.status} ${answer.statusText}\n\n${pretty(text)}`;
    } catch (error) {
      output.textContent = `No answer: ${error.message}`;
    }
  });
  return form;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function operation(method, path, found) {
  const asked = found.parameters ?? [];
  const endless = Object.keys(found.responses?.[200]?.content ?? {}).includes("text/event-stream");
  return h(
    "details",
    {},
    h("summary", {}, h("span", { class: "method" }, method), h("code", {}, path), ` ${found.summary ?? ""}`),
    ...(found.description ?? "").split("\n\n").map((text) => h("p", {}, text)),
    parameters(asked),
    answers(found.responses ?? {}),
    method === "get" && !endless ? trial(path, asked) : null,
  );
}

function schema(name, found) {
  const required = new Set(found.required ?? []);
  const fields = Object.entries(found.properties ?? {}).map(([field, each]) => [
    h("code", {}, field),
    typeOf(each),
    [each.description, required.has(field) ? "" : "optional"].filter(Boolean).join("; "),
  ]);
  const body = fields.length ? table(["field", "type", "meaning"], fields) : h("p", {}, typeOf(found));
  return h("section", { id: `schema-${name}` }, h("h3", {}, name), h("p", {}, found.description ?? ""), body);
}

async function draw() {
  const main = document.getElementById("api");
  try {
    const answer = await fetch("openapi.json");
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    const api = await answer.json();
    const paths = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, found]) => operation(method, path, found)),
    );
    const schemas = Object.entries(api.components?.schemas ?? {}).map(([name, found]) => schema(name, found));
    main.replaceChildren(h("p", {}, `Version ${api.info.version}`), h("h2", {}, "Paths"), ...paths, h("h2", {}, "Schemas"), ...schemas);
  } catch (error) {
    main.textContent = `The API's description could not be read: ${error.message}`;
  }
  main.removeAttribute("aria-busy");
}

draw();
