// Writes what the double in test/fakes/github knows of GitHub's published descriptions: the operations and deliveries named in its
// `operations.ts`, the components they reach, without prose and examples. The packages are far too heavy to be dependencies.
//   node scripts/github-description.ts
// test/real/github-double/drift.test.ts runs the same extraction and compares.
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { deliveries, operations } from "../test/fakes/github/operations.ts";
import { ensureTarball, hashFile, type NpmTarball, readFromTarball } from "./npm-tarball.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

const rest: NpmTarball = {
  name: "@octokit/openapi",
  version: "23.0.2",
  integrity: "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
};
const webhooks: NpmTarball = {
  name: "@octokit/openapi-webhooks",
  version: "12.1.0",
  integrity: "sha512-Z5eDsLCUNbx1zHpZb1LNQirADqdMTvWJQ/deahi0ws+tWWnwHXB+Pr4jfmM9OrETS9Y5iW8ZRu1fdbudObhLrg==",
};
const file = "package/generated/api.github.com.json";

/** File name to text, as it has to stand in test/fakes/github/description. Throws `RegistryUnreachable`. */
export async function describeGithub(): Promise<Readonly<Record<string, string>>> {
  return {
    "rest.json": await extracted(rest, (document) => pickOperations(document, Object.keys(operations))),
    "webhooks.json": await extracted(webhooks, (document) => pickWebhooks(document, deliveries)),
  };
}

async function extracted(from: NpmTarball, pick: (document: JsonObject) => JsonObject): Promise<string> {
  const tarball = await ensureTarball(from);
  const bytes = await readFromTarball(tarball, file);
  const document: JsonObject = JSON.parse(bytes.toString("utf8"));
  const picked = pick(document);
  const source = {
    package: from.name,
    version: from.version,
    file,
    tarballSha256: await hashFile(tarball, "sha256", "hex"),
    fileSha256: createHash("sha256").update(bytes).digest("hex"),
    license: (await readFromTarball(tarball, "package/LICENSE"))
      .toString("utf8")
      .split(/\s*\n\s*/)
      .join(" ")
      .trim(),
    note: "Extract without descriptions and examples. Written by scripts/github-description.ts; do not edit.",
  };
  const components = closure(picked, document);
  // A component a line: short enough to load fast, long enough for a readable difference.
  const lines = (value: Json, depth: number): string =>
    depth > 0 && isObject(value)
      ? `{\n${Object.keys(value)
          .sort()
          .map((key) => `${JSON.stringify(key)}: ${lines(value[key] ?? null, depth - 1)}`)
          .join(",\n")}\n}`
      : JSON.stringify(value);
  return `${lines({ source, ...picked, components }, 3)}\n`;
}

function pickOperations(document: JsonObject, ids: readonly string[]): JsonObject {
  const paths: Record<string, Record<string, Json>> = {};
  const missing = new Set(ids);
  for (const [path, methods] of Object.entries(objectAt(document, "paths"))) {
    for (const [method, operation] of Object.entries(isObject(methods) ? methods : {})) {
      if (!isObject(operation) || typeof operation.operationId !== "string" || !missing.delete(operation.operationId)) continue;
      paths[path] = { ...paths[path], [method]: withoutProse(operation) };
    }
  }
  if (missing.size > 0) throw new Error(`not in the description: ${[...missing].join(", ")}`);
  return { openapi: document.openapi ?? null, paths };
}

function pickWebhooks(document: JsonObject, keys: readonly string[]): JsonObject {
  const all = objectAt(document, "webhooks");
  const picked = keys.map((key) => [key, withoutProse(objectAt(all, key))] as const);
  return { openapi: document.openapi ?? null, webhooks: Object.fromEntries(picked) };
}

/** Every component that is reached from `start`, as `{ schemas: { name: … }, parameters: … }`. */
function closure(start: Json, document: JsonObject): JsonObject {
  const found: Record<string, Record<string, Json>> = {};
  const waiting = [...references(start)];
  for (let reference = waiting.pop(); reference; reference = waiting.pop()) {
    const [, , kind, name] = reference.split("/");
    if (!kind || !name || found[kind]?.[name]) continue;
    const component = withoutProse(objectAt(objectAt(objectAt(document, "components"), kind), name));
    found[kind] = { ...found[kind], [name]: component };
    waiting.push(...references(component));
  }
  return found;
}

function references(value: Json): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "$ref" && typeof inner === "string" ? [inner] : references(inner)));
}

const prose = new Set(["description", "summary", "example", "examples", "externalDocs", "tags", "title", "headers", "deprecated"]);

/** `named` = the keys of this object are names chosen by GitHub (`properties`, `responses`), not words of the specification. */
function withoutProse(value: Json, named = false): Json {
  if (Array.isArray(value)) return value.map((inner) => withoutProse(inner));
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => named || (!prose.has(key) && !key.startsWith("x-")));
  return Object.fromEntries(
    kept.map(([key, inner]) => [
      key,
      ["enum", "default", "required"].includes(key) ? inner : withoutProse(inner, !named && key === "properties"),
    ]),
  );
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectAt(value: JsonObject, key: string): JsonObject {
  const inner = value[key];
  if (isObject(inner)) return inner;
  throw new Error(`the description has no ${key}`);
}

if (process.argv[1] === import.meta.filename) {
  for (const [name, text] of Object.entries(await describeGithub())) {
    await writeFile(new URL(`../test/fakes/github/description/${name}`, import.meta.url), text);
  }
}
