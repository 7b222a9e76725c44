// GitHub's published descriptions, compiled on first use: which route a request is, and whether what goes in and out is valid.
import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { repaired } from "./description-repairs.ts";
import { isObject, type Json, type JsonObject, toJsonSchema, withoutUnknown } from "./schemas.ts";

export interface Route {
  readonly operationId: string;
  /** Path parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly parameters: readonly Parameter[];
  readonly operation: JsonObject;
  readonly pointer: string;
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonObject;
}

interface Template {
  readonly method: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly literals: number;
  readonly operation: JsonObject;
  readonly pointer: string;
}

/** Parameters whose values have slashes: GitHub takes them raw and encoded. */
const several = new Set(["ref", "path", "basehead"]);

export interface Contract {
  findRoute(method: string, path: string): Route | undefined;
  /** Faults of a request's parameters and body; empty when it is valid. */
  checkRequest(route: Route, query: URLSearchParams, body: unknown, contentType: string | undefined): readonly string[];
  checkResponse(route: Route, status: number, body: unknown): readonly string[];
  checkDelivery(key: string, payload: unknown): readonly string[];
}

function readDescription(name: string): JsonObject {
  return JSON.parse(readFileSync(new URL(`./description/${name}`, import.meta.url), "utf8"));
}

let loaded: Contract | undefined;

/** One for all doubles of a process: reading and compiling costs more than most tests do. */
export function loadContract(): Contract {
  loaded ??= readContract();
  return loaded;
}

function readContract(): Contract {
  const rest = repaired("rest", readDescription("rest.json"));
  const hooks = repaired("webhooks", readDescription("webhooks.json"));
  const options = {
    strict: false,
    allErrors: true,
    logger: false,
    coerceTypes: false,
    inlineRefs: false,
    code: { optimize: false },
  } as const;
  const ajv = new Ajv(options);
  const ajvHooks = new Ajv2020(options);
  formats.default(ajv);
  formats.default(ajvHooks);
  // GitHub's own formats, and templates that only have to be text.
  for (const each of [ajv, ajvHooks]) for (const name of ["repo.nwo", "uri-template", "timestamp"]) each.addFormat(name, true);
  // A bot's address (`1+flibs[bot]@users.noreply.github.com`) is none for ajv.
  for (const each of [ajv, ajvHooks]) each.addFormat("email", /^[^\s@]+@[^\s@]+$/);
  const components = at(rest, "components");
  ajv.addSchema({ $id: "rest", components: toJsonSchema(components) });
  ajvHooks.addSchema({ $id: "hooks", components: at(hooks, "components") });
  const templates = readTemplates(at(rest, "paths"));
  const compiled = new Map<string, ValidateFunction>();
  const validate = (key: string, schema: () => Json, value: unknown, where: string): readonly string[] => {
    let check = compiled.get(key);
    if (!check) {
      check = ajv.compile(rooted(toJsonSchema(schema()), "rest") as JsonObject);
      compiled.set(key, check);
    }
    return check(value) ? [] : told(check.errors, where);
  };
  const resolve = (value: Json): JsonObject => {
    const reference = isObject(value) ? value.$ref : undefined;
    if (typeof reference !== "string") return value as JsonObject;
    const [, , kind = "", name = ""] = reference.split("/");
    return at(at(components, kind), name);
  };

  return {
    findRoute(method, path) {
      const candidates = templates.filter((template) => template.method === method.toLowerCase() && template.pattern.test(path));
      const template = candidates.sort((a, b) => b.literals - a.literals)[0];
      if (!template) return undefined;
      const values = template.pattern.exec(path)?.slice(1).map(decodeURIComponent) ?? [];
      return {
        operationId: String(template.operation.operationId),
        params: Object.fromEntries(template.names.map((name, i) => [name, values[i] ?? ""])),
        parameters: list(template.operation.parameters).map((each) => resolve(each) as unknown as Parameter),
        operation: template.operation,
        pointer: template.pointer,
      };
    },
    checkRequest(route, query, body, contentType) {
      const faults: string[] = [];
      const known = new Set(route.parameters.filter((each) => each.in === "query").map((each) => each.name));
      for (const name of query.keys()) if (!known.has(name)) faults.push(`query parameter ${name} is not known`);
      for (const { in: place, name, schema, required } of route.parameters) {
        const text = place === "path" ? route.params[name] : place === "query" ? query.get(name) : undefined;
        if (text === undefined || text === null) {
          if (required) faults.push(`${place} parameter ${name} is missing`);
          continue;
        }
        const value = fromText(text, resolve(schema).type);
        faults.push(...validate(`${route.pointer} ${place} ${name}`, () => schema, value, `${place} parameter ${name}`));
      }
      const requestBody = route.operation.requestBody;
      if (!isObject(requestBody)) {
        if (body !== undefined && !(isObject(body as Json) && Object.keys(body as object).length === 0))
          faults.push("a body is not expected");
        return faults;
      }
      if (body === undefined) return requestBody.required === true ? [...faults, "the body is missing"] : faults;
      const type = contentType?.split(";")[0]?.trim() ?? "";
      const media = at(requestBody, "content");
      if (!media[type]) return [...faults, `media type ${type || "(none)"} is not one of ${Object.keys(media).join(", ")}`];
      const schema = () => withoutUnknown(at(media, type).schema ?? {}, (value) => resolve(value));
      return [...faults, ...validate(`${route.pointer} body`, schema, body, "body")];
    },
    checkResponse(route, status, body) {
      const response = at(route.operation, "responses")[String(status)];
      // Errors that GitHub gives on every route (401, 429, 5xx) are described for a few only.
      if (response === undefined) return status >= 400 ? [] : [`status ${status} is not described`];
      const content = resolve(response).content;
      const schema = isObject(content) && isObject(content["application/json"]) ? content["application/json"].schema : undefined;
      if (schema === undefined || body === undefined) {
        return body === undefined || schema !== undefined ? [] : [`status ${status} has no body`];
      }
      return validate(`${route.pointer} ${status}`, () => schema, body, `answer ${status}`);
    },
    checkDelivery(key, payload) {
      const id = `delivery ${key}`;
      let check = compiled.get(id);
      if (!check) {
        const body = at(at(at(at(at(hooks, "webhooks"), key), "post"), "requestBody"), "content");
        check = ajvHooks.compile(rooted(at(body, "application/json").schema ?? {}, "hooks") as JsonObject);
        compiled.set(id, check);
      }
      return check(payload) ? [] : told(check.errors, key);
    },
  };
}

function readTemplates(paths: JsonObject): readonly Template[] {
  return Object.entries(paths).flatMap(([path, methods]) => {
    const segments = path.split("/").slice(1);
    const names = segments.filter((segment) => segment.startsWith("{")).map((segment) => segment.slice(1, -1));
    const pattern = segments.map((segment) =>
      segment.startsWith("{") ? (several.has(segment.slice(1, -1)) ? "(.+)" : "([^/]+)") : segment,
    );
    return Object.entries(methods as JsonObject).map(([method, operation]) => ({
      method,
      // A directory's contents are asked for with an empty path as well.
      pattern: new RegExp(`^/${pattern.join("/").replace("contents/(.+)", "contents/?(.*)")}$`),
      names,
      literals: segments.length - names.length,
      operation: operation as JsonObject,
      pointer: `${method} ${path}`,
    }));
  });
}

/** Parameters come as text; the description says what they are. A text that is no number stays one and is found by the schema. */
function fromText(text: string, type: Json | undefined): Json {
  if (type === "integer" || type === "number") return /^-?\d+$/.test(text) ? Number(text) : text;
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

/** References point into the registered components. */
function rooted(value: Json, root: string): Json {
  if (Array.isArray(value)) return value.map((inner) => rooted(inner, root));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string" ? `${root}${inner}` : rooted(inner, root),
    ]),
  );
}

function told(errors: readonly ErrorObject[] | null | undefined, where: string): readonly string[] {
  return (errors ?? []).map((error) => {
    const { additionalProperty, missingProperty, allowedValues } = error.params as Record<string, unknown>;
    const more = additionalProperty ?? missingProperty ?? (allowedValues ? JSON.stringify(allowedValues) : undefined);
    return `${where}${error.instancePath} ${error.message}${more === undefined ? "" : ` (${more})`}`;
  });
}

function at(value: JsonObject, key: string): JsonObject {
  const inner = value[key];
  if (isObject(inner)) return inner;
  throw new Error(`the description has no ${key}`);
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
