import { existsSync, readdirSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type App, openApp } from "../../src/app.ts";
import { lookasideOf } from "../../src/config-values.ts";
import { silentLog } from "../../src/log.ts";
import { carryOutAudit } from "../../src/promotion/audit-run.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { predicateTypes } from "../../src/signing/predicate-types.ts";
import { readTurn } from "../setup/turns.js";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { requireDocker } from "../support/docker.ts";
import { copyTemplate, type Installation, makeInstallation, type Person } from "../support/installation.ts";
import { peopleOf } from "../support/people-of.ts";
import { serveContents } from "../support/served-files.ts";
import { findUnsignedOnDisk, watchUnsigned } from "../support/unsigned-watch.ts";
import { verifyTag } from "../support/verify-tag.ts";
import { withCosign } from "../support/with-cosign.ts";
import { type KilledWorkers, killedWorkers } from "./killed-workers.ts";

// Everything in this file is one story: the line from push to release, where the process dies at each point it passes.
const hello = "containers/hello";
const takesAll = readTurn(process.env.FLIBS_TEST_TURN) === undefined;

let installation: Installation;
let database: TestDatabase;
let person: Person;
let app: App;
let workers: KilledWorkers;
let served: Awaited<ReturnType<typeof serveContents>>;

beforeAll(async () => {
  await requireDocker();
  installation = await makeInstallation();
  // So that the steps that fetch what goes into a build are died in, too.
  served = await serveContents(hello);
  const addresses = `yumRepositories: {site: ["${served.repositoryUrl}"]}\nsources: {url: "${served.sourcesUrl}"}\n`;
  await appendFile(installation.settingsFile, `${addresses}downloads: {privateHosts: ["${served.host}"]}\n`);
  // Signatures of both kinds, so that the death between them is one of those that are died.
  const settings = await withCosign(installation.settingsFile);
  database = await testDatabase();
  const visited = join(installation.directory, "..", "visited");
  workers = killedWorkers({ settingsFile: installation.settingsFile, databaseUrl: database.url, visited });
  app = await openApp(settings, {
    log: silentLog,
    environment: process.env,
    databaseUrl: database.url,
  });
  await peopleOf(app).createRepository(hello);
  // The first look only takes note of where everything stands.
  await app.sweepForge();
  person = await installation.person(hello);
  // With all forms of tests.
  await copyTemplate(person.directory, undefined, { playbook: true });
}, 120_000);

afterAll(async () => {
  await app?.close();
  await database?.drop();
  await installation?.remove();
  await served?.stop();
}, 60_000);

const verify = (stage: "candidate" | "production", repository: string, tag: string) => verifyTag(app, stage, repository, tag);

/** Without those of cosign's signatures and of what is attached. */
const releaseTags = (tags: readonly string[]) => tags.filter((tag) => !tag.startsWith("sha256-")).toSorted();

const { provenance, spdx, cyclonedx } = predicateTypes;
const ofBuild = [[provenance], [provenance, spdx, cyclonedx].sort()];

/** Predicate types of what is attached to a build's list and to its image, sorted; each artifact counts. */
async function attachedTo(registry: Registry, repository: string, id: string) {
  const build = await app.store.builds.find(id);
  const digests = [build?.digest, build?.images[0]?.digest].filter((one) => one !== undefined);
  const lists = await Promise.all(digests.map((digest) => registry.listReferrers(repository, digest)));
  return lists.map((list) => list.map((one) => one.annotations?.["dev.sigstore.bundle.predicateType"]).toSorted());
}

