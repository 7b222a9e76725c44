import { createHmac, randomUUID } from "node:crypto";
import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { flibsCommand, run } from "../../demo/flibs-process.ts";
import { localForgeOf } from "../../src/config.ts";
import { localForge } from "../../src/forge/local/local-forge.ts";
import { silentLog } from "../../src/log.ts";
import { dockerSocket, requireDocker } from "../support/docker.ts";
import { copyTemplate, type Installation, makeInstallation, type Person } from "../support/installation.ts";
import { type Onlooker, onlooker } from "../support/onlooker.ts";
import { until } from "../support/running-service.ts";
import { changedSettings, door, type ServeProcess, type SettingsText, startServe } from "../support/serve-process.ts";

type Shown = Awaited<ReturnType<Onlooker["show"]>>;

const socket = process.env.FLIBS_DOCKER_SOCKET ?? dockerSocket;
let installation: Installation;
let settingsFile: string;
let flibs: ReturnType<typeof flibsCommand>;
let forge: ReturnType<typeof localForge>;
let looking: Onlooker;
/** Runs on from test to test, since starting one is most of what a short test takes. */
let plain: ServeProcess | undefined;
/** What a test started for itself, to stop it or to change its settings. */
const running: ServeProcess[] = [];

beforeAll(async () => {
  installation = await makeInstallation();
  settingsFile = await settingsWith("quick.yaml", () => {});
  flibs = flibsCommand(settingsFile);
  looking = onlooker(installation.settings.stateDirectory);
  const { directory } = localForgeOf(installation.settings);
  forge = localForge({ name: "local", directory, hookSecrets: [], admins: ["alice"], log: silentLog });
}, 120_000);
afterEach(async () => {
  await looking.close();
  for (const one of running.splice(0)) await one.stop();
}, 60_000);
afterAll(async () => {
  await down();
  await installation?.remove();
}, 60_000);

/** Sweeps as often as a test likes it; everything else as `flibs init` made it, but for `change`. */
function settingsWith(name: string, change: (settings: SettingsText) => void): Promise<string> {
  return changedSettings(installation.settingsFile, name, (settings) => {
    settings.sweeps = { ...settings.sweeps, forge: "1s" };
    change(settings);
  });
}

/** The service that runs already, or one that then runs on. */
async function service(): Promise<ServeProcess> {
  plain ??= await startServe(settingsFile);
  return plain;
}

/** No service runs. */
async function down(): Promise<void> {
  const was = plain;
  plain = undefined;
  await was?.stop();
}

/** A service of the test's own, and no other. */
async function serve(file = settingsFile): Promise<ServeProcess> {
  await down();
  const one = await startServe(file);
  running.push(one);
  return one;
}

/** Somebody's clone of a new repository with the template in it, not pushed yet; without its tests, which nothing here is about and which take longer than the build. */
async function newRepository(name: string): Promise<Person> {
  await forge.createRepository(`containers/${name}`);
  const person = await installation.person(`containers/${name}`);
  await copyTemplate(person.directory, name);
  await rm(join(person.directory, "tests"), { recursive: true });
  return person;
}

/** The Dockerfile, but that building it sleeps so long. */
async function dockerfile(person: Person, seconds = 0): Promise<Record<string, string>> {
  const text = (await readFile(join(person.directory, "Dockerfile"), "utf8")).replace(
    /^(RUN sleep .*\n)?USER /m,
    `${seconds > 0 ? `RUN sleep ${seconds} && echo slept ${randomUUID()}\n` : ""}USER `,
  );
  return { Dockerfile: text };
}

const buildsOf = (name: string) => looking.builds(`containers/${name}`);

const buildAt = (name: string, commit: string) =>
  until(`a build of ${name} at ${commit}`, async () => (await buildsOf(name)).find((build) => build.commit === commit));

const shown = (id: string) => looking.show(id);

const shownWhen = (id: string, what: string, is: (build: Shown) => boolean) =>
  until(`build ${id} to be ${what}`, async () => {
    const build = await shown(id);
    return is(build) ? build : undefined;
  });

const ended = (id: string) => shownWhen(id, "ended", ({ run }) => !["queued", "running", "waiting"].includes(run.status));

/** The engine is in the middle of its RUN line. */
const isBuilding = async (id: string) => {
  await until("the engine to sleep", async () => ((await looking.log(id, "linux/amd64")).includes("RUN sleep") ? true : undefined));
};

