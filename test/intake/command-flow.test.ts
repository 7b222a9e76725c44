import { beforeEach, describe, expect, test } from "@jest/globals";
import { appError } from "../../src/domain/errors.ts";
import { parseNvr } from "../../src/domain/nvr.ts";
import { formatPromoted } from "../../src/promotion/proposal-words.ts";
import { commandWorld, hello, manifests } from "./command-world.ts";

let world: Awaited<ReturnType<typeof commandWorld>>;
beforeEach(async () => {
  world = await commandWorld();
});

const nvr = parseNvr("hello-1-1");
const strange = async () => {
  world.forge.roles.set(`${hello} alice`, "read");
  return await world.head();
};
const merge = async () => (await world.forge.mergePull(hello, world.number, "bob")).mergeCommit;

describe("/build", () => {
  test("of an open pull request starts a scratch build of its head, says so by a reaction, and nothing in words", async () => {
    const { outcome, reaction } = await world.comment("alice", "Please\n/build --arch amd64");
    expect(outcome).toBeUndefined();
    const commit = await world.head();
    expect(world.started()).toEqual([
      {
        flow: "build",
        subject: `build ${hello} #1`,
        intent: {
          ...{ forge: "local", repository: hello, branch: "f42", commit, scratch: true, requestedBy: "alice", pull: 1 },
          architectures: ["amd64"],
        },
      },
    ]);
    expect(reaction).toBe("done");
    expect(await world.replies()).toEqual([]);
  });
  test("of a merged one starts an official build of the branch's head, whatever was merged since", async () => {
    await merge();
    const commit = world.forge.commit(hello, "f42", { more: "1" });
    await world.comment("bob", "/build");
    expect(world.started()).toMatchObject([{ subject: `build ${hello} f42`, intent: { commit, scratch: false, requestedBy: "bob" } }]);
    expect(world.started()[0]?.intent).not.toHaveProperty("pull");
  });
  test("of a merged one for some architectures is refused unless it is a scratch build", async () => {
    await merge();
    expect(await world.comment("bob", "/build --arch amd64")).toMatchObject({ reaction: "refused" });
    expect(await world.replies()).toEqual([
      "**`/build --arch amd64`** could not be carried out: only a scratch or isolated build may be made for some architectures. Leave the architectures out, or ask for a scratch build.",
    ]);
    await world.comment("bob", "/build --scratch --arch amd64");
    expect(world.started()).toMatchObject([{ intent: { scratch: true, architectures: ["amd64"] } }]);
  });
  test("of a merged one makes an isolated build, or one with a given release, beside the branch's line", async () => {
    await merge();
    await world.comment("bob", "/build --isolated 3.1 --arch amd64");
    await world.comment("bob", "/build --release 7");
    expect(world.started()).toMatchObject([
      {
        subject: `build ${hello} f42 isolated 3.1`,
        intent: { isolated: true, release: "3.1", architectures: ["amd64"], scratch: false, requestedBy: "bob" },
      },
      { subject: `build ${hello} f42`, intent: { release: "7", scratch: false } },
    ]);
    expect(world.started()[1]?.intent).not.toHaveProperty("isolated");
  });
  test.each([
    ["--scratch --isolated 3.1", "Build cannot be both isolated and scratch. Leave one of the two out."],
    ["--isolated 3.1 --release 3.1", "an isolated build has its release already. Leave --release out."],
  ])("of a merged one with %s is refused", async (options, words) => {
    await merge();
    await world.comment("bob", `/build ${options}`);
    expect(await world.replies()).toEqual([`**\`/build ${options}\`** could not be carried out: ${words}`]);
    expect(world.all).toEqual([]);
  });
  test.each(["--isolated 3.1", "--release 7", "--scratch --release 7"])(
    "of an open one with %s is refused, for everybody",
    async (options) => {
      await world.comment("bob", `/build ${options}`);
      expect(await world.replies()).toEqual([
        `**\`/build ${options}\`** could not be carried out: an open pull request is built as a scratch build, which has no release. Merge it first, or leave the release out.`,
      ]);
      expect(world.all).toEqual([]);
    },
  );
  test.each([
    ["--isolated 3", "`--isolated` must be a release of two numbers, and more behind another dot (3.1, 3.1.fc42); `3` is not."],
    ["--isolated 3.1.a-b", "`--isolated` must be"],
    ["--release 1-2", "`--release` must be a digit, then letters and digits parted by dots or underscores (7, 7.fc42); `1-2` is not."],
    ["--repo-url https://evil.test/a.repo", "`/build` has no option `--repo-url`"],
    ["--koji-parent-build a-1-1", "`/build` has no option `--koji-parent-build`"],
    ["--target f42", "`/build` has no option `--target`"],
  ])("with %s says what is wrong", async (options, words) => {
    await merge();
    await world.comment("bob", `/build ${options}`);
    expect((await world.replies()).join()).toContain(words);
    expect(world.all).toEqual([]);
  });
  test("of one merged into a branch that is not built, or has gone, says so", async () => {
    world.forge.commit(hello, "old", {}, "f42");
    await world.forge.openPull({ repository: hello, headBranch: "topic", baseBranch: "old", title: "t", body: "", person: "alice" });
    await world.forge.mergePull(hello, 2, "bob");
    await world.comment("bob", "/build", hello, 2);
    expect(await world.replies(hello, 2)).toEqual(["**`/build`** could not be carried out: branch old of containers/hello is not built."]);
    await merge();
    world.forge.deleteBranch(hello, "f42");
    await world.comment("bob", "/build");
    expect(await world.replies()).toEqual(["**`/build`** could not be carried out: branch f42 of containers/hello has gone."]);
    expect(world.all).toEqual([]);
  });
  test("of a stranger's head waits for an approval, and the line to paste is told", async () => {
    const head = await strange();
    await world.comment("alice", "/build");
    await world.comment("bob", "/build");
    expect(await world.replies()).toEqual([
      `\`/build\` waits until somebody with write access to \`containers/hello\` has looked at this head and approved it. The line to paste:\n\n\`\`\`text\n/ok-to-test ${head}\n\`\`\``,
      `\`/build\` waits for an approval: this head comes from somebody without write access, and nobody has said yet that it was looked at. You may. The line to paste:\n\n\`\`\`text\n/ok-to-test ${head}\n\`\`\``,
    ]);
    expect(world.all).toEqual([]);
  });
  test("of a stranger's approved head builds it with the base branch's word", async () => {
    const head = await strange();
    await world.comment("bob", `/ok-to-test ${head}`);
    await world.comment("alice", "/build");
    const base = (await world.forge.findPull(hello, 1))?.baseHead;
    expect(world.started().at(-1)).toMatchObject({ flow: "build", intent: { commit: head, requestedBy: "alice", stranger: { base } } });
  });
  test("by somebody who may not write is refused, with who can", async () => {
    expect(await world.comment("mallory", "/build")).toMatchObject({ reaction: "refused" });
    expect(await world.replies()).toEqual([
      "`/build` needs write access to `containers/hello`; you have read access. It can be pasted by somebody with write access to `containers/hello`:\n\n```text\n/build\n```",
    ]);
  });
});