describe("killed before and after each journal write and each effect", () => {
  test("a push still gives exactly one build, one candidate, one promotion", async () => {
    const commit = await person.push({ sources: served.sources });
    const kills = await workers.workThroughCrashes();
    // The suite finds the points itself, this only says that it did find them. A run that takes one turn dies at a quarter of them.
    expect(workers.readPoints().length).toBeGreaterThan(100);
    expect(kills).toBeGreaterThan(takesAll ? 40 : 15);

    const builds = await app.store.builds.list({ limit: 10 });
    expect(builds).toHaveLength(1);
    const build = await app.store.builds.find(builds[0]?.id ?? "");
    expect(build).toMatchObject({ state: "complete", commit, nvr: { release: "1" }, images: [{ platform: "linux/amd64" }] });
    expect(build?.tests.every((one) => one.outcome === "pass")).toBe(true);

    const documents = await app.store.builds.listDocuments(build?.id ?? "");
    expect(documents.map((one) => one.name)).toEqual([
      ...["metadata.json", "icm-x86_64.json", "x86_64.spdx.json", "x86_64.cdx.json", "provenance.intoto.json"],
    ]);

    const repository = build?.plan?.imageRepository ?? "";
    const tags = [build?.plan?.uniqueTag, `${build?.plan?.uniqueTag}-amd64`, build?.plan?.primaryTag, ...(build?.plan?.floatingTags ?? [])];
    expect(releaseTags(await app.registries.candidate.listTags(repository))).toEqual([...tags].sort());
    // However often attaching was interrupted.
    expect(await attachedTo(app.registries.candidate, repository, build?.id ?? "")).toEqual(ofBuild);
    expect(await verify("candidate", repository, build?.plan?.primaryTag ?? "")).toMatchObject({ ok: true, digest: build?.digest });

    const pulls = await app.forge.listPulls("releng/manifests", "all");
    expect(pulls).toMatchObject([{ number: build?.promotion?.number, state: "open" }]);
    const statuses = await app.forge.listStatuses(hello, commit);
    expect(statuses.map((status) => status.state)).toEqual(statuses.map(() => "success"));
    expect(new Set(statuses.map((status) => status.name)).size).toBe(statuses.length);
    const checks = await app.forge.listStatuses("releng/manifests", pulls[0]?.head ?? "");
    expect(checks).toMatchObject([{ state: "success" }]);
  }, 1_800_000);

  test("merging it gives exactly one release with all signatures", async () => {
    const [pull] = await app.forge.listPulls("releng/manifests", "open");
    const { mergeCommit } = await peopleOf(app).mergePull("releng/manifests", pull?.number ?? 0, "bob");
    const [build] = await app.store.builds.list({ limit: 1 });
    const repository = build?.plan?.imageRepository ?? "";
    // From before the first tag on, in this process, whatever dies.
    const watch = watchUnsigned(
      {
        registry: app.registries.named("production"),
        repository,
        publicName: `${installation.production.endpoint}/${repository}`,
        findUnsigned: findUnsignedOnDisk(lookasideOf(installation.settings, "production"), repository),
        digestOf: () => undefined,
      },
      // What a death leaves stands there until the next process has started.
      100,
    );
    const found = workers.readPoints().length;
    const kills = await workers.workThroughCrashes();
    expect(workers.readPoints().length - found).toBeGreaterThan(50);
    expect(kills).toBeGreaterThan(takesAll ? 15 : 4);
    const { violations, looks } = await watch.stop();
    expect(violations).toEqual([]);
    expect(looks).toBeGreaterThan(kills);
    const audited: string[] = [];
    await carryOutAudit(app.auditing, "after the crashes", { deep: true }, new AbortController().signal, ({ lines, failed }) => {
      audited.push(...lines.map((line) => line.state), ...(failed === undefined ? [] : [failed]));
    });
    expect(new Set(audited)).toEqual(new Set(["ok"]));

    const tags = [build?.plan?.primaryTag ?? "", ...(build?.plan?.floatingTags ?? [])];
    const platformTag = `${build?.plan?.primaryTag}-amd64`;
    const production = app.registries.named("production");
    expect(releaseTags(await production.listTags(repository))).toEqual([...tags, platformTag].sort());
    const [ofList = [], ofPlatform] = ofBuild;
    expect(await attachedTo(production, repository, build?.id ?? "")).toEqual([[...ofList, predicateTypes.promotion].sort(), ofPlatform]);
    for (const tag of tags) {
      expect((await app.registries.named("production").findManifest(repository, tag))?.digest).toBe(build?.digest);
      const verification = await verify("production", repository, tag);
      expect(verification).toMatchObject({ ok: true, digest: build?.digest });
      // One signature of each key for each (digest, name), however often signing was interrupted.
      for (const one of verification.digests) {
        const names = one.signatures.map((signature) => `${signature.kind} ${signature.publicName}`);
        // The platform has its own tag besides.
        const wanted = 2 * (one.digest === build?.digest ? tags.length : tags.length + 1);
        expect(names).toHaveLength(wanted);
        expect(new Set(names).size).toBe(wanted);
      }
    }
    const comments = await app.forge.listComments("releng/manifests", pull?.number ?? 0);
    expect(comments.filter((comment) => comment.text.includes(repository) || comment.text.includes("released"))).toHaveLength(1);
    const statuses = await app.forge.listStatuses("releng/manifests", mergeCommit);
    expect(statuses.map((status) => status.state)).toEqual(statuses.map(() => "success"));
    expect(statuses.length).toBeGreaterThan(0);
    const reports = await app.store.releases.listReports({ limit: 10 });
    expect(reports.filter((report) => report.outcome === "failed")).toEqual([]);
  }, 1_800_000);

  test("and leaves nothing behind: no container, no engine tag, no workspace, no open run, no reservation", async () => {
    expect(await app.engines.cleanUp(() => false)).toEqual([]);
    expect(await app.runs.list({ status: ["queued", "running", "waiting"], limit: 10 })).toEqual([]);
    expect((await app.runs.list({ limit: 1000 })).filter((run) => run.status !== "done")).toEqual([]);
    const work = join(installation.settings.stateDirectory, "work");
    expect(existsSync(work) ? readdirSync(work) : []).toEqual([]);
  });

  test("the points that were passed cover the journal and every port with effects", () => {
    const points = workers.readPoints();
    expect(new Set(points).size).toBe(points.length);
    for (const step of ["fetch sources", "fetch repositories"]) {
      expect(points.filter((point) => point.endsWith(` ${step}`)).map((point) => point.split(" ")[0])).toEqual(["before", "after"]);
    }
    for (const port of [
      "journal",
      "engine",
      "candidate",
      "candidate signer",
      "forge",
      "copier",
      "production",
      "production signer",
      "release signer",
    ]) {
      expect(points.filter((point) => point.startsWith(`before ${port}`)).length).toBeGreaterThan(0);
      expect(points.filter((point) => point.startsWith(`after ${port}`)).length).toBeGreaterThan(0);
    }
  });
});
