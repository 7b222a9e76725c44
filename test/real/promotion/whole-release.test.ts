import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { proposePromotion } from "../../../src/promotion/propose-promotion.ts";
import { proposeRollback } from "../../../src/promotion/propose-rollback.ts";
import { manifests, type RealWorld, realWorld } from "./real-world.ts";

/** One image's life, told in order on git, two docker-registries, gpg and skopeo; each test goes on where the one before ended. */
let at: RealWorld;
const image = "f40/cockpit";
const path = `images/${image}.yaml`;
type Built = Awaited<ReturnType<RealWorld["build"]>>;
const built: Built[] = [];
let pull = 0;

// skopeo, gpg and git are processes; a loaded machine takes its time.
jest.setTimeout(60_000);
beforeAll(async () => {
  at = await realWorld();
}, 60_000);
afterAll(() => at.stop());

const body = async (number: number) => (await at.forge.findPull(manifests, number))?.body ?? "";
const status = async (commit: string, name: string) => (await at.forge.listStatuses(manifests, commit)).find((one) => one.name === name);
const comments = async (number: number) => (await at.forge.listComments(manifests, number)).map((one) => one.text);
/** A person's pull request on a branch of its own. */
async function byHand(branch: string, change: (text: string) => string) {
  await (await at.person(manifests)).push({ [path]: change(await at.read(path)) }, branch);
  const request = { repository: manifests, headBranch: branch, baseBranch: "main", title: branch, body: "", person: "bob" };
  return (await at.forge.openPull(request)).number;
}

test("a build is proposed by a pull request that says what merging does, and does nothing yet", async () => {
  const one = await at.build({ id: "20261101-0001", release: "1.fc40", rpms: ["bash-5.2-1.fc40", "libfoo-1.0-3.fc40", "old-1-1"] });
  built.push(one);
  const proposed = await at.propose(one.id);
  pull = proposed.number;
  expect(proposed).toMatchObject({ outcome: "opened", branch: "promote/f40/cockpit" });
  expect(await at.forge.findPull(manifests, pull)).toMatchObject({
    title: "promote f40/cockpit: 323-1.fc40",
    author: "flibs",
    mergeable: true,
  });
  const text = await body(pull);
  expect(text).toContain(
    [
      "## First release: `323-1.fc40` (`cockpit-323-1.fc40`)",
      "",
      `- image: \`${at.names.production}/${image}\``,
      `- digest: \`${one.digest}\`, copied from \`${at.names.candidate}/${image}\``,
      "- new release: `323-1.fc40`",
      "- floating `323`: new → `323-1.fc40`",
      "- floating `latest`: new → `323-1.fc40`",
      "- build and logs: http://flibs.example.test/builds/20261101-0001",
    ].join("\n"),
  );
  expect(text).toContain("| candidate signature | valid | | |\n");
  expect(text).toContain("| test `smoke` | pass | 3 of 3 passed | [log](http://flibs.example.test/builds/20261101-0001) |");
  // The parent stands in the candidate registry, so its layers are read: one of two is the base's.
  expect(text).toMatch(/\| `linux\/amd64` \| `[0-9a-f]{12}` \| 4\.0 KiB \| new \| 2 \| - \| 1 \|/);
  expect(text).toContain(`- base image \`registry.example.test/fedora:40\` at \`${one.plan?.parents[0]?.digest}\``);
  expect(text).not.toContain("Attention");
  expect(await at.tag(image, "latest")).toBeUndefined();
});

test("its check is the release in dry run", async () => {
  const digest = built[0]?.digest;
  const { state, title, summary } = await at.check(pull);
  expect({ state, title }).toEqual({ state: "success", title: "writes 323-1.fc40, 323, latest" });
  expect(summary.split("\n")).toEqual([
    "Merging does this, tried now without writing:",
    "",
    "| file | tag | what | digest |",
    "|---|---|---|---|",
    expect.stringMatching(/`323-1\.fc40-amd64` \| sign, tag \(a platform\) \|/),
    ...["323-1.fc40", "323", "latest"].map((tag) => `| \`${path}\` | \`${tag}\` | copy, sign, tag | \`${digest}\` |`),
  ]);
  expect(await at.clients.production.listTags(image)).toEqual([]);
});