describe("/test", () => {
  test("runs all suites of the newest complete build of the head", async () => {
    const commit = await world.head();
    world.addBuild("b1", { scratch: true, pull: 1, commit });
    world.addBuild("b2", { scratch: true, pull: 1, commit });
    world.addBuild("b3", { scratch: true, pull: 1, commit, state: "failed" });
    world.addBuild("b4", { scratch: true, pull: 1, commit: "d".repeat(40) });
    await world.comment("alice", "/test");
    expect(world.started()).toEqual([{ flow: "test", subject: "test b2", intent: { build: "b2", requestedBy: "alice" } }]);
  });
  test("runs one suite that is named", async () => {
    world.addBuild("b1", { scratch: true, pull: 1, commit: await world.head() });
    await world.comment("alice", "/test smoke");
    expect(world.started()).toMatchObject([{ intent: { build: "b1", suites: ["smoke"] } }]);
  });
  test("of a suite that the build does not have says which it has", async () => {
    world.addBuild("b1", { scratch: true, pull: 1, commit: await world.head() });
    await world.comment("alice", "/test smoek");
    expect(await world.replies()).toEqual([
      '**`/test smoek`** could not be carried out: there is no suite "smoek"; there is smoke, slow. Did you mean smoke?',
    ]);
    expect(world.all).toEqual([]);
  });
  test.each([
    ["/test", false, "/build"],
    ["/flibs test", true, "/flibs build"],
  ])("of a head that was not built says so to %s (prefix only: %j), and how to build it", async (line, prefixOnly, build) => {
    world = await commandWorld({ comments: { prefix: "flibs", prefixOnly } });
    await world.comment("alice", line);
    const head = (await world.head()).slice(0, 12);
    expect(await world.replies()).toEqual([
      `**\`${line}\`** could not be carried out: there is no complete build of commit ${head} whose image could be tested. Build it first: ${build}.`,
    ]);
  });
});

