import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatAnnotation } from "../../../src/cli/manifests-commands.ts";
import { checkCheckout } from "../../../src/promotion/check-checkout.ts";
import { openGitCheckout } from "../../../src/promotion/checkout/git-checkout.ts";
import { initialManifestRepository } from "../../../src/promotion/initial-manifest-repository.ts";
import type { ManifestCheckout } from "../../../src/promotion/manifest-sources.ts";
import { flibs } from "../../cli/cli-world.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

/** The commands on plain clones, with git itself. */

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const imageFile = (repository: string, releases: Readonly<Record<string, string>> = { "1-1": digest("a") }) =>
  [
    `schema: 1\nrepository: ${repository}\nreleases:\n`,
    ...Object.entries(releases).map(([tag, one]) => `  "${tag}":\n    digest: ${one}\n    build: "b"\n`),
    `floating:\n  latest: "${Object.keys(releases).at(-1)}"\n`,
  ].join("");

const scratches: ScratchDirectory[] = [];
let directory = "";
const git = (...args: readonly string[]) =>
  execFileSync("git", ["-C", directory, "-c", "user.name=a", "-c", "user.email=a@example.test", "-c", "commit.gpgSign=false", ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
};
const commit = (message = "change") => {
  git("add", "-A");
  git("commit", "-qm", message);
  return git("rev-parse", "HEAD");
};

beforeEach(async () => {
  const scratch = await scratchDirectory();
  scratches.push(scratch);
  directory = scratch.path;
  git("init", "-q", "-b", "main");
  const registries = {
    candidate: { endpoint: "c.test", publicName: "c.test" },
    production: { endpoint: "p.test", publicName: "p.test" },
  };
  for (const [path, text] of Object.entries(initialManifestRepository(registries, ["linux/amd64"]))) put(path, text);
  put("images/f40/web.yaml", imageFile("f40/web"));
  put("images/f40/db.yaml", imageFile("f40/db"));
  commit("first");
});
afterAll(async () => {
  for (const scratch of scratches) await scratch.remove();
});

describe("flibs manifests check", () => {
  test("a clone in order, compared with nothing: every file is checked, without settings, database, registry and network", async () => {
    const { code, out, closed } = await flibs(["manifests", "check", directory], { bare: true });
    expect({ code, out, closed }).toEqual({ code: 0, out: "in order: 2 image files, compared with nothing\n", closed: 0 });
  });

  test("what differs from a commit is told with file, line and fix; exit code 1", async () => {
    const base = git("rev-parse", "HEAD");
    put("images/f40/web.yaml", imageFile("f40/web", { "1-1": digest("b") }));
    commit();
    put("images/f40/new.yaml", imageFile("f40/new").replace('latest: "1-1"', 'latest: "2-2"'));
    const { code, out } = await flibs(["manifests", "check", directory, "--since", base]);
    expect(code).toBe(1);
    expect(out).toBe(
      `images/f40/new.yaml:8: latest points to "2-2", which is not among the releases. Fix: point it to a key of releases (CK1)\nimages/f40/web.yaml:4: the immutable tag "1-1" would move from ${digest("a")} to ${digest("b")}. Fix: write digest: ${digest("a")}, and release the other as a new tag (CK2)\n2 faults: 2 image files, compared with ${base.slice(0, 12)}\n`,
    );
    const json = JSON.parse((await flibs(["manifests", "check", directory, "--since", base, "--json"])).out);
    expect(json).toMatchObject({
      base,
      images: 2,
      policyChanged: false,
      faults: [
        { check: "CK1", line: 8 },
        { check: "CK2", line: 4 },
      ],
    });
    const annotated = await flibs(["manifests", "check", directory, "--since", base], { environment: { GITHUB_ACTIONS: "true" } });
    expect(annotated.out).toContain("::error file=images/f40/new.yaml,line=8,title=CK1::latest points to");
  });

  test("origin's main branch is compared with when no commit is named", async () => {
    const base = git("rev-parse", "HEAD");
    git("update-ref", "refs/remotes/origin/main", base);
    put("images/f40/web.yaml", imageFile("f40/web", { "1-1": digest("a"), "1-2": digest("b") }));
    commit();
    expect((await flibs(["manifests", "check", directory])).out).toBe(`in order: 1 image file, compared with ${base.slice(0, 12)}\n`);
    expect((await flibs(["manifests", "check", directory, "--all"])).out).toBe(
      `in order: 2 image files, compared with ${base.slice(0, 12)}\n`,
    );
  });

  test("a changed policy is tried on every file, and not together with one", async () => {
    const base = git("rev-parse", "HEAD");
    put("policy.yaml", readFileSync(join(directory, "policy.yaml"), "utf8").replace('match: "**"', 'match: "f41/**"'));
    const alone = await flibs(["manifests", "check", directory, "--since", base]);
    expect(alone.code).toBe(1);
    expect(alone.out).toMatch(/^images\/f40\/db.yaml:2: no route in policy.yaml.*\nimages\/f40\/web.yaml:2: no route/);
    expect(alone.out).toContain("2 image files and the policy");
    put("images/f40/web.yaml", imageFile("f40/web", { "1-1": digest("a"), "1-2": digest("b") }));
    expect((await flibs(["manifests", "check", directory, "--since", base])).out).toContain(
      "the policy is changed together with images/f40/web.yaml",
    );
  });

  test("a deleted file, a misplaced one and a link that leads out of the clone are faults; nothing outside is read", async () => {
    const base = git("rev-parse", "HEAD");
    rmSync(join(directory, "images/f40/db.yaml"));
    put("images/F40/Web.yaml", "x");
    const outside = await scratchDirectory();
    scratches.push(outside);
    writeFileSync(join(outside.path, "secret.yaml"), "token: hunter2\n");
    rmSync(join(directory, "images/f40/web.yaml"));
    symlinkSync(join(outside.path, "secret.yaml"), join(directory, "images/f40/web.yaml"));
    symlinkSync(outside.path, join(directory, "images/f41"));
    const { code, out } = await flibs(["manifests", "check", directory, "--since", base]);
    expect(code).toBe(1);
    expect(out).toContain("images/f40/db.yaml: the file is deleted");
    expect(out).toContain("images/F40/Web.yaml: the file is no image file");
    expect(out).toMatch(/images\/f40\/web.yaml:1: /);
    expect(out).not.toMatch(/token|hunter2/);
  });

  test("programs that the clone's own settings name are not run: filters, monitors, hooks", async () => {
    const ran = join(directory, ".git", "ran");
    const program = join(directory, ".git", "program.sh");
    writeFileSync(program, `#!/bin/sh\ntouch ${ran}\ncat\n`, { mode: 0o755 });
    put(".gitattributes", "* filter=own diff=own\n*.md filter=a.b=c\n");
    put("readme.md", "first\n");
    const base = commit();
    for (const key of ["filter.own.clean", "filter.a.b=c.clean", "diff.own.textconv", "diff.own.command", "core.fsmonitor"])
      git("config", key, program);
    for (const file of ["images/f40/web.yaml", "readme.md"]) utimesSync(join(directory, file), 1, 1);
    expect((await flibs(["manifests", "check", directory, "--since", base])).code).toBe(0);
    expect((await flibs(["manifests", "fmt", "--dir", directory, "--since", base])).code).toBe(0);
    expect(existsSync(ran)).toBe(false);
    git("config", "filter.own.process", program);
    git("config", "filter.own.required", "true");
    expect((await flibs(["manifests", "check", directory, "--since", base])).code).toBe(0);
    expect(existsSync(ran)).toBe(false);
  });

  test("a partial clone fetches nothing, whatever program it would fetch with; what it lacks is told", async () => {
    const ran = join(directory, ".git", "ran");
    const base = git("rev-parse", "HEAD");
    const blob = git("rev-parse", "HEAD:images/f40/web.yaml");
    put("images/f40/web.yaml", imageFile("f40/web", { "1-1": digest("a"), "1-2": digest("b") }));
    commit();
    for (const [key, value] of Object.entries({
      "core.repositoryFormatVersion": "1",
      "extensions.partialClone": "origin",
      "remote.origin.url": `ext::touch ${ran}`,
      "remote.origin.promisor": "true",
      "protocol.ext.allow": "always",
    }))
      git("config", key, value);
    rmSync(join(directory, ".git/objects", blob.slice(0, 2), blob.slice(2)));
    const { code, err } = await flibs(["manifests", "check", directory, "--since", base]);
    expect([code, err]).toEqual([2, expect.stringContaining("lacks images/f40/web.yaml")]);
    expect(existsSync(ran)).toBe(false);
  });

  test.each(["--get-regexp", "--verify", "--is-ancestor"])("a git that dies when it is asked with %s has not said no", async (word) => {
    const head = git("rev-parse", "HEAD");
    const { path, remove } = await scratchDirectory();
    const dies = `for one in "$@"; do [ "$one" = ${word} ] && { echo "fatal: mmap failed" >&2; exit 128; }; done`;
    const found = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
    writeFileSync(join(path, "git"), `#!/bin/sh\n${dies}\nexec ${found} "$@"\n`, { mode: 0o755 });
    const before = process.env.PATH;
    process.env.PATH = `${path}:${before}`;
    try {
      const ask = async () => {
        const { findBase, sources } = await openGitCheckout(directory);
        await findBase(undefined);
        await sources.isAncestor("", head, head);
      };
      await expect(ask()).rejects.toThrow("mmap failed");
    } finally {
      process.env.PATH = before;
      await remove();
    }
  });

  test("no clone, an unknown commit and a history that was cut off are told as such; exit code 2", async () => {
    const upstream = await flibs(["manifests", "check", directory, "--since", "@{upstream}"]);
    expect([upstream.code, upstream.err]).toEqual([2, expect.stringContaining('this clone has no commit "@{upstream}"')]);
    const empty = await scratchDirectory();
    scratches.push(empty);
    const none = await flibs(["manifests", "check", empty.path]);
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("is in no git clone")]);
    const unknown = await flibs(["manifests", "check", directory, "--since", "f".repeat(40)]);
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("has no commit")]);
    const option = await flibs(["manifests", "check", directory, "--since=--upload-pack=x"]);
    expect([option.code, option.err]).toEqual([2, expect.stringContaining("has no commit")]);
    git("checkout", "-q", "--orphan", "other");
    commit("without history");
    const parted = await flibs(["manifests", "check", directory, "--since", "main"]);
    expect([parted.code, parted.err]).toEqual([2, expect.stringContaining("fetch-depth: 0")]);
  });

  test("of ten thousand files only those that differ are read", async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => `images/n${n % 100}/i${n}.yaml`);
    for (const path of many) put(path, imageFile(path.slice("images/".length, -".yaml".length)));
    const base = commit("many");
    for (const path of many.slice(0, 3))
      put(path, readFileSync(join(directory, path), "utf8").replace('latest: "1-1"', 'latest: "1-1" # now'));
    put(many[3] ?? "", "broken: [");
    const checkout = await openGitCheckout(directory);
    const read: string[] = [];
    const sources = {
      ...checkout.sources,
      findFile: async (repository: string, at: string, path: string) => {
        read.push(path);
        return await checkout.sources.findFile(repository, at, path);
      },
    };
    const counting: ManifestCheckout = { ...checkout, sources };
    const found = await checkCheckout(counting, { since: base, all: false });
    expect(found).toMatchObject({ images: 4, base, faults: [{ file: many[3] }] });
    // The policy, and each that differs twice: as it was and as it is.
    expect(new Set(read)).toEqual(new Set(["policy.yaml", ...many.slice(0, 4)]));
    expect(read.length).toBeLessThanOrEqual(10);
  }, 120_000);
});