test("merging releases: every tag, every signature, told on the pull request and on the merge commit", async () => {
  const mergeCommit = await at.merge(pull);
  const ended = await at.scan();
  expect(ended.map((run) => [run.subject, run.ending.status])).toEqual([
    ["scan", "done"],
    [`release production ${path}`, "done"],
  ]);
  for (const tag of ["323-1.fc40", "323", "latest"]) {
    expect(await at.tag(image, tag)).toBe(built[0]?.digest);
    expect(await at.verify(image, tag)).toMatchObject({ ok: true });
    expect(await at.pull(image, tag)).toMatchObject({ exitCode: 0 });
  }
  const [table, ...more] = await comments(pull);
  expect(more).toEqual([]);
  expect(table?.split("\n")).toEqual([
    "`f40/cockpit` is released to production.",
    "",
    "| tag | what | digest | how | |",
    "|---|---|---|---|---|",
    expect.stringMatching(/^\| `323-1\.fc40-amd64` \| tagged \| `[0-9a-f]{12}` \| 1 signature, \d+ ms \| {2}\|$/),
    expect.stringMatching(/^\| `323-1\.fc40` \| copied \| `[0-9a-f]{12}` \| 4\.\d KiB copied, 2 signatures, \d+ ms \| {2}\|$/),
    expect.stringMatching(/^\| `323` \| tagged \| `[0-9a-f]{12}` \| 2 signatures, \d+ ms \| {2}\|$/),
    expect.stringMatching(/^\| `latest` \| tagged \| `[0-9a-f]{12}` \| 2 signatures, \d+ ms \| {2}\|$/),
    "",
    `Read at \`${mergeCommit.slice(0, 12)}\`.`,
  ]);
  expect(await status(mergeCommit, `flibs / release to production (${image})`)).toMatchObject({
    state: "success",
    title: `released ${image} to production`,
  });
});

test("what nobody signed is refused from the same registry, by skopeo and by our own verifier", async () => {
  const { production } = at.clients;
  const stranger = await production.readManifest(image, "latest");
  await production.putManifest("f40/stranger", "1-1", {
    ...stranger,
    ...(await copyTo("f40/stranger")),
  });
  const refused = await at.pull("f40/stranger", "1-1");
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toContain("A signature was required, but no signature exists");
  expect(await at.verify("f40/stranger", "1-1")).toMatchObject({ ok: false });
  // Another name for a signed image is no signed name.
  await production.putManifest(image, "bogus", stranger);
  expect((await at.pull(image, "bogus")).exitCode).not.toBe(0);
});

/** The released image in another repository, put there without flibs. */
async function copyTo(repository: string) {
  const { production } = at.clients;
  const index = await production.readManifest(image, "latest");
  for (const { digest } of JSON.parse(new TextDecoder().decode(index.bytes)).manifests) {
    const child = await production.readManifest(image, digest);
    const { config, layers } = JSON.parse(new TextDecoder().decode(child.bytes));
    for (const blob of [config, ...layers]) await production.putBlob(repository, await production.readBlob(image, blob.digest, 1_000_000));
    await production.putManifest(repository, digest, child);
  }
  return index;
}

test("doing it again writes nothing: no run, and a full look finds everything in order but the stranger's tag", async () => {
  expect((await at.scan()).map((run) => run.subject)).toEqual(["scan"]);
  const reports = at.reports.length;
  await at.scan(true);
  expect(at.reports.slice(reports)).toMatchObject([{ outcome: "nothing-to-do" }]);
  expect(at.reports.at(-1)?.lines.map((line) => `${line.tag} ${line.what}`)).toEqual([
    "323-1.fc40-amd64 ok",
    "323-1.fc40 ok",
    "323 ok",
    "latest ok",
    "bogus unmanaged",
  ]);
  expect(await comments(pull)).toHaveLength(1);
});

