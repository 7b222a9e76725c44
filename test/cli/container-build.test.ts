import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseScmUrl } from "../../src/cli/scm-url.ts";
import { isAppError } from "../../src/domain/errors.ts";
import { build, flibs, type Story } from "./cli-world.ts";

const commit = "c".repeat(40);
const url = `https://src.example.org/containers/hello.git#${commit}`;
const targets = `
targets:
  - {name: f42-container-candidate, branches: [f42], destinationTag: f42-updates-candidate}
  - {name: f39-container-candidate, branches: [f39], destinationTag: f39-updates-candidate, locked: true}
`;
const started = async (line: string[], story: Story = { settings: targets }) => {
  const { code, err, started: runs } = await flibs(["container-build", ...line, "--nowait"], story);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return runs[0];
};
const plain = { forge: "local", repository: "containers/hello", commit, requestedBy: "alice" };

describe("the options of fedpkg and Koji's client", () => {
  test("koji container-build: a target and a scm URL", async () => {
    const line = ["--git-branch", "f42", "--scratch", "--repo-url", "https://a.test/a.repo", "f42-container-candidate", url];
    expect((await started(line))?.intent).toEqual({
      ...plain,
      ...{ branch: "f42", scratch: true, target: "f42-container-candidate", yumRepositories: ["https://a.test/a.repo"] },
    });
  });

  test("everything that may be asked for", async () => {
    const line = [
      ...["hello", "--branch", "f42", "--isolated", "--build-release", "3.1", "--arches", "x86_64", "aarch64,s390x"],
      ...["--arch-override", "x86_64 ppc64le", "--repo-url", "https://a.test/a.repo", "https://a.test/b.repo"],
      ...["--koji-parent-build", "base-container-1-1", "--target", "f42-container-candidate", "--userdata", '{"ticket": 7}'],
    ];
    const request = await started(line);
    expect(request?.intent).toEqual({
      ...plain,
      ...{ branch: "f42", scratch: false, isolated: true, release: "3.1", architectures: ["x86_64", "aarch64", "s390x", "ppc64le"] },
      ...{ yumRepositories: ["https://a.test/a.repo", "https://a.test/b.repo"], parentBuild: "base-container-1-1" },
      ...{ target: "f42-container-candidate", userdata: { ticket: 7 } },
    });
    expect(request?.subject).toBe("build containers/hello f42 isolated 3.1 for f42-container-candidate");
  });

  test.each([
    ["--release", { release: "7" }],
    ["--build-release", { release: "7" }],
  ])("%s gives the release", async (option, expected) => {
    expect((await started(["hello", option, "7"]))?.intent).toMatchObject(expected);
  });

  test("a repository alone is built at the head of main", async () => {
    expect((await started(["hello"]))?.intent).toEqual({ ...plain, branch: "main", scratch: false });
    expect((await started(["hello", "--commit", "d".repeat(40)]))?.intent).toMatchObject({ commit: "d".repeat(40) });
  });

  test.each([
    ["HEAD", commit],
    ["origin/f42", commit],
    ["f42", commit],
    ["d".repeat(40), "d".repeat(40)],
  ])("revision %s of a scm URL is commit %s", async (revision, expected) => {
    const request = await started(["--git-branch", "f42", "f42-container-candidate", `git+https://x.test/containers/hello?#${revision}`]);
    expect(request?.intent).toMatchObject({ branch: "f42", commit: expected });
  });

  test("what changes nothing is accepted with a word", async () => {
    expect(await flibs(["container-build", "hello", "--nowait", "--background", "--skip-remote-rules-validation"])).toMatchObject({
      code: 0,
      out: "b1\n",
      err: "note: --background changes nothing: repositories take turns anyway\nnote: --skip-remote-rules-validation changes nothing: there are no remote rules here\n",
    });
  });

  test("--wait watches, --quiet says only how it ended", async () => {
    expect(await flibs(["container-build", "hello", "--wait"])).toMatchObject({ code: 0, out: "STEP 1\n" });
    expect(await flibs(["container-build", "hello", "--quiet"])).toMatchObject({
      code: 0,
      out: "",
      err: "hello-container-1.0-1 is built\n",
    });
  });

  test("a build for a target says so", async () => {
    const { err } = await flibs(["container-build", "hello", "--branch", "f42"], { settings: targets });
    expect(err).toContain(`build b1 of containers/hello f42 at ${commit.slice(0, 12)} for f42-container-candidate\n`);
  });
});

