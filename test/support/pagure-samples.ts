import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RawDelivery } from "../../src/forge/forge.ts";

const root = join(import.meta.dirname, "../fixtures/pagure");

/** Secrets of the samples, made up for them. */
export const sampleKeys: Readonly<Record<string, string>> = {
  "containers/hello": "NOTASECRETNOTASECRETNOTASECRETHELLO00001",
  "containers/manifest": "NOTASECRETNOTASECRETNOTASECRETMANIFEST01",
};

export interface SampleDelivery extends RawDelivery {
  /** `03-git.receive` */
  readonly name: string;
  readonly topic: string;
}

/** Webhook requests as a real Pagure sent them: headers in lower case, bytes of the body untouched. Those that were a GET are left out. */
export function sampleDeliveries(): readonly SampleDelivery[] {
  const directory = join(root, "webhooks");
  const names = readdirSync(directory).flatMap((file) => (file.endsWith(".body.json") ? [file.slice(0, -".body.json".length)] : []));
  return names.sort().flatMap((name) => {
    const [first = "", ...lines] = readFileSync(join(directory, `${name}.headers.txt`), "utf8").split("\n");
    if (!first.startsWith("POST ")) return [];
    const headers = Object.fromEntries(
      lines
        .filter((line) => line.includes(": "))
        .map((line) => [line.slice(0, line.indexOf(": ")).toLowerCase(), line.slice(line.indexOf(": ") + 2)]),
    );
    return [{ name, topic: headers["x-pagure-topic"] ?? "", headers, body: readFileSync(join(directory, `${name}.body.json`)) }];
  });
}

export interface SampleExchange {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly params: Readonly<Record<string, string>> | null;
    readonly auth: string | null;
    readonly form: Readonly<Record<string, string>> | null;
    readonly json: unknown;
  };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly text?: string;
}

export function sampleExchanges(): readonly SampleExchange[] {
  const directory = join(root, "api");
  return readdirSync(directory)
    .sort()
    .map((file) => ({ name: file.replace(/\.json$/, ""), ...JSON.parse(readFileSync(join(directory, file), "utf8")) }));
}

/** What differs from one Pagure to the next is named by its kind: commits, uids, times, ids of a service for pictures. */
export function withoutChance(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutChance);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, key === "avatar_url" ? typeof member : withoutChance(member)]),
    );
  }
  if (typeof value === "number") return value > 1_000_000_000 ? "<time>" : value;
  if (typeof value !== "string") return value;
  return value
    .replace(/^\^?0{40}$/, "<none>")
    .replace(/\b[0-9a-f]{40}\b/g, "<commit>")
    .replace(/^[0-9a-f]{32}$/, "<uid>")
    .replace(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "<uuid>")
    .replace(/^\d{10}(\.\d+)?$/, "<time>");
}
