// Where GitHub's published description contradicts what GitHub sends. Applied when it is loaded; the extract itself stays as published.
import { isObject, type Json, type JsonObject } from "./schemas.ts";

interface Repair {
  readonly document: "rest" | "webhooks";
  readonly path: readonly string[];
  readonly reason: string;
  mend(found: Json): Json;
}

const installations = ["paths", "/app/installations", "get", "responses", "200", "content", "application/json", "schema", "items"];

export const repairs: readonly Repair[] = [
  {
    document: "rest",
    path: [...installations, "properties", "account"],
    reason:
      "an account is a user, an organisation or an enterprise; the list of installations (unlike one installation) demands all at once",
    mend: (found) => (isObject(found) && found.allOf ? { nullable: true, anyOf: found.allOf } : found),
  },
  ...["requested", "rerequested", "completed"].map((action) => ({
    document: "webhooks" as const,
    path: [
      "components",
      "schemas",
      `webhook-check-suite-${action}`,
      "properties",
      "check_suite",
      "properties",
      "app",
      "properties",
      "events",
      "items",
    ],
    reason: "the list of events an App can have is older than the merge queue",
    mend: (found: Json): Json =>
      isObject(found) && Array.isArray(found.enum) ? { ...found, enum: [...found.enum, "merge_group"] } : found,
  })),
];

/** The document with its repairs. Throws when a place is gone, so that a new description drops what it no longer needs. */
export function repaired(document: "rest" | "webhooks", value: JsonObject): JsonObject {
  return repairs.filter((repair) => repair.document === document).reduce((all, { path, mend }) => replaced(all, path, mend), value);
}

function replaced(value: Json, path: readonly string[], mend: (found: Json) => Json): JsonObject {
  const [key = "", ...rest] = path;
  const inner = isObject(value) ? value[key] : undefined;
  if (!isObject(value) || inner === undefined) throw new Error(`the description has no ${path.join(" ")}`);
  const mended = rest.length === 0 ? mend(inner) : replaced(inner, rest, mend);
  if (rest.length === 0 && mended === inner) throw new Error(`${path.join(" ")} needs no repair any more`);
  return { ...value, [key]: mended };
}