describe("/cancel", () => {
  test("ends the builds and tests of this pull request and of nothing else", async () => {
    const intent = { forge: "local", repository: hello, branch: "f42", commit: "c", requestedBy: "bob" };
    const start = (flow: string, subject: string, what: object) =>
      world.ports.runs.start({ flow, subject, intent: what, key: subject, whenBusy: "queue" });
    const own = await start("build", "own", { ...intent, scratch: true, pull: 1 });
    const others = await start("build", "other's", { ...intent, scratch: true, pull: 2 });
    const branch = await start("build", "branch", { ...intent, scratch: false });
    world.addBuild("b1", { scratch: true, pull: 1 });
    const tests = await start("test", "tests", { build: "b1", requestedBy: "bob" });
    const look = await start("pull", "look", { repository: hello, number: 1 });
    await world.comment("alice", "/cancel");
    const statuses = Object.fromEntries(world.all.map(({ id, status }) => [id, status]));
    expect(statuses).toEqual({ [own]: "cancelled", [others]: "queued", [branch]: "queued", [tests]: "cancelled", [look]: "queued" });
    expect(world.all[0]?.ending).toEqual({ status: "cancelled", reason: "cancelled by alice" });
  });
  test("of a merged one ends the branch's", async () => {
    await merge();
    const intent = { forge: "local", repository: hello, branch: "f42", commit: "c", scratch: false, requestedBy: "bob" };
    await world.ports.runs.start({ flow: "build", subject: "b", intent, key: "b", whenBusy: "queue" });
    await world.comment("bob", "/cancel");
    expect(world.all).toMatchObject([{ status: "cancelled" }]);
  });
  test.each([
    ["outcomes", "**`/cancel`**: nothing was at work."],
    ["all", "**`/cancel`**: nothing was at work."],
  ] as const)("of nothing is well, and told where %s are", async (replies, words) => {
    world = await commandWorld({ replies });
    expect(await world.comment("alice", "/cancel")).toMatchObject({ reaction: "done", outcome: undefined });
    expect(await world.replies()).toEqual([words]);
  });
});

describe("/ok-to-test", () => {
  test("of the head approves it, and starts a look and the build that was waited for", async () => {
    const head = await strange();
    expect(await world.comment("bob", `/ok-to-test ${head}`)).toMatchObject({ reaction: "done" });
    expect([...world.approvals.values()]).toMatchObject([{ forge: "local", repository: hello, number: 1, head, approvedBy: "bob" }]);
    const base = (await world.forge.findPull(hello, 1))?.baseHead;
    expect(world.started()).toMatchObject([
      { flow: "pull", intent: { repository: hello, number: 1, head } },
      { flow: "build", intent: { commit: head, scratch: true, pull: 1, requestedBy: "bob", stranger: { base } } },
    ]);
  });
  test("of the head's first digits approves nothing: another commit may begin with them, too", async () => {
    const head = await strange();
    expect(await world.comment("bob", `/ok-to-test ${head.slice(0, 12)}`)).toMatchObject({ reaction: "refused" });
    expect([world.approvals.size, world.started()]).toEqual([0, []]);
    expect(await world.replies()).toEqual([expect.stringContaining(`The line to paste:\n\n\`\`\`text\n/ok-to-test ${head}\n`)]);
  });
  test("of an older commit approves nothing", async () => {
    const old = await strange();
    const head = world.forge.commit(hello, "topic", { change: "evil" });
    await world.comment("bob", `/ok-to-test ${old}`);
    expect(await world.replies()).toEqual([
      `\`${old}\` is not the head of this pull request, which may have moved on; nothing was approved. Look at the head again. The line to paste:\n\n\`\`\`text\n/ok-to-test ${head}\n\`\`\``,
    ]);
    expect([world.approvals.size, world.all.length]).toEqual([0, 0]);
  });
  test("counts for no later push", async () => {
    const old = await strange();
    await world.comment("bob", `/ok-to-test ${old}`);
    world.forge.commit(hello, "topic", { change: "evil" });
    const before = world.all.length;
    expect(await world.comment("alice", "/build")).toMatchObject({ reaction: "refused" });
    expect(world.all).toHaveLength(before);
  });
  test("without a commit is answered by the line to paste", async () => {
    const head = await strange();
    await world.comment("bob", "/ok-to-test");
    expect(await world.replies()).toEqual([
      `An approval names the commit that was looked at, so that a push in the meantime is not approved with it. The line to paste:\n\n\`\`\`text\n/ok-to-test ${head}\n\`\`\``,
    ]);
    expect(world.approvals.size).toBe(0);
  });
  test("by the stranger is refused", async () => {
    const head = await strange();
    expect(await world.comment("alice", `/ok-to-test ${head}`)).toMatchObject({ reaction: "refused" });
    expect([world.approvals.size, world.all.length]).toEqual([0, 0]);
  });
  test("where nothing waits starts nothing", async () => {
    world = await commandWorld({ replies: "outcomes" });
    const head = await world.head();
    await world.comment("bob", `/ok-to-test ${head}`);
    expect(await world.replies()).toEqual([`**\`/ok-to-test ${head}\`**: nothing was waiting for it: the author may write here.`]);
    expect([world.approvals.size, world.all.length]).toEqual([0, 0]);
  });
});

