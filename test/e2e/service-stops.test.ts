import { createHmac, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { run } from "../../demo/flibs-process.ts";
import { localForgeOf } from "../../src/config.ts";
import { serviceWorld } from "./service-world.ts";

const at = serviceWorld();
const { service, down, serve, newRepository, dockerfile, buildAt, ended, isBuilding, expectOneImage } = at;

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
    const connection = JSON.parse(await readFile(join(at.installation.settings.stateDirectory, "postgres/connection.json"), "utf8"));
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
    const file = join(localForgeOf(at.installation.settings).directory, "flibs-hook.json");
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
    const { hookSecrets, directory } = localForgeOf(at.installation.settings);
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