async function expectOneImage(name: string): Promise<void> {
  const builds = await buildsOf(name);
  expect(builds).toHaveLength(1);
  expect(builds[0]).toMatchObject({ state: "complete", nvr: { name: `${name}-container`, version: "1", release: "1" } });
  const tags = (await (await fetch(`${installation.candidate.url}/v2/f42/${name}/tags/list`)).json()) as { tags: string[] };
  // The unique tag is the one that a repeated build would have made a second time.
  const unique = builds[0]?.plan?.uniqueTag ?? (await shown(builds[0]?.id ?? "")).plan?.uniqueTag;
  expect(tags.tags).toContain(unique);
  expect(tags.tags.filter((tag) => /-\d{14}$/.test(tag))).toEqual([unique]);
}

describe("a service that is stopped in the middle of a build", () => {
  test("SIGTERM: it hands the build over and ends with 0; the next one finishes the same build", async () => {
    const first = await serve();
    const person = await newRepository("graceful");
    const commit = await person.push(await dockerfile(person, 4));
    const { id } = await buildAt("graceful", commit);
    await isBuilding(id);
    expect(await first.stop()).toMatchObject({ code: 0, ms: expect.any(Number) });
    expect(first.log()).toMatch(/stopped/);
    await serve();
    expect((await ended(id)).run.status).toBe("done");
    await expectOneImage("graceful");
  }, 300_000);

  test("the power goes for flibs and its PostgreSQL: nothing is lost and nothing done twice", async () => {
    const first = await serve();
    const person = await newRepository("power");
    const commit = await person.push(await dockerfile(person, 4));
    const { id } = await buildAt("power", commit);
    await isBuilding(id);
    const connection = JSON.parse(await readFile(join(installation.settings.stateDirectory, "postgres/connection.json"), "utf8"));
    await first.kill();
    process.kill(connection.pid, "SIGKILL");
    await serve();
    expect((await ended(id)).run.status).toBe("done");
    await expectOneImage("power");
  }, 120_000);
});

describe("deliveries that never arrive", () => {
  test("a push while flibs is down goes well, and is built once flibs is there", async () => {
    await down();
    const person = await newRepository("while-down");
    const commit = await person.push(await dockerfile(person));
    await service();
    const { id } = await buildAt("while-down", commit);
    expect((await ended(id)).run.status).toBe("done");
    await expectOneImage("while-down");
  }, 300_000);

  test("a hook that knows a wrong address: git says so, and the sweep finds the push", async () => {
    await service();
    const file = join(localForgeOf(installation.settings).directory, "flibs-hook.json");
    const right = await readFile(file, "utf8");
    await writeFile(file, JSON.stringify({ ...JSON.parse(right), url: "http://127.0.0.1:1" }));
    const person = await newRepository("wrong-address");
    await person.git("add", "--all");
    await writeFile(join(person.directory, "Dockerfile"), (await dockerfile(person)).Dockerfile ?? "");
    await person.git("commit", "--all", "--quiet", "--message", "Change");
    const pushed = await run("git", ["-C", person.directory, "push", "origin", "HEAD:main"]);
    await writeFile(file, right);
    expect(pushed).toMatchObject({ code: 0, err: expect.stringMatching(/remote: .*flibs/) });
    const { id } = await buildAt("wrong-address", await person.git("rev-parse", "HEAD"));
    expect((await ended(id)).run.status).toBe("done");
    await expectOneImage("wrong-address");
  }, 300_000);

  test("a delivery that arrives twice gives one build", async () => {
    await service();
    const person = await newRepository("twice");
    const commit = await person.push(await dockerfile(person));
    const { hookSecrets, directory } = localForgeOf(installation.settings);
    const { url } = JSON.parse(await readFile(join(directory, "flibs-hook.json"), "utf8"));
    const [secret] = hookSecrets;
    const key = secret && "file" in secret ? (await readFile(secret.file, "utf8")).trim() : "";
    const delivery = randomUUID();
    const body = JSON.stringify({
      ...{ delivery, repository: "containers/twice", actor: "alice" },
      changes: [{ kind: "branch-pushed", branch: "main", after: commit }],
    });
    const headers = {
      "x-flibs-event": "change",
      "x-flibs-delivery": delivery,
      "x-flibs-signature-256": `sha256=${createHmac("sha256", key).update(body).digest("hex")}`,
    };
    const send = async () => (await fetch(`${url}/hooks/local`, { method: "POST", body, headers })).status;
    expect([await send(), await send()]).toEqual([202, 200]);
    await ended((await buildAt("twice", commit)).id);
    await expectOneImage("twice");
  }, 60_000);
});

