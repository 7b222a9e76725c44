import type { BuildRecord } from "../builds/build-record.ts";
import { appError } from "../domain/errors.ts";
import { parseNvr } from "../domain/nvr.ts";
import type { Client } from "./client.ts";
import { plain } from "./terminal.ts";

/** By id, else by NVR; throws `cli.not-found`. */
export async function findBuild(client: Client, name: string): Promise<BuildRecord> {
  const byId = await client.builds.find(name);
  if (byId) return byId;
  const byNvr = name.split("-").length >= 3 ? await client.builds.findByNvr(parseNvr(name)) : undefined;
  if (byNvr) return byNvr;
  throw appError("cli.not-found", `there is no build "${name}"`, { hint: "flibs builds lists them; give an id or an NVR" });
}

/** Byte for byte: everything in it that could steer a terminal is escaped already. Throws `cli.not-found`. */
export async function readDocument(client: Client, build: string, name: string): Promise<string> {
  const document = await client.builds.findDocument(build, name);
  if (document !== undefined) return document.text;
  const names = (await client.builds.listDocuments(build)).map((one) => one.name);
  throw appError("cli.not-found", `build ${build} has no document "${plain(name).slice(0, 100)}"`, {
    hint: names.length > 0 ? `It has ${names.join(", ")}` : "It has none: it has not got that far, or an older release built it",
  });
}