describe("refusals, word for word", () => {
  test.each<[string, string[], string, string?]>([
    [
      "three words",
      ["a", "b", "c"],
      "Exactly two arguments (a build target and a SCM URL) are required",
      "Give a repository alone, a target and a scm URL, or nothing in a clone",
    ],
    [
      "no address",
      ["f42", "hello#1"],
      "scm URL does not look like an URL to a source repository",
      "Write for example https://src.example.org/containers/cockpit#<commit id>",
    ],
    ["no revision", ["f42", "https://x.test/containers/hello"], "scm URL must be of the form <url_to_repository>#<revision>)"],
    ["an empty revision", ["f42", "https://x.test/containers/hello#"], "scm URL must be of the form <url_to_repository>#<revision>)"],
    ["no repository", ["f42", "https://x.test/hello#1"], "scm URL https://x.test/hello#1 names no <namespace>/<repository>"],
    [
      "architectures of an official build",
      ["hello", "--arch-override", "x86_64"],
      "--arch-override is only allowed for --scratch or --isolated builds",
    ],
    ["the same in fedpkg's words", ["hello", "--arches", "x86_64"], "--arch-override is only allowed for --scratch or --isolated builds"],
    [
      "intent and composes",
      ["hello", "--signing-intent", "release", "--compose-id", "1"],
      "--signing-intent cannot be used with --compose-id",
    ],
    ["no branch", ["f42-container-candidate", url], "git-branch must be specified", "Add --git-branch <name>"],
    ["isolated and scratch", ["hello", "--isolated", "--scratch", "--release", "1.1"], "Build cannot be both isolated and scratch"],
    [
      "isolated without release",
      ["hello", "--isolated"],
      "The release parameter is required for isolated builds",
      "Give one, for example 3.1 as a fix to release 3",
    ],
    [
      "an isolated release of one part",
      ["hello", "--isolated", "--release", "3"],
      "For isolated builds, the release value must be in the format: ^\\d+\\.\\d+(\\..+)?$",
    ],
    [
      "an unknown target",
      ["hello", "--target", "f99"],
      "Unknown build target: f99",
      "There is f42-container-candidate, f39-container-candidate",
    ],
    ["an unknown target in front", ["--git-branch", "f42", "f99", url], "Unknown build target: f99"],
    ["two targets", ["--git-branch", "f42", "--target", "a", "b", url], "the target and --target say different things", "Give one of them"],
    ["two releases", ["hello", "--release", "1", "--build-release", "2"], "--build-release and --release say different things"],
    ["two branches", ["hello", "--branch", "a", "--git-branch", "b"], "--branch and --git-branch say different things"],
    [
      "composes",
      ["hello", "--compose-id", "12", "13"],
      "--compose-id needs a compose service (ODCS), which flibs does not have",
      "Give the addresses of repository files instead: --repo-url",
    ],
    [
      "a signing intent",
      ["hello", "--signing-intent", "release"],
      "--signing-intent needs a compose service (ODCS), which flibs does not have",
    ],
    [
      "replaced dependencies",
      ["hello", "--scratch", "--replace-dependency", "gomod:a:1"],
      "--replace-dependency needs a service for remote sources (Cachito, Hermeto), which flibs does not have",
      "Change the dependency in the repository",
    ],
    [
      "operator manifests",
      ["hello", "--operator-csv-modifications-url", "https://a.test"],
      "--operator-csv-modifications-url changes operator manifests, which flibs does not do",
    ],
    ["a channel", ["hello", "--channel-override", "x"], "--channel-override names a Koji channel, which flibs does not have"],
    ["no build", ["hello", "--skip-build"], "--skip-build is not there any more, as in OSBS: every build is built"],
    ["wait and nowait", ["hello", "--wait", "--nowait"], "--wait and --nowait exclude each other"],
    [
      "userdata that is no JSON",
      ["hello", "--userdata", "{"],
      "--userdata is not a JSON dictionary",
      `Write for example --userdata '{"ticket": 7}'`,
    ],
    ["userdata that is a list", ["hello", "--userdata", "[1]"], "--userdata is not a JSON dictionary"],
    [
      "an unknown architecture",
      ["hello", "--scratch", "--arches", "x86-64"],
      '"x86-64" is no architecture',
      "There is 386, amd64, arm64, ppc64le, s390x, riscv64; what names the repository stands before --arches",
    ],
    ["no architecture", ["hello", "--scratch", "--arch-override", " , "], "no architecture is named"],
    [
      "a repository file of this machine",
      ["hello", "--repo-url", "file:///etc/yum.conf"],
      '"file:///etc/yum.conf" is not the address of a yum repository file',
      "Give the http or https address of a .repo file",
    ],
    ["a parent that is no NVR", ["hello", "--koji-parent-build", "17"], '"17" is not a name-version-release'],
    [
      "a commit beside a scm URL",
      ["--git-branch", "f42", "--commit", commit, "f42-container-candidate", url],
      "--commit cannot be used with a scm URL, which names the commit",
      "Write it behind the # of the URL",
    ],
    [
      "half a commit id",
      ["--git-branch", "f42", "f42-container-candidate", "https://x.test/containers/hello#abc1234"],
      'scm URL has "abc1234", which is not a whole commit id',
      "Give the commit id with all of its 40 digits, a branch, or HEAD",
    ],
    ["an unknown repository", ["nothing"], "containers/nothing has no branch main", "flibs repo list shows the repositories"],
  ])("%s", async (...[, line, message, hint]) => {
    const { code, err, started: runs } = await flibs(["container-build", ...line], { settings: targets });
    expect(runs).toEqual([]);
    expect(code).toBe(2);
    if (hint === undefined) expect(err.split("\n")[0]).toBe(`flibs: ${message}`);
    else expect(err).toBe(`flibs: ${message}\n  ${hint}\n`);
  });

  test("a locked destination tag is a matter of permission; a scratch build is made all the same", async () => {
    expect(await flibs(["container-build", "hello", "--branch", "f39"], { settings: targets })).toMatchObject({
      code: 4,
      started: [],
      err: "flibs: Destination tag f39-updates-candidate is locked\n  Nothing is released for f39-container-candidate any more; a scratch build can still be made\n",
    });
    expect((await started(["hello", "--branch", "f39", "--scratch"]))?.intent).toMatchObject({ scratch: true });
  });

  test("an address on another forge than GitHub's", async () => {
    const github = "forge: {kind: github, appId: 1, privateKey: {env: K}, webhookSecrets: [{env: S}]}\n";
    const line = ["container-build", "--git-branch", "f42", "f42-container-candidate", url, "--nowait"];
    expect(await flibs(line, { settings: targets, forge: github })).toMatchObject({
      code: 2,
      started: [],
      err: "flibs: scm URL is of src.example.org, but flibs builds what is on github.com\n  Give the repository's address on github.com\n",
    });
    const own = line.with(4, `https://git@github.com/containers/hello.git#${commit}`);
    expect((await flibs(own, { settings: targets, forge: github })).started).toHaveLength(1);
  });

  test("an address on another host than Pagure's pages and pushes", async () => {
    const push = "push: {kind: ssh, url: 'ssh://bot@pkgs.example.org', key: k, knownHosts: h}";
    const pagure = `forge: {kind: pagure, url: "https://src.example.org", user: bot, email: b@example.org, token: {env: K}, ${push}}\n`;
    const line = ["container-build", "--git-branch", "f42", "f42-container-candidate", url, "--nowait"];
    for (const host of ["src.example.org", "pkgs.example.org"]) {
      const own = line.with(4, `https://${host}/containers/hello#${commit}`);
      expect((await flibs(own, { settings: targets, forge: pagure })).started).toHaveLength(1);
    }
    const foreign = line.with(4, `https://github.com/containers/hello.git#${commit}`);
    expect(await flibs(foreign, { settings: targets, forge: pagure })).toMatchObject({ code: 2, started: [] });
  });
});