describe("parts that cannot be reached", () => {
  test("no Docker socket: the build waits, says so on the commit and in `flibs show`, and goes on by itself", async () => {
    const path = join(installation.directory, "docker.sock");
    await serve(
      await settingsWith("no-docker.yaml", (settings) => {
        settings.engines = [{ kind: "docker", host: `unix://${path}` }];
      }),
    );
    const person = await newRepository("no-docker");
    const commit = await person.push(await dockerfile(person));
    const { id } = await buildAt("no-docker", commit);
    const waiting = await shownWhen(id, "waiting", ({ run }) => run.waitingFor !== undefined);
    expect(waiting).toMatchObject({ state: "building", run: { status: "waiting" } });
    expect(waiting.run.waitingFor).toMatch(/engine|Docker/i);
    expect((await flibs.run("show", id)).out).toMatch(/waiting/i);
    const told = await until("a status that tells it", async () =>
      (await forge.listStatuses("containers/no-docker", commit)).find((status) => /wait/i.test(`${status.title} ${status.summary}`)),
    );
    expect(["pending", "running"]).toContain(told.state);
    await symlink(socket, path);
    expect((await ended(id)).run.status).toBe("done");
    await expectOneImage("no-docker");
  }, 120_000);

  test("the candidate registry is away in the middle of a build: the build goes on when it is back", async () => {
    const entrance = await door(installation.candidate.endpoint);
    try {
      await serve(
        await settingsWith("door.yaml", (settings) => {
          settings.registries.candidate.endpoint = entrance.endpoint;
        }),
      );
      const person = await newRepository("registry-away");
      const commit = await person.push(await dockerfile(person, 3));
      const { id } = await buildAt("registry-away", commit);
      await isBuilding(id);
      await entrance.shut();
      const waiting = await shownWhen(id, "kept up", ({ run }) => run.waitingFor !== undefined);
      expect(waiting.state).toBe("building");
      expect(waiting.run.waitingFor).toMatch(/registr/i);
      await entrance.reopen();
      await shownWhen(id, "complete", (build) => build.state === "complete");
      await expectOneImage("registry-away");
      await ended(id);
    } finally {
      await entrance.shut();
    }
  }, 120_000);
});

describe("work that changes while it is done", () => {
  test("a second push takes the first one's place, and the first commit says by what", async () => {
    await service();
    const person = await newRepository("again");
    const first = await person.push(await dockerfile(person, 60));
    const before = await buildAt("again", first);
    await isBuilding(before.id);
    const second = await person.push(await dockerfile(person));
    expect((await ended(before.id)).run.status).toBe("superseded");
    const after = await buildAt("again", second);
    expect((await ended(after.id)).run.status).toBe("done");
    expect(await shown(after.id)).toMatchObject({ nvr: { release: "1" } });
    const statuses = await until("the first commit's last word", async () => {
      const all = await forge.listStatuses("containers/again", first);
      return all.some(({ state }) => state === "pending" || state === "running") ? undefined : all;
    });
    expect(statuses.map(({ title, summary }) => `${title} ${summary}`).join("\n")).toMatch(/superseded|newer/i);
  }, 300_000);

  test("flibs cancel ends a build in the middle of a step, and its NVR is free again", async () => {
    await service();
    const person = await newRepository("cancelled");
    const commit = await person.push(await dockerfile(person, 60));
    const { id } = await buildAt("cancelled", commit);
    await isBuilding(id);
    const nvr = (await shown(id)).nvr;
    // From its word on: how long a process takes to start on a busy machine is not the service's doing.
    let asked = 0;
    const command = await flibs.live(
      () => {
        asked ||= Date.now();
      },
      "cancel",
      id,
    );
    expect(command).toMatchObject({ code: 0, out: expect.stringMatching(/is being cancelled/) });
    const build = await ended(id);
    // Far less than the minute that the build sleeps: it did not wait for that.
    expect(new Date(build.finishedAt ?? "").getTime() - asked).toBeLessThan(20_000);
    expect(build).toMatchObject({ state: "cancelled", run: { status: "cancelled" } });
    const docker = await requireDocker(socket);
    await until("the container to be gone", async () => {
      const left = (await docker.listContainers({ all: true })).filter(
        ({ Labels, Command }) => Labels["io.flibs.key"]?.startsWith(`${id}/`) || Command.includes("sleep 60"),
      );
      return left.length === 0 ? true : undefined;
    });
    expect((await flibs.run("cancel", id)).code).toBe(1);
    const again = await person.push(await dockerfile(person));
    expect((await ended((await buildAt("cancelled", again)).id)).nvr).toEqual(nvr);
  }, 300_000);
});