describe("flibs manifests fmt", () => {
  test("tidies what differs, keeps comments, and a second time has nothing to do", async () => {
    const base = git("rev-parse", "HEAD");
    const untidy = imageFile("f40/web").replace('"1-1":\n', "1-1:\n").replace("floating:", "# mine\nfloating:");
    put("images/f40/web.yaml", untidy);
    const check = await flibs(["manifests", "fmt", "--dir", directory, "--since", base, "--check"]);
    expect([check.code, check.out]).toEqual([1, "would change images/f40/web.yaml\n1 of 1 files are not in their form\n"]);
    expect(readFileSync(join(directory, "images/f40/web.yaml"), "utf8")).toBe(untidy);
    const done = await flibs(["manifests", "fmt", "--dir", directory, "--since", base]);
    expect([done.code, done.out]).toEqual([0, "changed images/f40/web.yaml\n1 of 1 files changed\n"]);
    expect(readFileSync(join(directory, "images/f40/web.yaml"), "utf8")).toBe(
      imageFile("f40/web").replace("floating:", "# mine\nfloating:"),
    );
    const again = await flibs(["manifests", "fmt", join(directory, "images/f40/web.yaml"), "--dir", directory, "--check"]);
    expect([again.code, again.out]).toEqual([0, "0 of 1 files are not in their form\n"]);
  });

  test("what would have to be guessed is left as it is and told; a path outside of images/ is wrong usage", async () => {
    const text = `${imageFile("f40/web")}  latest: "1-1"\n`;
    put("images/f40/web.yaml", text);
    const { code, out } = await flibs(["manifests", "fmt", "--dir", directory, "--all"]);
    expect(code).toBe(1);
    expect(out).toContain("images/f40/web.yaml:9: this key is there twice");
    expect(readFileSync(join(directory, "images/f40/web.yaml"), "utf8")).toBe(text);
    expect((await flibs(["manifests", "fmt", "/etc/hosts", "--dir", directory])).code).toBe(2);
  });

  test("a link is never written through: its target may read like an image file and lead out of the clone", async () => {
    const outside = await scratchDirectory();
    scratches.push(outside);
    const text = `schema: 1\nrepository: "f40/web"\nreleases:\n  "1-1":\n    digest: ${digest("a")}\n    build: b\n# `;
    // Everything up to the last slash are directories' names, which may have line ends.
    const start = `${text}x`.split("/");
    mkdirSync(join(directory, "images/f40", ...start), { recursive: true });
    const up = "../".repeat(start.length + 2 + directory.split("/").length - 1);
    const target = `${text}x/${up}${outside.path.slice(1)}/found`;
    rmSync(join(directory, "images/f40/web.yaml"));
    symlinkSync(target, join(directory, "images/f40/web.yaml"));
    writeFileSync(join(outside.path, "found"), "mine\n");
    expect(readFileSync(join(directory, "images/f40/web.yaml"), "utf8")).toBe("mine\n");
    const { code, out } = await flibs(["manifests", "fmt", "--dir", directory, "--all"]);
    expect(readFileSync(join(outside.path, "found"), "utf8")).toBe("mine\n");
    expect([code, out]).toEqual([1, expect.stringContaining("images/f40/web.yaml: the file is a link")]);
  });
});

test("an annotation is one line and one command, whatever stands in it", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom("a\n::set-env name=x::y", "%0A::error::", "x,line=1", "a:b\r\n"));
  fc.assert(
    fc.property(text, text, text, (file, message, fix) => {
      const annotation = formatAnnotation({ check: "CK1", file, line: 3, message, fix });
      expect(annotation).not.toMatch(/[\r\n]/);
      const [, properties = "", data = ""] = /^::error (.*?)::(.*)$/.exec(annotation) ?? [];
      const decoded = (one: string) =>
        one.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%25", "%");
      expect(properties.split(",").map((one) => one.split("=")[0])).toEqual(["file", "line", "title"]);
      const clean = (one: string) => one.replace(/[^\P{Cc}\r\n]/gu, "?");
      expect(decoded(properties.split(",")[0]?.slice("file=".length) ?? "")).toBe(clean(file));
      expect(decoded(data)).toBe(clean(`${message}. Fix: ${fix}`));
    }),
  );
});