describe("a scm URL", () => {
  test.each([
    ["https://src.example.org/containers/hello#f42", { host: "src.example.org", repository: "containers/hello", revision: "f42" }],
    ["git+ssh://git@host:22/a/containers/hello.git#x", { host: "host:22", repository: "containers/hello", revision: "x" }],
    [
      "git://pkgs.example.org/containers/hello?#origin/f42",
      { host: "pkgs.example.org", repository: "containers/hello", revision: "origin/f42" },
    ],
    ["file:///srv/git/containers/hello.git/#HEAD", { host: "", repository: "containers/hello", revision: "HEAD" }],
    ["https://h/a/b#c#d", { host: "h", repository: "a/b", revision: "c#d" }],
  ])("%s", (text, expected) => {
    expect(parseScmUrl(text)).toEqual(expected);
  });
  test("is read or refused, whatever it is", () => {
    const piece = fc.constantFrom("://", "#", "/", "?", "@", ".git", "a", "https", ":", " ", "..");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 15 }), (pieces) => {
        try {
          const { repository, revision } = parseScmUrl(pieces.join(""));
          expect(repository.split("/")).toHaveLength(2);
          expect(revision).not.toBe("");
        } catch (error) {
          expect(isAppError(error) && error.code).toBe("cli.usage");
        }
      }),
    );
  });
});