test("a second and a third build share one pull request, which shows what changed in packages, configuration and source", async () => {
  built.push(await at.build({ id: "20261101-0002", release: "2.fc40", rpms: ["bash-5.2-2.fc40"] }));
  const second = await at.propose("20261101-0002");
  built.push(await at.build({ id: "20261101-0003", release: "3.fc40", rpms: ["bash-5.2-2.fc40", "libfoo-0.9-1.fc40", "new-1-1"] }));
  const third = await at.propose("20261101-0003");
  expect(third).toMatchObject({ outcome: "updated", number: second.number });
  pull = third.number;
  expect(await comments(pull)).toEqual(["Superseded `323-2.fc40` by `323-3.fc40`."]);
  expect(await proposePromotion(at.ports, "20261101-0002")).toMatchObject({ outcome: "superseded", by: "20261101-0003" });
  const text = await body(pull);
  expect((await at.forge.findPull(manifests, pull))?.title).toBe("promote f40/cockpit: 323-1.fc40 -> 323-3.fc40");
  expect(text).toContain("## `323-1.fc40` (`cockpit-323-1.fc40`) → `323-3.fc40` (`cockpit-323-3.fc40`)");
  expect(text).toContain("**Attention: packages are older than in the current release: `libfoo.x86_64`.**");
  expect(text).toContain("- floating `latest`: `323-1.fc40` → `323-3.fc40`");
  expect(text).toMatch(/\| `linux\/amd64` \| `[0-9a-f]{12}` \| 4\.0 KiB \| \+0\.0 KiB \| 2 \| 1 \| 1 \|/);
  expect(text).toContain(
    [
      "`linux/amd64`: 1 upgraded, 1 downgraded, 1 added, 1 removed",
      "",
      "| package | | before | after |",
      "|---|---|---|---|",
      "| `libfoo.x86_64` | **downgraded** | `1.0-3.fc40` | `0.9-1.fc40` |",
      "| `old.x86_64` | removed | `1-1` | - |",
      "| `new.x86_64` | added | - | `1-1` |",
      "| `bash.x86_64` | upgraded | `5.2-1.fc40` | `5.2-2.fc40` |",
    ].join("\n"),
  );
  expect(text).toContain("| all | Label release | `1.fc40` | `3.fc40` |");
  expect(text).toContain('-LABEL release="1.fc40"');
  expect(text).toContain('+LABEL release="3.fc40"');
  expect(text).toContain("change the floating tags under `floating:` back to `323-1.fc40` and merge that");
});

test("the change that is merged is the smallest there is; then floating tags move and the old release stays", async () => {
  const before = await at.read(path);
  expect((await at.check(pull)).title).toBe("writes 323-3.fc40, 323, latest");
  await at.merge(pull);
  await at.scan();
  const after = await at.read(path);
  const release = `  "323-3.fc40":\n    digest: ${built[2]?.digest}\n    build: "20261101-0003"\n`;
  expect(after).toBe(before.replace("floating:\n", `${release}floating:\n`).replaceAll(': "323-1.fc40"', ': "323-3.fc40"'));
  expect(await at.tag(image, "latest")).toBe(built[2]?.digest);
  expect(await at.tag(image, "323-1.fc40")).toBe(built[0]?.digest);
  expect(await at.pull(image, "latest")).toMatchObject({ exitCode: 0 });
  expect(await at.pull(image, "323-1.fc40")).toMatchObject({ exitCode: 0 });
  expect(at.reports.at(-1)?.lines.map((line) => `${line.tag} ${line.what}`)).toEqual([
    "323-1.fc40-amd64 ok",
    "323-1.fc40 ok",
    "323-3.fc40-amd64 tagged",
    "323-3.fc40 copied",
    "323 moved",
    "latest moved",
    "bogus unmanaged",
  ]);
});

test("a roll-back is a pull request that points floating tags back, and only that", async () => {
  const before = await at.read(path);
  const { number, ...rest } = await proposeRollback(at.ports, { imageRepository: image, requestedBy: "alice" });
  expect(rest).toMatchObject({ outcome: "opened", branch: "rollback/f40/cockpit", from: "323-3.fc40", to: "323-1.fc40" });
  expect(await proposeRollback(at.ports, { imageRepository: image, requestedBy: "bob" })).toMatchObject({ outcome: "unchanged", number });
  expect(await body(number)).toContain("| `bash.x86_64` | **downgraded** | `5.2-2.fc40` | `5.2-1.fc40` |");
  expect((await at.check(number)).title).toBe("writes 323, latest");
  await at.merge(number);
  await at.scan();
  expect(await at.read(path)).toBe(before.replaceAll(/^( {2}(?:"323"|latest): )"323-3.fc40"/gm, '$1"323-1.fc40"'));
  expect(await at.tag(image, "latest")).toBe(built[0]?.digest);
  expect(await at.tag(image, "323-3.fc40")).toBe(built[2]?.digest);
  expect(await at.pull(image, "latest")).toMatchObject({ exitCode: 0 });
  expect((await comments(number)).at(-1)).toContain("Asked for by `alice`.");
});

