import type { IncomingMessage } from "node:http";
import type Docker from "dockerode";
import { answers, ask, checkApiVersion, dial } from "./docker-client.ts";

/** What an engine says of itself. */
export interface EngineVersion {
  readonly Os: string;
  readonly Arch: string;
  readonly ApiVersion: string;
}

const freshMs = 60_000;

/**
 * Asked for its version, dockerd starts four programs to know theirs, and it is asked for each step of a build whether it is there: so it is
 * asked once a minute, and in between only for an answer. Throws `engine.unreachable` when there is none.
 */
export function engineVersion(docker: Docker, socket: string): () => Promise<EngineVersion> {
  let known: { readonly version: EngineVersion; readonly at: number } | undefined;
  return async () => {
    if (known !== undefined && performance.now() - known.at < freshMs) {
      const { version } = known;
      const apiVersion = await ask(socket, "answer", ping(docker)).catch((error: unknown) => {
        // One that was away may come back as another one.
        known = undefined;
        throw error;
      });
      // Or was replaced while nobody asked.
      if (apiVersion === undefined || apiVersion === version.ApiVersion) return version;
    }
    const version = await ask(socket, "say its version", docker.version());
    checkApiVersion(version.ApiVersion);
    known = { version, at: performance.now() };
    return version;
  };
}

/** The version that stands in the answer's head, for example `1.41`. */
async function ping(docker: Docker): Promise<string | undefined> {
  const answer = (await dial(docker, { path: "/_ping", method: "GET", isStream: true, statusCodes: answers(200) })) as IncomingMessage;
  answer.resume();
  const version = answer.headers["api-version"];
  return typeof version === "string" ? version : undefined;
}