describe("/promote", () => {
  beforeEach(async () => {
    world = await commandWorld({ replies: "outcomes" });
  });
  test("in a container repository proposes the newest complete build of the branch", async () => {
    world.addBuild("b1", { nvr });
    world.addBuild("b2", { nvr: parseNvr("hello-1-2") });
    world.addBuild("b3", { scratch: true });
    world.addBuild("b4", { branch: "f43" });
    await world.comment("alice", "/promote");
    expect(world.asked).toEqual(["promote b2 for alice"]);
    expect(await world.replies()).toEqual(["**`/promote`**: the promotion of `hello-1-1` is proposed in releng/manifests#7."]);
  });
  test("says what became of it with one full stop", async () => {
    world.addBuild("b1", { nvr });
    world.promoted = formatPromoted({ outcome: "already-released", repository: "f42/hello", nvr: "hello-1-1" });
    await world.comment("alice", "/promote");
    expect(await world.replies()).toEqual(["**`/promote`**: `hello-1-1` is released already."]);
  });
  test("by name proposes that build", async () => {
    world.addBuild("b1", { nvr });
    world.addBuild("b2", { nvr: parseNvr("hello-1-2") });
    await world.comment("alice", "/promote hello-1-1");
    expect(world.asked).toEqual(["promote b1 for alice"]);
  });
  test("in a promotion proposes the build that it names", async () => {
    world.addBuild("b1", { nvr });
    world.addBuild("b2", { nvr: parseNvr("hello-1-2") });
    await world.comment("alice", "/promote", manifests, 1);
    await world.comment("alice", "/promote hello-1-2", manifests, 1);
    expect(world.asked).toEqual(["promote b1 for alice", "promote b2 for alice"]);
  });
  test.each([
    ["an unknown name", "/promote hello-9-9", "there is no complete build hello-9-9. flibs builds, or the web page, list them"],
    ["no build", "/promote", "branch f42 has no complete build. Name the build: /promote NAME-VERSION-RELEASE"],
  ])("with %s says what to do", async (_, line, words) => {
    await world.comment("alice", line);
    expect(await world.replies()).toEqual([`**\`${line}\`** could not be carried out: ${words}.`]);
    expect(world.asked).toEqual([]);
  });
  test("below a person's own change of the manifests asks for a name", async () => {
    const { number } = await world.forge.openPull({
      ...{ repository: manifests, headBranch: "topic", baseBranch: "f42", title: "t", body: "", person: "alice" },
    });
    await world.comment("alice", "/promote", manifests, number);
    expect(await world.replies(manifests, number)).toEqual([
      "**`/promote`** could not be carried out: this pull request names no build. Name the build: /promote NAME-VERSION-RELEASE.",
    ]);
  });
  test.each(["/promote hello-1-1", "/waive smoke let me in", "/rollback"])(
    "%s below an own pull request into an own branch of the manifests is refused: whoever opens it chooses the branch",
    async (line) => {
      world.addBuild("b1", { nvr });
      world.forge.roles.set(`${manifests} bob sandbox/bob`, "write");
      world.forge.commit(manifests, "sandbox/bob", { README: "1" });
      const { number } = await world.forge.openPull({
        ...{
          repository: manifests,
          headBranch: "topic",
          baseBranch: "sandbox/bob",
          title: "t",
          body: "promotes b1 of f42/hello",
          person: "bob",
        },
      });
      expect(await world.comment("bob", line, manifests, number)).toMatchObject({ reaction: "refused" });
      expect((await world.replies(manifests, number))[0]).toContain("needs write access to `releng/manifests`; you have read access");
      expect(world.asked).toEqual([]);
    },
  );
  test("a right on a branch of the container repository that is not built is none for commands", async () => {
    world.forge.roles.set(`${hello} mallory sandbox/mallory`, "write");
    world.forge.commit(hello, "sandbox/mallory", { README: "1" });
    const branches = { headBranch: "topic", baseBranch: "sandbox/mallory", title: "t" };
    const { number } = await world.forge.openPull({ repository: hello, ...branches, body: "", person: "alice" });
    expect(await world.comment("mallory", "/build", hello, number)).toMatchObject({ reaction: "refused" });
    expect((await world.replies(hello, number))[0]).toContain("`/build` needs");
  });
  test("by somebody who may write in the container repository alone is refused", async () => {
    world.addBuild("b1", { nvr });
    await world.comment("bob", "/promote");
    expect(await world.replies()).toEqual([
      "`/promote` needs write access to `releng/manifests`; you have read access. It can be pasted by somebody with write access to `releng/manifests`:\n\n```text\n/promote\n```",
    ]);
    expect(world.asked).toEqual([]);
  });
});

