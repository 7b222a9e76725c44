import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { connectEmbedded } from "../../../src/store/embedded-postgres.ts";
import { type Github, startGithub } from "../../fakes/github/github.ts";
import { signatureOfBody } from "../../fakes/github/hooks.ts";
import { readAppManifest } from "../../support/app-manifest.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { freePort } from "../../support/free-port.ts";
import { type Installation, makeInstallation } from "../../support/installation.ts";
import { type ProbotProcess, startProbot } from "../../support/probot-process.ts";
import { until } from "../../support/running-service.ts";

const hookSecret = "the hook's secret";
const hello = "containers/hello";

let installation: Installation;
let github: Github;
let database: TestDatabase;
let environment: Readonly<Record<string, string>>;
let payloadFile: string;
let payload: string;
const processes: ProbotProcess[] = [];

beforeAll(async () => {
  installation = await makeInstallation();
  github = await startGithub({ app: await readAppManifest(), hookSecret });
  database = await testDatabase();
  github.organisation("containers");
  await github.createRepository(hello, { files: { README: "1" }, roles: { alice: "write" } });
  await github.install("containers");
  const keyFile = join(installation.directory, "app.pem");
  await writeFile(keyFile, github.app.privateKey, { mode: 0o600 });
  const { settings, directory } = installation;
  const forge = {
    ...{ kind: "github", appId: github.app.id, privateKey: { file: keyFile }, baseUrl: github.apiUrl },
    webhookSecrets: [{ env: "WEBHOOK_SECRET" }],
  };
  const settingsFile = join(directory, "github.yaml");
  await writeFile(settingsFile, stringify({ ...settings, forge }));
  // Not one that is built: what is heard of it is that it is ignored.
  github.hooks.url = "http://127.0.0.1:9/hooks/github";
  github.hooks.transmission.down = true;
  await github.person("alice").push(hello, "topic", { README: "2" });
  await github.hooks.settled();
  payload = JSON.stringify(github.hooks.attempts.find(({ delivery }) => delivery.event === "push")?.delivery.payload);
  // The sweep would find it there.
  github.hooks.attempts.length = 0;
  payloadFile = join(directory, "payload.json");
  await writeFile(payloadFile, payload);
  environment = {
    ...{ FLIBS_CONFIG: settingsFile, DATABASE_URL: database.url, APP_ID: String(github.app.id), PRIVATE_KEY_PATH: keyFile },
    ...{ WEBHOOK_SECRET: hookSecret, HOST: "127.0.0.1" },
  };
}, 120_000);

afterEach(async () => {
  for (const probot of processes.splice(0)) {
    probot.signal("SIGKILL");
    await probot.ended;
  }
  await database.query("delete from delivery");
});

afterAll(async () => {
  await database?.drop();
  await github?.close();
  await installation?.remove();
});

function start(args: readonly string[], more: Readonly<Record<string, string | undefined>> = {}): ProbotProcess {
  const probot = startProbot(args, { ...environment, ...more });
  processes.push(probot);
  return probot;
}
const receive = (event = "push") => start(["receive", "-e", event, "-p", payloadFile]);
async function serve() {
  const port = String(await freePort());
  const probot = start(["run"], { PORT: port, WEBHOOK_PATH: "/hooks/github" });
  await probot.until("Listening on");
  return { probot, url: `http://127.0.0.1:${port}/hooks/github` };
}
const deliveries = () =>
  database.query<{ delivery_id: string; status: string; outcome: string | null }>("select delivery_id, status, outcome from delivery");
const guid = "0B989BA4-242F-11E5-81E1-C7B6966D2516";
function post(url: string, secret = hookSecret): Promise<Response> {
  const headers = {
    ...{ "content-type": "application/json", "x-github-event": "push", "x-github-delivery": guid, "user-agent": "GitHub-Hookshot/1" },
    "x-hub-signature-256": signatureOfBody(secret, payload),
  };
  return fetch(url, { method: "POST", headers, body: payload });
}
const ignored = "ignored: branch topic is not built";

describe("probot receive", () => {
  test("without a service stores the delivery, says that nobody looks at it, and ends", async () => {
    const probot = receive();
    expect(await probot.ended).toBe(0);
    expect(probot.said()).toContain("stored; no flibs is running");
    expect(await deliveries()).toMatchObject([{ status: "stored", outcome: null }]);
  }, 60_000);

  test("without a service does the same where flibs brings its own PostgreSQL, which stands still again afterwards", async () => {
    const probot = start(["receive", "-e", "push", "-p", payloadFile], { DATABASE_URL: undefined });
    expect(await probot.ended).toBe(0);
    expect(probot.said()).toContain("stored; no flibs is running");
    expect(await connectEmbedded(join(installation.settings.stateDirectory, "postgres"))).toBeUndefined();
  }, 60_000);

  test("hands the delivery to the service that runs, and says what became of it", async () => {
    await serve();
    const probot = receive();
    expect(await probot.ended).toBe(0);
    expect(probot.said()).toContain(`done: ${ignored}`);
    expect(await deliveries()).toMatchObject([{ status: "done" }]);
  }, 60_000);

  test("without a database says so, and has failed", async () => {
    const probot = start(["receive", "-e", "push", "-p", payloadFile], { DATABASE_URL: "postgres://127.0.0.1:1/none" });
    expect(await probot.ended).toBe(1);
    expect(probot.said()).toMatch(/the database did not answer/);
  }, 60_000);
});

describe("probot run", () => {
  test("has a signed delivery written down when it answers, and looks at it from the queue", async () => {
    const { url } = await serve();
    expect((await post(url)).status).toBe(200);
    expect(await deliveries()).toMatchObject([{ delivery_id: guid.toLowerCase() }]);
    const found = await until("a look at the delivery", async () => (await deliveries()).find((one) => one.status !== "stored"));
    expect(found).toMatchObject({ status: "done", outcome: expect.stringContaining(ignored) });
    expect((await post(url)).status).toBe(200);
    expect(await deliveries()).toHaveLength(1);
  }, 60_000);

  test("takes up what was handed in while nothing ran", async () => {
    await receive().ended;
    await serve();
    await until("a look at the delivery", async () => (await deliveries()).find((one) => one.status === "done"));
  }, 60_000);

  test("refuses what is signed with another secret, and keeps nothing of it", async () => {
    const { url } = await serve();
    expect((await post(url, "development")).status).toBe(400);
    expect(await deliveries()).toEqual([]);
  }, 60_000);

  test.each([undefined, "", "development"])(
    "does not start with the webhook secret %j",
    async (secret) => {
      const probot = start(["run"], { WEBHOOK_SECRET: secret });
      expect(await probot.ended).not.toBe(0);
      expect(probot.said()).toContain("WEBHOOK_SECRET is not set, so anybody could send deliveries");
    },
    60_000,
  );

  test.each(["SIGTERM", "SIGINT"] as const)(
    "stops on %s by itself, and another may start at once",
    async (signal) => {
      const { probot } = await serve();
      probot.signal(signal);
      expect(await probot.ended).toBe(0);
      const again = await serve();
      expect((await post(again.url)).status).toBe(200);
    },
    60_000,
  );

  test("on another forge says what it needs", async () => {
    const probot = start(["run"], { FLIBS_CONFIG: installation.settingsFile });
    expect(await probot.ended).not.toBe(0);
    expect(probot.said()).toContain("the forge is local, a Probot app needs github");
  }, 60_000);
});