test("flibs container-build in a working copy refuses what is not pushed, builds what is, and logs -f follows it", async () => {
  await service();
  const person = await newRepository("by-hand");
  await person.push(await dockerfile(person, 2));
  const first = (await buildAt("by-hand", await person.git("rev-parse", "HEAD"))).id;
  const followed = await flibs.run("logs", "-f", first);
  expect(followed).toMatchObject({ code: 0, out: expect.stringMatching(/slept/) });
  const done = await ended(first);
  expect(done.run.status).toBe("done");
  expect(await flibs.json("show", first)).toMatchObject({ id: first, nvr: done.nvr, run: { status: "done" } });
  expect(await flibs.json("builds", "--repository", "containers/by-hand")).toMatchObject([{ id: first, state: "complete" }]);

  const main = join(import.meta.dirname, "../../src/main.ts");
  const inCopy = (...args: string[]) =>
    run(process.execPath, ["--disable-warning=ExperimentalWarning", main, "--config", settingsFile, ...args], { cwd: person.directory });
  await writeFile(join(person.directory, "help.md"), "changed");
  expect(await inCopy("container-build")).toMatchObject({ code: 2, err: expect.stringMatching(/uncommitted changes/) });
  await person.git("commit", "--all", "--quiet", "--message", "Not pushed");
  expect(await inCopy("container-build")).toMatchObject({ code: 2, err: expect.stringMatching(/There are unpushed changes in your repo/) });
  await person.git("reset", "--quiet", "--hard", "origin/main");
  const built = await inCopy("container-build", "--scratch", "--json");
  expect(built.code).toBe(0);
  expect(JSON.parse(built.out)).toMatchObject({ state: "complete", scratch: true, repository: "containers/by-hand" });
  expect((await inCopy("show", "nonsense")).code).toBe(2);
}, 300_000);

test("two flibs on one database share the work: six builds, each done once", async () => {
  const one = await service();
  const before = one.log().length;
  const { url } = JSON.parse(await readFile(join(installation.settings.stateDirectory, "postgres/connection.json"), "utf8"));
  const second = await settingsWith("second.yaml", (settings) => {
    settings.web = { ...settings.web, listen: "127.0.0.1:0" };
  });
  const two = await startServe(second, { DATABASE_URL: url });
  running.push(two);
  const names = Array.from({ length: 6 }, (_, n) => `shared-${n}`);
  const commits: string[] = [];
  for (const name of names) {
    const person = await newRepository(name);
    commits.push(await person.push(await dockerfile(person)));
  }
  for (const [n, name] of names.entries()) {
    expect((await ended((await buildAt(name, commits[n] ?? "")).id)).run.status).toBe("done");
    await expectOneImage(name);
  }
  for (const log of [one.log().slice(before), two.log()]) expect(/"flow":"build","step":"[^"]+".*"step done"/.test(log)).toBe(true);
  await two.stop();
}, 240_000);

test("health, readiness and metrics tell how it is", async () => {
  await service();
  // Not the hook's address: that is of whichever replica came last.
  const url = `http://${installation.settings.web.listen}`;
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true });
  const ready = await until("all parts to be looked at", async () => {
    const answer = (await (await fetch(`${url}/readyz`)).json()) as { ok: boolean; parts: { name: string; ok: boolean }[] };
    return answer.parts.every(({ ok }) => ok) ? answer : undefined;
  });
  expect(ready.ok).toBe(true);
  expect(ready.parts.map(({ name }) => name).sort()).toEqual(["candidate", "database", "engine", "production"]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/^flibs_\w+/m);
}, 60_000);
