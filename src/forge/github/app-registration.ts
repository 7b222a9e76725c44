import { z } from "zod";
import { appError, isAppError } from "../../domain/errors.ts";
import type { AppRegistration, CreatedApp } from "../new-app.ts";
import { planApp } from "./app-manifest.ts";

/** A code that was taken for a try is gone, so there is one try. */
const timeoutMs = 10_000;
/** GitHub's answer is about 6 KiB. */
const mostBytes = 1_048_576;

/**
 * GitHub's App manifest flow: a browser posts a manifest, a person presses "Create", GitHub sends the browser back with a code, and the code is
 * exchanged, once and within an hour, for the App's id and secrets. Source: GitHub's documentation "Registering a GitHub App from a manifest" and the
 * operation `apps/create-from-manifest` of its REST description.
 */
export function githubAppRegistration(version: string): AppRegistration {
  return { plan: planApp, convert: ({ api }, code) => convertCode(api, code, `flibs/${version}`), read: readCreatedApp };
}

/** The answer is returned as it came: whoever finds a fault in it must have kept it. */
async function convertCode(api: string, code: string, userAgent: string): Promise<string> {
  const operation = "POST /app-manifests/{code}/conversions";
  try {
    const response = await fetch(`${api}/app-manifests/${encodeURIComponent(code)}/conversions`, {
      method: "POST",
      headers: { accept: "application/vnd.github+json", "user-agent": userAgent, "x-github-api-version": "2022-11-28" },
      // The code must not travel on to another host.
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await readText(response);
    if (response.status === 201) return text;
    throw notHandedOver(`GitHub answered ${operation} with ${response.status}: ${messageIn(text)}`);
  } catch (error) {
    if (isAppError(error)) throw error;
    throw notHandedOver(`GitHub did not answer ${operation}`, error);
  }
}

async function readText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function messageIn(text: string): string {
  return /"message"\s*:\s*"([^"\\]{1,200})"/.exec(text)?.[1] ?? "no reason was given";
}

/** The parts that flibs uses. The client secret is for acting as a person, which flibs never does, so it is not kept. */
const Answer = z.object({
  id: z.number().int().positive(),
  slug: z.string().min(1),
  name: z.string().min(1),
  html_url: z.url({ protocol: /^https?$/ }),
  pem: z.string().includes("PRIVATE KEY"),
  webhook_secret: z.string().min(1),
});

function readCreatedApp(text: string): CreatedApp {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw notHandedOver("GitHub's answer about the new App is no JSON");
  }
  const { success, data, error } = Answer.safeParse(json);
  if (!success) throw notHandedOver(`GitHub's answer about the new App is not as described:\n${z.prettifyError(error)}`);
  const { id, slug, name, html_url: url, pem: privateKey, webhook_secret: webhookSecret } = data;
  return { id, slug, name, url, privateKey, webhookSecret };
}

function notHandedOver(message: string, cause?: unknown) {
  return appError("forge.app-not-handed-over", message, cause === undefined ? {} : { cause });
}