test("a revert of the roll-back moves them forward again", async () => {
  const clone = await at.person(manifests);
  await clone.git("fetch", "--quiet", "origin");
  await clone.git("checkout", "--quiet", "--force", "-B", "revert", "origin/main");
  await clone.git("revert", "--mainline", "1", "--no-edit", "HEAD");
  await clone.git("push", "--quiet", "origin", "HEAD:refs/heads/revert");
  const request = { repository: manifests, headBranch: "revert", baseBranch: "main", title: "revert", body: "", person: "bob" };
  const { number } = await at.forge.openPull(request);
  expect(await at.check(number)).toMatchObject({ state: "success", title: "writes 323, latest" });
  await at.merge(number);
  await at.scan();
  expect(await at.tag(image, "latest")).toBe(built[2]?.digest);
});

test("a release that is taken out by hand is refused", async () => {
  const number = await byHand("shortened", (now) =>
    now.replace(/ {2}"323-3.fc40":\n.*\n.*\n/, "# tidied\n").replaceAll('"323-3.fc40"', '"323-1.fc40"'),
  );
  const { state, title, summary } = await at.check(number);
  expect({ state, title }).toEqual({ state: "failure", title: '1 fault: the release "323-3.fc40" is gone, releases are append-only' });
  expect(summary).toContain("put it back; to roll back change floating only, to stop its use add it to withdrawn");
  await at.forge.closePull(manifests, number, "alice");
});

test("a revert of a whole promotion moves tags back, and its release stays in production, signed and told as unmanaged", async () => {
  const text = await at.read(path);
  // As a forge's button makes it: git undoes the merge that brought the release.
  const clone = await at.person(manifests);
  await clone.git("fetch", "--quiet", "origin");
  await clone.git("checkout", "--quiet", "--force", "-B", "undo", "origin/main");
  const [merge = ""] = (await clone.git("log", "--first-parent", "--reverse", "--format=%H", "-S323-3.fc40", "--", path)).split("\n");
  await clone.git("revert", "--mainline", "1", "--no-edit", merge);
  await clone.git("push", "--quiet", "origin", "HEAD:refs/heads/undo");
  const request = { repository: manifests, headBranch: "undo", baseBranch: "main", title: "undo", body: "", person: "bob" };
  const { number } = await at.forge.openPull(request);
  const { state, title, summary } = await at.check(number);
  expect({ state, title }).toEqual({ state: "success", title: "reverts 323-3.fc40; writes 323, latest" });
  expect(summary).toContain("no longer speaks of `323-3.fc40`");
  await at.merge(number);
  await at.scan();
  expect(await at.tag(image, "latest")).toBe(built[0]?.digest);
  expect(await at.tag(image, "323-3.fc40")).toBe(built[2]?.digest);
  expect(await at.pull(image, "323-3.fc40")).toMatchObject({ exitCode: 0 });
  expect(at.reports.at(-1)?.lines.map((line) => `${line.tag} ${line.what}`)).toContain("323-3.fc40 unmanaged");
  expect((await comments(number)).at(-1)).toContain("| `323-3.fc40` | unmanaged |");
  await (await at.person(manifests)).push({ [path]: text });
  await at.scan();
  expect(await at.tag(image, "latest")).toBe(built[2]?.digest);
});

test("a withdrawn release can't be pulled any more by those who check signatures; its tag goes when the file says so", async () => {
  const number = await byHand(
    "withdraw",
    (text) => `${text}withdrawn:\n  "323-1.fc40": {reason: CVE-2026-1, by: alice, removeTag: true}\n`,
  );
  expect(await at.check(number)).toMatchObject({ state: "success" });
  await at.merge(number);
  await at.scan();
  const line = at.reports.at(-1)?.lines.find((one) => one.what === "withdrawn");
  // The stranger's tag stands at the same digest and would go with it.
  expect(line).toMatchObject({ tag: "323-1.fc40", message: expect.stringMatching(/the tag was not removed: bogus would go with it$/) });
  const refused = await at.pull(image, "323-1.fc40");
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toContain("A signature was required, but no signature exists");
  expect(await at.pull(image, "latest")).toMatchObject({ exitCode: 0 });
});
