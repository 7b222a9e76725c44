import type { IncomingMessage, ServerResponse } from "node:http";

export interface FakeTokenAuth {
  readonly username: string;
  readonly password: string;
  /** `expires_in` of the answer; left out when undefined. */
  expiresIn?: number;
  /** Scopes (`repository:a:pull`) that are never granted. */
  readonly withheld?: readonly string[];
  /** In place of the fake's own address. */
  readonly realm?: string;
}

/** Opaque tokens with the actions they stand for: what a registry's token server and its resource check agree on. */
export class FakeTokens {
  readonly #granted = new Map<string, ReadonlySet<string>>();
  readonly requests: string[] = [];
  #serial = 0;

  /** Every token issued so far is refused from now on. */
  revokeAll(): void {
    this.#granted.clear();
  }

  issue(request: IncomingMessage, response: ServerResponse, auth: FakeTokenAuth): void {
    this.requests.push(request.url ?? "");
    const expected = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
    if (request.headers.authorization !== expected) {
      response.writeHead(401).end();
      return;
    }
    const url = new URL(request.url ?? "", "http://fake");
    const actions = url.searchParams
      .getAll("scope")
      .flatMap(eachAction)
      .filter((one) => !(auth.withheld ?? []).includes(one));
    this.#serial += 1;
    const token = `token-${this.#serial}`;
    this.#granted.set(token, new Set(actions));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ access_token: token, ...(auth.expiresIn === undefined ? {} : { expires_in: auth.expiresIn }) }));
  }

  allows(header: string | undefined, needed: readonly string[]): boolean {
    const granted = this.#granted.get(header?.replace(/^Bearer /, "") ?? "");
    return granted !== undefined && needed.flatMap(eachAction).every((one) => granted.has(one));
  }
}

function eachAction(scope: string): string[] {
  const colon = scope.lastIndexOf(":");
  return scope
    .slice(colon + 1)
    .split(",")
    .map((action) => `${scope.slice(0, colon)}:${action}`);
}
