import { createHmac, randomUUID } from "node:crypto";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { localForgeOf } from "../../src/config.ts";
import { readSecret } from "../../src/config-load.ts";
import { copyTemplate, type Person } from "../support/installation.ts";
import { type RunningService, startRunningService, until } from "../support/running-service.ts";

// One service takes all of it, so that the last story also proves that it goes on.
let flibs: RunningService;

beforeAll(async () => {
  flibs = await startRunningService((settings) => ({
    ...settings,
    limits: { ...settings.limits, buildTime: "15s", testTime: "10s", log: "1MiB", context: "64MiB" },
    // How what hangs is told is the same at the first try.
    gating: { ...settings.gating, retries: 0 },
  }));
}, 120_000);
afterAll(async () => {
  await flibs?.remove();
}, 60_000);

async function push(name: string, change: (person: Person) => Promise<Record<string, string | null>>) {
  const repository = `containers/${name}`;
  const person = await flibs.repository(repository);
  await copyTemplate(person.directory, name);
  const commit = await person.push(await change(person));
  const build = await flibs.endOfBuild(repository, commit);
  return { build, statuses: await flibs.finalStatuses(repository, commit) };
}

const dockerfileOf = (person: Person) => readFile(join(person.directory, "Dockerfile"), "utf8");

/** What went wrong stands in a status, and nothing is pending, promoted or reserved. */
function expectFailure(told: Awaited<ReturnType<typeof push>>, title: RegExp, summary: RegExp): void {
  const failed = told.statuses.filter((status) => ["failure", "error", "timed-out"].includes(status.state));
  expect(failed.length).toBeGreaterThan(0);
  expect(`${failed[0]?.title}\n${failed[0]?.summary}`).toMatch(title);
  expect(`${failed[0]?.title}\n${failed[0]?.summary}`).toMatch(summary);
  expect(told.build.promotion).toBeUndefined();
}