describe("targets and tags", () => {
  const tagged = [
    {
      ...{ tag: "f42-updates-candidate", build: "b1", repository: "containers/hello", requestedBy: "alice\u001b[31m" },
      ...{ nvr: { name: "hello-container", version: "1.0", release: "2" }, taggedAt: "2026-11-23T11:00:00.000Z" },
    },
    {
      ...{ tag: "f42-updates-candidate", build: "b0", repository: "containers/hello", requestedBy: "alice" },
      ...{ nvr: { name: "hello-container", version: "1.0", release: "1" }, taggedAt: "2026-11-22T11:00:00.000Z" },
    },
  ];
  test("targets lists those of the settings", async () => {
    expect((await flibs(["targets"], { settings: targets })).out).toBe(
      `TARGET                   BRANCHES  DESTINATION TAG                 ARCHITECTURES
f42-container-candidate  f42       f42-updates-candidate           all
f39-container-candidate  f39       f39-updates-candidate (locked)  all
`,
    );
    expect(JSON.parse((await flibs(["targets", "--json"], { settings: targets })).out)).toHaveLength(2);
    expect((await flibs(["targets"])).out).toBe("no targets\n");
  });
  test("tags counts what is in them", async () => {
    expect((await flibs(["tags"], { settings: targets, tagged })).out).toBe(
      `TAG                    BUILDS  TARGETS
f39-updates-candidate  0       f39-container-candidate
f42-updates-candidate  2       f42-container-candidate
`,
    );
    expect(JSON.parse((await flibs(["tags", "--json"], { settings: targets })).out)[1]).toEqual({
      ...{ tag: "f42-updates-candidate", builds: 0, targets: ["f42-container-candidate"] },
    });
    expect((await flibs(["tags"])).out).toBe("no destination tags\n");
  });
  test("list-tagged has the latest of each component, or all", async () => {
    expect((await flibs(["list-tagged", "f42-updates-candidate"], { tagged })).out).toBe(
      `BUILD                  TAG                    BUILT BY  TAGGED      ID
hello-container-1.0-2  f42-updates-candidate  alice     60 min ago  b1
`,
    );
    expect((await flibs(["list-tagged", "f42-updates-candidate", "--all"], { tagged })).out).toContain("hello-container-1.0-1");
    const { out } = await flibs(["list-tagged", "f42-updates-candidate", "--json"], { tagged });
    expect(JSON.parse(out)).toMatchObject([{ build: "b1", nvr: { release: "2" } }]);
    expect((await flibs(["list-tagged", "f39-updates-candidate"], { settings: targets })).out).toBe("no builds yet\n");
  });
  test("an unknown tag and options that exclude each other are refused", async () => {
    expect(await flibs(["list-tagged", "f41"], { settings: targets })).toMatchObject({
      code: 2,
      err: "flibs: No such tag: f41\n  There is f39-updates-candidate, f42-updates-candidate\n",
    });
    expect(await flibs(["list-tagged", "f41"])).toMatchObject({
      err: "flibs: No such tag: f41\n  There are none; targets in the settings name them\n",
    });
    expect(await flibs(["list-tagged", "x", "--all", "--latest"])).toMatchObject({
      code: 2,
      err: "flibs: --all and --latest exclude each other\n",
    });
  });
});

test("show tells what was asked for, the target, and whose build a parent is", async () => {
  const parent = {
    written: "r.test/f42/base:1",
    pinned: `r.test/f42/base@${build.digest}`,
    digest: build.digest ?? "sha256:",
    nvr: "base-container-1-1",
  };
  const asked = { isolated: true, release: "3.1", parentBuild: "base-container-1-1", yumRepositories: ["https://a.test/\u001b[2Ja.repo"] };
  const { out } = await flibs(["show", "b1"], {
    build: {
      ...build,
      ...asked,
      plan: {
        ...{
          imageRepository: "f42/hello",
          platforms: [],
          parents: [parent as never],
          labels: {},
          uniqueTag: "u",
          floatingTags: [],
          suites: [],
        },
        target: { name: "f42-container-candidate", destinationTag: "f42-updates-candidate" },
      },
    },
  });
  expect(out).toContain(`asked for   isolated
            release 3.1
            on base-container-1-1
            repository https://a.test/a.repo
target      f42-container-candidate, tagged into f42-updates-candidate
`);
  expect(out).toContain(`parent      r.test/f42/base:1 = ${build.digest} (base-container-1-1)\n`);
});
