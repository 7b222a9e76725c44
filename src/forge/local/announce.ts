import { randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import https from "node:https";
import { join } from "node:path";
import { z } from "zod";
import { type Change, type Payload, signBody } from "./delivery.ts";

// An import of node:http also loads undici, for a name that is not used here: a twentieth of a second of each start.
const http = process.getBuiltinModule("node:http");

/** `<directory>/flibs-hook.json`: where hooks find flibs. It names the secret and does not hold it. */
export const HookAddress = z.strictObject({
  /** What the web server is reached at, for example `http://127.0.0.1:8080`. */
  url: z.url({ protocol: /^https?$/ }),
  secret: z.union([z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })]),
});
export type HookAddress = z.infer<typeof HookAddress>;

/** A push must not wait longer than this for a flibs that hangs. */
const timeLimitMs = 2000;

export async function writeHookAddress(directory: string, address: HookAddress): Promise<void> {
  const path = join(directory, "flibs-hook.json");
  const fresh = `${path}.${process.pid}.new`;
  await writeFile(fresh, `${JSON.stringify(HookAddress.parse(address), null, 2)}\n`, { mode: 0o644 });
  await rename(fresh, path);
}

/** Sends a signed delivery. Never throws: what was not heard is found by the sweep; the answer says why it was not. */
export async function announce(
  directory: string,
  repository: string,
  actor: string,
  changes: readonly Change[],
): Promise<"heard" | string> {
  try {
    const address = HookAddress.parse(JSON.parse(await readFile(join(directory, "flibs-hook.json"), "utf8")));
    const secret = "file" in address.secret ? (await readFile(address.secret.file, "utf8")).trim() : process.env[address.secret.env];
    if (secret === undefined || secret === "") return "the secret is empty";
    const payload: Payload = { delivery: randomUUID(), repository, actor, changes: [...changes] };
    const status = await post(`${address.url.replace(/\/+$/, "")}/hooks/local`, payload, secret);
    return status >= 200 && status < 300 ? "heard" : `flibs answered ${status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function post(url: string, payload: Payload, secret: string): Promise<number> {
  const body = Buffer.from(JSON.stringify(payload));
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    "x-flibs-delivery": payload.delivery,
    "x-flibs-event": "change",
    "x-flibs-signature-256": signBody(body, secret),
    connection: "close",
  };
  return new Promise((resolve, reject) => {
    const { request: send } = url.startsWith("https:") ? https : http;
    // `agent: false`: no socket is kept open that would hold the hook's process up.
    const request = send(url, { method: "POST", headers, agent: false, signal: AbortSignal.timeout(timeLimitMs) }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
    request.end(body);
  });
}