describe("/rollback", () => {
  test.each([
    ["in a container repository takes the branch's image", hello, "/rollback", "roll f42/hello back to the one before for alice"],
    ["in a promotion takes the promotion's image", manifests, "/rollback", "roll f42/hello back to the one before for alice"],
    ["takes the image and the release that are named", hello, "/rollback f42/other 1-3", "roll f42/other back to 1-3 for alice"],
  ])("%s", async (_, repository, line, wanted) => {
    world.addBuild("b1", { nvr });
    expect(await world.comment("alice", line, repository, 1)).toMatchObject({ reaction: "done" });
    expect(world.asked).toEqual([wanted]);
  });
  test("where nothing tells which image asks for its name", async () => {
    await world.comment("alice", "/rollback");
    expect(await world.replies()).toEqual([
      "**`/rollback`** could not be carried out: nothing here tells which image is meant. Name it: /rollback NAMESPACE/NAME.",
    ]);
  });
  test("that cannot be done says why", async () => {
    world.problem = appError("promotion.release-unknown", "f42/hello was never released as 9-9", { hint: "Did you mean 1-9?" });
    await world.comment("alice", "/rollback f42/hello 9-9");
    expect(await world.replies()).toEqual([
      "**`/rollback f42/hello 9-9`** could not be carried out: f42/hello was never released as 9-9. Did you mean 1-9?",
    ]);
  });
});

describe("/help", () => {
  test("shows what this person may use here", async () => {
    expect(await world.comment("mallory", "/help")).toMatchObject({ reaction: "done" });
    const [help] = await world.replies();
    expect(help).toMatch(/^\*\*Commands that you may use in this pull request\*\*/);
    expect(help).toContain("`/help [command]`");
    expect(help).not.toContain("`/build");
    await world.comment("alice", "/help");
    expect((await world.replies())[1]).toContain("- `/build [--scratch]");
  });
  test("about a command tells all of it", async () => {
    await world.comment("mallory", "/help build");
    expect((await world.replies())[0]).toContain("--scratch");
  });
});

describe("a comment of several lines", () => {
  test("is carried out in its order; faulty and refused lines keep nothing back, and one reply tells of them", async () => {
    world.addBuild("b1", { nvr });
    world.addBuild("b2", { scratch: true, pull: 1, commit: await world.head() });
    const { reaction } = await world.comment("bob", "/test smoke\n/build --quick\n/promote\n/build");
    expect(world.started().map((one) => one.flow)).toEqual(["test", "build"]);
    expect(world.asked).toEqual([]);
    expect(reaction).toBe("refused");
    expect(await world.replies()).toEqual([
      [
        "`/build` has no option `--quick`. It takes `--scratch`, `--isolated`, `--release` and `--arch`.",
        "```text\n/build --quick\n       ^^^^^^^\n```",
        "`/help build` tells how it is written.",
        "`/promote` needs write access to `releng/manifests`; you have read access. It can be pasted by somebody with write access to `releng/manifests`:",
        "```text\n/promote\n```",
      ].join("\n\n"),
    ]);
  });
  test("may approve and build at once, when the approval counts", async () => {
    const head = await strange();
    await world.comment("bob", `/ok-to-test ${head}\n/build --arch amd64`);
    expect(world.all.map(({ flow, status }) => [flow, status])).toEqual([
      ["pull", "queued"],
      ["build", "superseded"],
      ["build", "queued"],
    ]);
  });
  test("with too many commands carries none out", async () => {
    await world.comment("alice", "/build\n".repeat(11));
    expect(world.all).toEqual([]);
    expect(await world.replies()).toHaveLength(1);
  });
});
