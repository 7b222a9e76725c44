import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { postingPage } from "../../src/cli/app-pages.ts";
import { openAppVisit } from "../../src/cli/app-visit.ts";
import { runProgram, type Surroundings } from "../../src/cli/program.ts";
import { githubAppRegistration } from "../../src/forge/github/app-registration.ts";
import { createOnGithub, type FakeGithubWeb, fakeGithubWeb, visit } from "../support/fake-github-web.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

let scratch: ScratchDirectory;
let github: FakeGithubWeb;
let home: string;

beforeEach(async () => {
  scratch = await scratchDirectory();
  github = await fakeGithubWeb();
  home = join(scratch.path, "home");
  await mkdir(home);
  await writeFile(join(scratch.path, "flibs.yaml"), "");
});
afterEach(async () => {
  await github[Symbol.asyncDispose]();
  await scratch.remove();
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command as an operator starts it; `url` comes when the browser may be opened, `interrupt` is Ctrl-C. */
function createApp(...more: string[]) {
  const said = { out: "", err: "" };
  const opened = Promise.withResolvers<string>();
  const stops = new Set<() => void>();
  const surroundings = {
    terminal: {
      out: (text: string) => {
        said.out += text;
      },
      err: (text: string) => {
        said.err += text;
        const url = /http:\/\/127\.\S+/.exec(text)?.[0];
        if (url) opened.resolve(url);
      },
      colours: false,
      live: false,
      width: 100,
    },
    environment: { HOME: home },
    version: "1.2.3",
    githubApps: async () => githubAppRegistration("1.2.3"),
    onInterrupt: (stop: () => void) => {
      stops.add(stop);
      return () => stops.delete(stop);
    },
  } as unknown as Surroundings;
  const config = ["--config", join(scratch.path, "flibs.yaml")];
  const flags = ["--url", "https://flibs.example.com", "--base-url", github.url];
  const ended: Promise<Ended> = runProgram([...config, "github", "create-app", ...flags, ...more], surroundings).then((code) => {
    opened.reject(new Error(`it ended with ${code}: ${said.err}`));
    return { code, ...said };
  });
  opened.promise.catch(() => {});
  return {
    url: () => opened.promise,
    ended,
    interrupt: () => {
      for (const stop of stops) stop();
    },
    listeners: stops,
  };
}

const pem = () => join(scratch.path, "github-app.pem");
const secret = () => join(scratch.path, "github-webhook.secret");

/** A request with headers that `fetch` would not send. */
function ask(url: string, options: { readonly method?: string; readonly host?: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = options.host === undefined ? {} : { host: options.host };
    const sent = request(url, { method: options.method ?? "GET", headers, agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject).end();
  });
}

describe("an App is made in one visit", () => {
  test("its secrets stand beside the settings, readable by the owner only, and are printed nowhere", async () => {
    const run = createApp();
    const page = await visit(await run.url());
    const { code, out, err } = await run.ended;
    expect({ code, page: page.status, text: await page.text() }).toMatchObject({
      code: 0,
      page: 200,
      text: expect.stringContaining("The App is made"),
    });
    expect(await readFile(pem(), "utf8")).toBe("-----BEGIN RSA PRIVATE KEY-----\nkey 1\n-----END RSA PRIVATE KEY-----\n");
    expect(await readFile(secret(), "utf8")).toBe("hook secret 1\n");
    for (const file of [pem(), secret()]) expect((await lstat(file)).mode & 0o777).toBe(0o600);
    expect(out + err).not.toMatch(/key 1|hook secret 1|client secret/);
    expect(run.listeners.size).toBe(0);
  });

  test("the settings to paste and the next steps are told", async () => {
    const run = createApp();
    await visit(await run.url());
    const { out } = await run.ended;
    const fragment = /forge:\n(?: .*\n)+/.exec(out)?.[0] ?? "";
    expect(parse(fragment)).toEqual({
      forge: {
        kind: "github",
        appId: 1,
        privateKey: { file: "github-app.pem" },
        webhookSecrets: [{ file: "github-webhook.secret" }],
        baseUrl: `${github.url}/api/v3`,
      },
    });
    expect(out).toContain(
      `install the App on the repositories to build and the registry-manifest repository: ${github.url}/apps/flibs/installations/new`,
    );
    expect(out).toContain("flibs doctor");
  });

  test("GitHub gets app.yml with this installation's addresses", async () => {
    const run = createApp("--url", "https://ci.example.com/flibs/", "--name", "Acme flibs", "--organization", "acme");
    const url = await run.url();
    await visit(url);
    await run.ended;
    expect(github.made).toEqual([
      {
        owner: "acme",
        manifest: {
          name: "Acme flibs",
          description: expect.any(String),
          url: "https://ci.example.com/flibs",
          public: false,
          redirect_url: `${new URL(url).origin}/created`,
          hook_attributes: { url: "https://ci.example.com/flibs/hooks/github", active: true },
          default_permissions: parse(await readFile("app.yml", "utf8")).default_permissions,
          default_events: parse(await readFile("app.yml", "utf8")).default_events,
        },
      },
    ]);
    expect(github.conversions).toEqual([{ code: "code1", userAgent: "flibs/1.2.3", apiVersion: "2022-11-28" }]);
  });

  test("--json says the same to a machine; files elsewhere have whole paths", async () => {
    const elsewhere = join(scratch.path, "secrets");
    const run = createApp("--json", "--directory", elsewhere);
    await visit(await run.url());
    const { out } = await run.ended;
    expect(JSON.parse(out)).toEqual({
      ...{ id: 1, slug: "flibs", name: "flibs", url: `${github.url}/apps/flibs`, installUrl: `${github.url}/apps/flibs/installations/new` },
      ...{ privateKeyFile: join(elsewhere, "github-app.pem"), webhookSecretFile: join(elsewhere, "github-webhook.secret") },
      forge: {
        kind: "github",
        appId: 1,
        privateKey: { file: join(elsewhere, "github-app.pem") },
        webhookSecrets: [{ file: join(elsewhere, "github-webhook.secret") }],
        baseUrl: `${github.url}/api/v3`,
      },
    });
    expect((await lstat(elsewhere)).mode & 0o777).toBe(0o700);
  });
});

describe("who is not the person at the terminal gets nowhere", () => {
  test("a wrong state, a missing code, another address and another method are refused, and the visit goes on", async () => {
    const run = createApp();
    const url = await run.url();
    const { origin } = new URL(url);
    const back = await createOnGithub(url);
    expect((await fetch(`${origin}/created?code=evil&state=wrong`)).status).toBe(403);
    expect((await fetch(`${origin}/created?code=evil`)).status).toBe(403);
    expect((await fetch(back.replace("code1", "../../user"))).status).toBe(400);
    expect((await fetch(`${origin}/`)).status).toBe(404);
    expect((await fetch(`${origin}/favicon.ico`)).status).toBe(404);
    for (const method of ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"]) expect(await ask(back, { method })).toBe(405);
    expect(github.conversions).toEqual([]);
    expect((await fetch(back)).status).toBe(200);
    expect((await run.ended).code).toBe(0);
  });

  test("a foreign name for this machine is refused (DNS rebinding)", async () => {
    const run = createApp();
    const url = await run.url();
    const { port } = new URL(url);
    for (const host of ["evil.example.com", `evil.example.com:${port}`, `localhost:${port}`, "127.0.0.1", `127.0.0.1:1${port}`]) {
      expect(await ask(url, { host })).toBe(403);
    }
    await visit(url);
    expect((await run.ended).code).toBe(0);
  });

  test("a code counts once, also while it is being exchanged", async () => {
    const exchanging = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    github.onConversion = async (app) => {
      exchanging.resolve();
      await goOn.promise;
      return { status: 201, body: JSON.stringify(app) };
    };
    const run = createApp();
    const back = await createOnGithub(await run.url());
    const first = fetch(back);
    await exchanging.promise;
    expect((await fetch(back)).status).toBe(409);
    goOn.resolve();
    expect((await first).status).toBe(200);
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(github.conversions).toHaveLength(1);
  });

  test("the page runs nothing but its own line, talks to GitHub only, and cannot be framed or kept", async () => {
    const run = createApp();
    const { headers } = await fetch(await run.url());
    expect(headers.get("content-security-policy")).toMatch(
      new RegExp(
        `^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; frame-ancestors 'none'; script-src 'sha256-[^']+'; form-action ${github.url}$`,
      ),
    );
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("referrer-policy")).toBe("strict-origin");
    run.interrupt();
    await run.ended;
  });

  test("a manifest cannot break out of the page", () => {
    const { html } = postingPage({
      action: `https://github.test/?"><script>`,
      manifest: JSON.stringify({ name: `"'><script>alert(1)</script>&amp;` }),
    });
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).toContain('value="{&#34;name&#34;:&#34;\\&#34;&#39;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;amp;&#34;}"');
  });
});

describe("secrets are neither lost nor written over", () => {
  test.each(["github-app.pem", "github-webhook.secret"])("%s that is there stops it before the browser is opened", async (name) => {
    await writeFile(join(scratch.path, name), "mine");
    expect(await createApp().ended).toMatchObject({ code: 2, err: expect.stringContaining(`${name} is there already`) });
    expect(await readFile(join(scratch.path, name), "utf8")).toBe("mine");
  });

  test("a symbolic link that leads nowhere counts as a file", async () => {
    await symlink("/nowhere", pem());
    expect(await createApp().ended).toMatchObject({ code: 2 });
  });

  test("a file that appears meanwhile is left alone, and GitHub's answer is kept elsewhere", async () => {
    github.onConversion = async (app) => {
      await writeFile(secret(), "somebody's");
      return { status: 201, body: JSON.stringify(app) };
    };
    const run = createApp();
    const page = await visit(await run.url());
    const { code, out, err } = await run.ended;
    expect(await page.text()).toContain("Go back to the terminal, it says what happened");
    expect(code).toBe(1);
    expect(await readFile(secret(), "utf8")).toBe("somebody's");
    const file = /GitHub's whole answer is in (\S+): put/.exec(err)?.[1] ?? "";
    expect(file.startsWith(`${home}/flibs-rescued-`)).toBe(true);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({
      pem: expect.stringContaining("key 1"),
      webhook_secret: "hook secret 1",
    });
    expect((await lstat(file)).mode & 0o777).toBe(0o600);
    expect((await lstat(join(file, ".."))).mode & 0o777).toBe(0o700);
    expect(out + err).not.toMatch(/key 1|hook secret 1/);
  });

  test("a directory that is gone meanwhile: the same, in the next place when the first is gone as well", async () => {
    const elsewhere = join(scratch.path, "secrets");
    github.onConversion = async (app) => {
      await rm(elsewhere, { recursive: true });
      await rm(home, { recursive: true });
      return { status: 201, body: JSON.stringify(app) };
    };
    const run = createApp("--directory", elsewhere);
    await visit(await run.url());
    const { code, err } = await run.ended;
    const file = /GitHub's whole answer is in (\S+): put/.exec(err)?.[1] ?? "";
    expect(code).toBe(1);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ webhook_secret: "hook secret 1" });
    await rm(join(file, ".."), { recursive: true });
  });

  test.each([
    ["not as described", (app: Record<string, unknown>) => JSON.stringify({ ...app, webhook_secret: null })],
    ["no JSON", () => "<html>"],
  ])("an answer that is %s is kept as it came", async (why, body) => {
    github.onConversion = async (app) => ({ status: 201, body: body(app) });
    const run = createApp();
    await visit(await run.url());
    const { code, err } = await run.ended;
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(why) });
    const [directory = ""] = await readdir(home);
    expect(await readdir(join(home, directory))).toEqual(["github-answer.json"]);
    expect(err).not.toContain("BEGIN");
  });

  test("GitHub refuses the code: told with the page where the App may be, and not tried again", async () => {
    github.onConversion = async () => ({ status: 422, body: '{"message":"Validation Failed"}' });
    const run = createApp("--organization", "acme");
    await visit(await run.url());
    const { code, err } = await run.ended;
    expect(code).toBe(1);
    expect(err).toContain("with 422: Validation Failed");
    expect(err).toContain(`look at ${github.url}/organizations/acme/settings/apps`);
    expect(github.conversions).toHaveLength(1);
    expect(await readdir(scratch.path)).toEqual(["flibs.yaml", "home"]);
  });
});

