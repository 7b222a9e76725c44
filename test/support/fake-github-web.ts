import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Needs to be granted to hear of it; GitHub's documentation "Webhook events and payloads". */
const permissionOfEvent: Readonly<Record<string, string>> = {
  check_run: "checks",
  check_suite: "checks",
  issue_comment: "issues",
  merge_group: "merge_queues",
  pull_request: "pull_requests",
  push: "contents",
};

export interface FakeGithubWeb extends AsyncDisposable {
  readonly url: string;
  /** Manifests of the Apps that were made, in order, and who owns them. */
  readonly made: { readonly owner: string; readonly manifest: Manifest }[];
  /** Tried codes; each works once. */
  readonly conversions: { readonly code: string; readonly userAgent: string; readonly apiVersion: string }[];
  /** Set to have something happen when a code is exchanged: what it returns is answered. */
  onConversion: ((app: Record<string, unknown>) => Promise<{ readonly status: number; readonly body: string }>) | undefined;
}

export interface Manifest {
  readonly name: string;
  readonly url: string;
  readonly public: boolean;
  readonly redirect_url: string;
  readonly hook_attributes: { readonly url: string; readonly active: boolean };
  readonly default_permissions: Readonly<Record<string, string>>;
  readonly default_events: readonly string[];
}

/** GitHub's pages and API, as far as making Apps goes. A posted manifest is shown with a button; pressing it makes the App and sends the browser on. */
export async function fakeGithubWeb(): Promise<FakeGithubWeb> {
  const apps = new Map<string, Record<string, unknown>>();
  const made: FakeGithubWeb["made"] = [];
  const conversions: FakeGithubWeb["conversions"] = [];
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = new URL(request.url ?? "", url);
    const owner = /^(?:\/organizations\/([\w-]+))?\/settings\/apps\/new$/.exec(asked.pathname);
    const code = /^\/api\/v3\/app-manifests\/([\w-]+)\/conversions$/.exec(asked.pathname)?.[1];
    if (request.method === "POST" && owner) {
      return show(owner[1] ?? "alice", asked.searchParams.get("state") ?? "", await textOf(request), response);
    }
    if (request.method === "POST" && asked.pathname === "/settings/apps") return make(new URLSearchParams(await textOf(request)), response);
    if (request.method === "POST" && code) return convert(code, request, response);
    response.writeHead(asked.pathname === "/favicon.ico" ? 204 : 404).end();
  }

  function show(owner: string, state: string, body: string, response: ServerResponse): void {
    const manifest = new URLSearchParams(body).get("manifest") ?? "";
    const fault = faultOf(JSON.parse(manifest));
    const fields = Object.entries({ owner, state, manifest }).map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${encoded(value)}">`,
    );
    response.writeHead(fault === undefined ? 200 : 422, { "content-type": "text/html; charset=utf-8" });
    response.end(fault ?? `<form action="${url}/settings/apps" method="post">${fields.join("")}<button>Create GitHub App</button></form>`);
  }

  function make(fields: URLSearchParams, response: ServerResponse): void {
    const owner = fields.get("owner") ?? "";
    const manifest: Manifest = JSON.parse(fields.get("manifest") ?? "");
    made.push({ owner, manifest });
    const number = made.length;
    const code = `code${number}`;
    apps.set(code, appOf(url, number, manifest));
    response.writeHead(302, { location: `${manifest.redirect_url}?code=${code}&state=${fields.get("state")}` }).end();
  }

  async function convert(code: string, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    conversions.push({ code, userAgent: headers["user-agent"] ?? "", apiVersion: String(headers["x-github-api-version"]) });
    const app = apps.get(code);
    apps.delete(code);
    const told =
      app === undefined
        ? { status: 404, body: '{"message":"Not Found"}' }
        : ((await fake.onConversion?.(app)) ?? { status: 201, body: JSON.stringify(app) });
    response.writeHead(told.status, { "content-type": "application/json" }).end(told.body);
  }

  const fake: FakeGithubWeb = {
    ...{ url, made, conversions, onConversion: undefined },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return fake;
}

/** What GitHub would say about a manifest. */
function faultOf(manifest: Manifest): string | undefined {
  if (!manifest.url) return "url is required";
  if (!manifest.hook_attributes.url) return "hook_attributes.url is required";
  if (manifest.name.length > 34) return "name is too long";
  const deaf = manifest.default_events.find((event) => manifest.default_permissions[permissionOfEvent[event] ?? ""] === undefined);
  return deaf === undefined ? undefined : `default_events: ${deaf} is not supported by the permissions`;
}

function appOf(url: string, id: number, { name, default_permissions, default_events }: Manifest): Record<string, unknown> {
  const slug = name.toLowerCase().replace(/\W+/g, "-");
  return {
    ...{
      id,
      slug,
      node_id: "A_1",
      name,
      html_url: `${url}/apps/${slug}`,
      external_url: url,
      permissions: default_permissions,
      events: default_events,
    },
    ...{ client_id: "Iv1.0", client_secret: "the client secret", webhook_secret: `hook secret ${id}` },
    pem: `-----BEGIN RSA PRIVATE KEY-----\nkey ${id}\n-----END RSA PRIVATE KEY-----\n`,
  };
}

/** What browser and person do until GitHub sends the browser back: the address that it is sent to. */
export async function createOnGithub(pageUrl: string): Promise<string> {
  const shown = await submit(await fetch(pageUrl));
  const sentBack = await submit(shown);
  return sentBack.headers.get("location") ?? "";
}

/** The whole visit: page, GitHub, back. */
export async function visit(pageUrl: string): Promise<Response> {
  return fetch(await createOnGithub(pageUrl));
}

/** Posts the only form of a page as it is; redirects are not followed. */
async function submit(page: Response): Promise<Response> {
  const html = await page.text();
  const action = decoded(/<form action="([^"]*)" method="post">/.exec(html)?.[1] ?? "");
  if (action === "") throw new Error(`${page.status}, and no form: ${html}`);
  const fields = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
    ([, name = "", value = ""]): [string, string] => [name, decoded(value)],
  );
  return fetch(action, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
}

function encoded(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function decoded(text: string): string {
  return text.replace(/&#(\d+);/g, (_, number: string) => String.fromCharCode(Number(number)));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += part;
  return text;
}