describe("a repository that cannot be built says so on the commit, with file, line and fix", () => {
  const edit = (find: RegExp, replace: string) => async (person: Person) => ({
    Dockerfile: (await dockerfileOf(person)).replace(find, replace),
  });
  const table: readonly {
    name: string;
    change: (person: Person) => Promise<Record<string, string | null>>;
    title: RegExp;
    summary: RegExp;
  }[] = [
    {
      name: "dockerfile-missing",
      change: async (person) => {
        await person.git("add", "--all");
        return { Dockerfile: null };
      },
      title: /Dockerfile/,
      summary: /no Dockerfile|missing|not there|has no/i,
    },
    { name: "syntax-error", change: edit(/^USER/m, "USRE"), title: /Dockerfile/, summary: /USRE/ },
    { name: "label-missing", change: edit(/version="1" \\\n\s*/, ""), title: /version/, summary: /Dockerfile/ },
    { name: "label-undefined", change: edit(/version="1"/, 'version="$NOWHERE"'), title: /NOWHERE/, summary: /Dockerfile/ },
    { name: "parent-unknown", change: edit(/fedora:42/, "nowhere:42"), title: /nowhere:42/, summary: /Dockerfile|FROM/ },
    {
      name: "parent-forbidden",
      change: edit(/registry\.fedoraproject\.org\//, "evil.example.test/"),
      title: /evil\.example\.test/,
      summary: /registry\.fedoraproject\.org/,
    },
    {
      name: "link-out",
      change: async (person) => {
        await symlink("../../../../etc/passwd", join(person.directory, "root/passwd"));
        return {};
      },
      title: /root\/passwd/,
      summary: /out|leaves|outside/,
    },
    { name: "failing-run", change: edit(/^USER 65534/m, "RUN exit 3\nUSER 65534"), title: /exit 3/, summary: /3/ },
    {
      name: "endless",
      change: edit(/^USER 65534/m, "RUN while true; do sleep 1; done\nUSER 65534"),
      title: /15 ?s|time/i,
      summary: /buildtime|time/i,
    },
    { name: "gigabyte", change: edit(/^USER 65534/m, "RUN yes | head -c 1000000000\nUSER 65534"), title: /log|MiB/i, summary: /log|MiB/i },
    {
      name: "failing-test",
      change: async () => ({ "tests/commands.yaml": "smoke:\n  commands:\n    - name: is there\n      run: [/bin/sh, -c, exit 7]\n" }),
      title: /is there/,
      summary: /7/,
    },
    {
      name: "hanging-test",
      change: async () => ({ "tests/commands.yaml": "smoke:\n  commands:\n    - name: hangs\n      run: [/bin/sh, -c, sleep 1000]\n" }),
      title: /hangs/,
      summary: /within|time/,
    },
    {
      name: "gate-broken",
      change: async () => ({ "gating.yaml": "--- !Policy\nproduct_versions: [fedora-42]\ndecision_contexts: [flibs_promote]\nrules: 3\n" }),
      title: /gating\.yaml/,
      summary: /rules/,
    },
    {
      name: "structure-broken",
      change: async () => ({ "tests/structure.yaml": "schemaVersion: 1.0.0\n" }),
      title: /tests\/structure\.yaml/,
      summary: /2\.0\.0/,
    },
    {
      name: "structure-wrong",
      change: async () => ({
        "tests/structure.yaml": "schemaVersion: 2.0.0\nfileExistenceTests:\n  - {name: is there, path: /usr/nowhere}\n",
      }),
      title: /is there/,
      summary: /usr\/nowhere/,
    },
    { name: "playbook-broken", change: async () => ({ "tests/tests.yml": "- hosts: [\n" }), title: /tests\/tests\.yml/, summary: /YAML/ },
    {
      name: "playbook-results",
      change: async () => ({
        "tests/tests.yml": `- hosts: localhost
  gather_facts: false
  tags: [container]
  tasks:
    - copy: {content: "results: 3", dest: "{{ lookup('env', 'TEST_ARTIFACTS') }}/results.yml"}
`,
      }),
      title: /results\.yml/,
      summary: /results/,
    },
  ];
  test.each(table)("$name", async ({ name, change, title, summary }) => expectFailure(await push(name, change), title, summary), 60_000);

  test("five gigabytes of context, of which git stores almost nothing", async () => {
    const told = await push("huge", async (person) => {
      const block = Buffer.alloc(100 * 2 ** 20);
      await writeFile(join(person.directory, "block-0"), block);
      await person.git("add", "--all");
      const blob = await person.git("rev-parse", ":block-0");
      const others = Array.from({ length: 51 }, (_, n) => `block-${n + 1}`);
      await person.git("update-index", "--add", ...others.flatMap((name) => ["--cacheinfo", `100644,${blob},${name}`]));
      // They are in the commit and need not lie on this disk as well.
      await person.git("update-index", "--skip-worktree", ...others);
      return {};
    });
    expectFailure(told, /5\.1 GiB, the limit is 64\.0 MiB; the biggest is block-\d+ with 100\.0 MiB/, /Remove block-/);
  }, 120_000);
});

test("a name that belongs to another repository is refused", async () => {
  const first = await push("owner", async () => ({}));
  expect(first.build.state).toBe("complete");
  const thief = await push("thief", async (person) => ({
    Dockerfile: (await dockerfileOf(person)).replace("f42/thief", "f42/owner"),
  }));
  expectFailure(thief, /the name f42\/owner belongs to containers\/owner, not to containers\/thief/, /Dockerfile/);
  const tags = await flibs.app.registries.candidate.listTags("f42/owner");
  expect(tags.filter((tag) => !tag.startsWith("sha256-"))).toHaveLength(5);
}, 60_000);

describe("deliveries that are not to be believed", () => {
  const url = () => `${flibs.service.address}/hooks/local`;
  const body = () => JSON.stringify({ delivery: randomUUID(), repository: "containers/x", actor: "mallory", changes: [] });
  const sign = (text: string, secret: string) => `sha256=${createHmac("sha256", secret).update(text).digest("hex")}`;
  const send = (text: string, headers: Record<string, string>) => fetch(url(), { method: "POST", body: text, headers });

  test("unsigned: refused, nothing stored", async () => {
    const before = (await flibs.app.store.inbox.list({ limit: 1000 })).length;
    expect((await send(body(), { "x-flibs-event": "change" })).status).toBe(401);
    const wrong = body();
    expect((await send(wrong, { "x-flibs-event": "change", "x-flibs-signature-256": sign(wrong, "guess") })).status).toBe(401);
    expect((await flibs.app.store.inbox.list({ limit: 1000 })).length).toBe(before);
  });
  test("signed, but changed on the way", async () => {
    const secret = readSecret(localForgeOf(flibs.settings).hookSecrets[0] ?? { env: "none" }, {});
    const text = body();
    expect(
      (await send(text.replace("mallory", "alice"), { "x-flibs-event": "change", "x-flibs-signature-256": sign(text, secret) })).status,
    ).toBe(401);
  });
  test("oversized: refused before it is read", async () => {
    const answer = await send("x".repeat(27 * 2 ** 20), { "x-flibs-event": "change" }).catch((error: unknown) => error);
    if (answer instanceof Response) expect(answer.status).toBe(413);
    else expect(String(answer)).toMatch(/fetch failed/);
  });
  test("signed but nonsense", async () => {
    const secret = readSecret(localForgeOf(flibs.settings).hookSecrets[0] ?? { env: "none" }, {});
    const text = "[1,2";
    expect((await send(text, { "x-flibs-event": "change", "x-flibs-signature-256": sign(text, secret) })).status).toBe(400);
  });
});

test("after all this the service goes on: the template is built, tested and proposed", async () => {
  const { build, statuses } = await push("fine", async () => ({}));
  expect(build).toMatchObject({ state: "complete", nvr: { release: "1" } });
  expect(statuses.every((status) => status.state === "success")).toBe(true);
  expect(build.promotion).toBeDefined();
  const metrics = await (await fetch(`${flibs.service.address}/metrics`)).text();
  expect(metrics).toMatch(/flibs_/);
}, 60_000);

test("nothing is left of the builds that failed", async () => {
  await until(
    "the engine to be clean",
    async () => ((await flibs.app.engines.cleanUp(() => false)).length === 0 ? true : undefined),
    10_000,
  );
  const failed = (await flibs.app.store.builds.list({ limit: 100 })).filter((build) => build.state !== "complete");
  expect(failed.every((build) => build.state === "failed")).toBe(true);
});