test("a code is not sent on to where GitHub's API redirects", async () => {
  github.onConversion = async () => ({ status: 307, body: "" });
  const run = createApp();
  await visit(await run.url());
  expect(await run.ended).toMatchObject({ code: 1, err: expect.stringContaining("GitHub did not answer") });
});

test("nobody comes back in time", async () => {
  const form = () => ({ action: "https://github.test/", manifest: "{}" });
  const opened = await openAppVisit({ host: "::1", port: 0, form });
  expect(opened.url).toMatch(/^http:\/\/\[::1\]:\d+\//);
  expect((await fetch(opened.url)).status).toBe(200);
  await expect(opened.code(AbortSignal.timeout(1))).rejects.toMatchObject({
    code: "cli.given-up",
    message: "nobody came back from GitHub in time",
  });
  await opened.close();
});

describe("Ctrl-C", () => {
  test("while the browser is away: nothing is left, and the port is free again", async () => {
    const run = createApp();
    const url = await run.url();
    run.interrupt();
    expect(await run.ended).toMatchObject({ code: 1, out: "", err: expect.stringContaining("stopped before GitHub sent anybody back") });
    await expect(fetch(url)).rejects.toThrow();
    expect(await readdir(scratch.path)).toEqual(["flibs.yaml", "home"]);
  });

  test("while the code is being exchanged: the secrets are stored first", async () => {
    const run = createApp();
    github.onConversion = async (app) => {
      run.interrupt();
      return { status: 201, body: JSON.stringify(app) };
    };
    await visit(await run.url());
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(await readFile(secret(), "utf8")).toBe("hook secret 1\n");
  });
});

describe("what is asked for is checked before anything happens", () => {
  test.each([
    ["--url", "http://flibs.example.com", "no plain https address"],
    ["--url", "https://user:word@flibs.example.com", "no plain https address"],
    ["--url", "https://flibs.example.com/?x=1", "no plain https address"],
    ["--base-url", "http://github.example.com", "no plain https address"],
    ["--base-url", "github.com", "no plain https address"],
    ["--listen", "0.0.0.0:0", "no loopback address"],
    ["--listen", "127.0.0.1:70000", "no loopback address"],
    ["--listen", "192.0.2.1:80", "no loopback address"],
    ["--organization", "../acme", "no name of an organization"],
    ["--name", "a name that is longer than GitHub will ever take", "longer than 34"],
    ["--manifest", "/nowhere/app.yml", "cannot be read"],
  ])("%s %s", async (option, value, message) => {
    expect(await createApp(option, value).ended).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });

  test.each([
    ["public: true", /public/],
    ["default_permissions: {pull-requests: write}", /underscores/],
    ["default_permissions: {checks: admin}", /default_permissions/],
    ["callback_urls: []", /callback_urls/],
    ["name: [", /is not YAML/],
  ])("a manifest with %s is refused", async (line, message) => {
    const file = join(scratch.path, "app.yml");
    const own = await readFile("app.yml", "utf8");
    const key = line.split(":")[0];
    await writeFile(file, `${own.replace(new RegExp(`^${key}:.*\\n(?: .*\\n)*`, "m"), "")}\n${line}\n`);
    expect(await createApp("--manifest", file).ended).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });

  test("a directory that takes no files, and a port that is taken", async () => {
    const file = join(scratch.path, "file");
    await writeFile(file, "");
    expect(await createApp("--directory", join(file, "below")).ended).toMatchObject({
      code: 2,
      err: expect.stringContaining("cannot be written"),
    });
    const { port } = new URL(github.url);
    expect(await createApp("--listen", `127.0.0.1:${port}`).ended).toMatchObject({ code: 2, err: expect.stringContaining("EADDRINUSE") });
  });
});

describe("where a GitHub's API is", () => {
  test.each([
    ["https://github.com", "https://api.github.com"],
    ["https://github.example.com", "https://github.example.com/api/v3"],
    ["https://acme.ghe.com", "https://api.acme.ghe.com"],
  ])("%s: %s", async (web, api) => {
    const manifest = parse(await readFile("app.yml", "utf8"));
    const asked = {
      manifest,
      manifestFile: "app.yml",
      web,
      organization: undefined,
      publicUrl: "https://flibs.example.com",
      name: undefined,
    };
    expect(githubAppRegistration("1").plan(asked).api).toBe(api);
  });
});
