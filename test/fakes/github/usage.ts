import { operations } from "./operations.ts";
import type { App } from "./world.ts";

export interface RequestMade {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** What it needed, alternatives side by side: `issues: write`. */
  readonly needs: readonly string[];
  /** `installation <id>`, `app` or `nobody`. */
  readonly by: string;
  readonly userAgent: string;
}

/** What was asked and sent, so that a test can compare it with the App's manifest both ways. */
export interface Usage {
  readonly requests: RequestMade[];
  /** Writes a request down. */
  made(request: Omit<RequestMade, "needs">): void;
  /** Events sent, by name (`push`). */
  readonly events: Set<string>;
  /** Needs beside the API's operations: reading over git. */
  readonly more: Set<string>;
  count(operationId: string): number;
  /** Permissions of the manifest that nothing needed, or needed only to read; as `contents: write`. */
  unusedPermissions(app: Pick<App, "permissions">): readonly string[];
  /** Subscribed events that never came. */
  unusedEvents(app: Pick<App, "events">): readonly string[];
}

export function createUsage(): Usage {
  const requests: RequestMade[] = [];
  const events = new Set<string>();
  const more = new Set<string>();
  /** Permissions that only let an event come. */
  const byEvent: Readonly<Record<string, string>> = { merge_queues: "merge_group" };
  function levels(permission: string): ReadonlySet<string> {
    const found = requests.filter(({ status }) => status < 400).flatMap(({ operationId }) => operations[operationId]?.any ?? []);
    const needed = found.flatMap(([name, level]) => (name === permission ? [level] : []));
    return new Set([...needed, ...(more.has(permission) ? ["read"] : [])]);
  }
  return {
    requests,
    made(request) {
      const needs = (operations[request.operationId]?.any ?? []).map(([permission, level]) => `${permission}: ${level}`);
      requests.push({ ...request, needs });
    },
    events,
    more,
    count: (operationId) => requests.filter((each) => each.operationId === operationId).length,
    unusedPermissions(app) {
      return Object.entries(app.permissions).flatMap(([name, level]) => {
        const used = levels(name);
        const event = byEvent[name];
        const isUsed =
          used.has(level) || (level === "read" && used.size > 0) || (event !== undefined && events.has(event)) || name === "metadata";
        return isUsed ? [] : [`${name}: ${level}`];
      });
    },
    unusedEvents: (app) => app.events.filter((event) => !events.has(event)),
  };
}
