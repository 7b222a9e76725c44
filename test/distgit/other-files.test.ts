import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readContentSets } from "../../src/distgit/content-sets.ts";
import { lintTree } from "../../src/distgit/lint.ts";
import { parseSourceLine, readSourcesFile } from "../../src/distgit/sources-file.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

const dockerfile = "FROM registry.fedoraproject.org/fedora:42\nLABEL com.redhat.component=a-container name=f42/a version=1\n";

async function lint(files: Readonly<Record<string, string>>, context = {}) {
  const linted = await lintTree(memoryTree({ Dockerfile: dockerfile, ...files }), () => ({}), context);
  const said = linted.findings.map(({ file, line, severity, message, fix }) => `${file}:${line ?? ""} ${severity}: ${message} | ${fix}`);
  return { ...linted, said };
}

describe("additional-tags", () => {
  const old =
    'additional-tags: warning: additional-tags is out of date | Name the tags in container.yaml: tags: ["{version}", latest, …], and remove the file';

  test("come beside latest and {version}", async () => {
    const { container, said } = await lint({ "additional-tags": "\n  one \r\nTwo.2\n\ntwo_3\none\n" });
    expect(container).toMatchObject({ additionalTags: ["one", "Two.2", "two_3"] });
    expect(said).toEqual([old]);
  });

  test.each(["with-dash", ".dot", "a b", "{version}", "ä", "x".repeat(129)])(
    "%s is dropped with a warning, the others stay",
    async (tag) => {
      const { container, said } = await lint({ "additional-tags": `${tag}\ngood\n` });
      expect(container).toMatchObject({ additionalTags: ["good"] });
      expect(said).toEqual([
        old,
        `additional-tags:1 warning: "${tag}" is not taken for a tag: it may have at most 128 letters, digits, dots and underscores, no dash | Correct it, or name it in container.yaml, where dashes are allowed`,
      ]);
    },
  );

  test("count for nothing when container.yaml has tags, even an empty list", async () => {
    const { container, said } = await lint({ "additional-tags": "one\n-\n", "container.yaml": "tags: []\n" });
    expect(container.tags).toEqual([]);
    expect(said).toEqual([
      "additional-tags: warning: additional-tags is ignored, since container.yaml has tags | Remove it: git rm additional-tags",
    ]);
  });

  test("an empty file adds nothing", async () => {
    expect((await lint({ "additional-tags": "" })).container.tags).toBeUndefined();
  });

  test("too many or too long are cut", async () => {
    const many = Array.from({ length: 60 }, (_, index) => `t${index}`).join("\n");
    const { container, said } = await lint({ "additional-tags": many });
    expect(container.additionalTags).toHaveLength(50);
    expect(said[1]).toBe("additional-tags:51 warning: additional-tags has more than 50 tags; the others are ignored | Remove tags");
    expect((await lint({ "additional-tags": "x\n".repeat(10_000) })).said).toEqual([
      "additional-tags: warning: additional-tags has more than 16 KiB, so it is ignored | Shorten it",
    ]);
  });
});

describe("content_sets.yml", () => {
  const sets = async (text: string) => await readContentSets(memoryTree({ "content_sets.yml": text }));

  test("names content sets by architecture", async () => {
    expect(await sets("x86_64:\n  - rhel-8-rpms\n  - extra-rpms\ns390x: [z-rpms]\n")).toEqual({
      contentSets: { x86_64: ["rhel-8-rpms", "extra-rpms"], s390x: ["z-rpms"] },
      findings: [],
    });
    expect(await sets("")).toEqual({ contentSets: {}, findings: [] });
  });

  test.each([
    ["x86_64: []\n", "1: x86_64: Too small: expected array to have >=1 items"],
    ["x86_64: a-rpms\n", "1: x86_64: Invalid input: expected array, received string"],
    ["x86_64:\n  - a-debug\n", "2: x86_64.0: a content set's name ends in -rpms"],
    ["X86: [a-rpms]\n", "1: X86: an architecture's name begins with a small letter"],
    ["- a-rpms\n", "1: the file: Invalid input: expected record, received array"],
  ])("%j is refused", async (text, expected) => {
    const { findings } = await sets(text);
    expect(findings.map((one) => `${one.line}: ${one.message}`)).toEqual([expected]);
    expect(findings[0]?.code).toBe("distgit.content-sets-invalid");
  });

  test.each(["content_sets.yaml", "content-sets.yml", "content-sets.yaml"])("%s is told the right name", async (name) => {
    expect((await lint({ [name]: "x86_64: [a-rpms]\n" })).said).toEqual([
      `${name}: error: ${name} is not read; the file is called content_sets.yml | Rename it: git mv ${name} content_sets.yml`,
    ]);
  });
});

describe("files of other systems", () => {
  const keep = "Leave it when other systems need it, else remove it";
  test.each([
    ["fetch-artifacts-koji.yaml", "no Maven artifacts of Koji builds are fetched"],
    ["fetch-artifacts-pnc.yaml", "no artifacts of PNC builds are fetched"],
    ["fetch-artifacts-url.yaml", "no artifacts are fetched from the addresses in it; sources lists files that are"],
    ["image-build.conf", "no base images are made; FROM names the base image"],
    [".osbs-repo-config", "a new build of the base image starts no rebuild"],
  ])("%s is said not to be acted upon", async (name, what) => {
    expect((await lint({ [name]: "x" })).said).toEqual([`${name}: warning: ${name} is not acted upon: ${what} | ${keep}`]);
  });

  test("FROM koji/image-build is told what it is", async () => {
    const { said } = await lint({ Dockerfile: dockerfile.replace("registry.fedoraproject.org/fedora:42", "koji/image-build") });
    expect(said).toContain(
      "Dockerfile:1 error: FROM koji/image-build asks for a base image made of image-build.conf and a kickstart file; flibs makes layered images only | Name the base image: FROM <registry>/<image>:<tag>",
    );
  });
});

describe("help.md", () => {
  test("is read as text", async () => {
    expect((await lint({ "help.md": "\uFEFF# a\n" })).help).toBe("# a\n");
    expect(await lint({})).not.toHaveProperty("help");
  });

  test("that is too long or a link is refused", async () => {
    expect((await lint({ "help.md": "x".repeat(65_537) })).said).toEqual(["help.md: error: help.md has more than 64 KiB | Shorten it"]);
    const { findings } = await lintTree(
      memoryTree({ Dockerfile: dockerfile, "help.md": { link: "README.md" }, "README.md": "" }),
      () => ({}),
    );
    expect(findings.map((one) => one.message)).toEqual(["help.md is a symbolic link; flibs reads only regular files"]);
  });

  test("that is no text is refused", async () => {
    const tree = memoryTree({ Dockerfile: dockerfile });
    const latin1 = {
      ...tree,
      readFile: async (path: string, most: number) => (path === "help.md" ? Buffer.from([0xe9]) : tree.readFile(path, most)),
    };
    expect((await lintTree(latin1, () => ({}))).findings.map((one) => one.message)).toEqual(["help.md is not UTF-8 text"]);
  });
});

describe("buildtime_limit", () => {
  test("beyond the site's is cut, and said", async () => {
    expect((await lint({ "container.yaml": "buildtime_limit: 7200\n" }, { buildSeconds: 3600 })).said).toEqual([
      'container.yaml: warning: "buildtime_limit" is cut to 3600 seconds, the most that the site allows | Write 3600 or less, or ask the operators to raise limits.buildTime',
    ]);
    expect((await lint({ "container.yaml": "buildtime_limit: 3600\n" }, { buildSeconds: 3600 })).said).toEqual([]);
  });
});

describe("sources", () => {
  const md5 = "0123456789abcdef".repeat(2);
  const sha512 = "0123456789abcdef".repeat(8);
  const read = async (text: string, files = {}) => {
    const { sources, findings } = await readSourcesFile(memoryTree({ Dockerfile: "", sources: text, "root/x": "", ...files }));
    return { sources, said: findings.map((one) => `${one.line ?? ""} ${one.severity}: ${one.message} | ${one.fix}`) };
  };

  test("both formats of dist-git", async () => {
    const { sources, said } = await read(
      `${md5.toUpperCase()}  old.tar.gz\r\n\nSHA512 (new-1.0+b~1.tar.xz) = ${sha512}\nSHA256 (c) = ${sha512.slice(64)}\n`,
    );
    expect(sources).toEqual([
      { name: "old.tar.gz", hashType: "md5", hash: md5 },
      { name: "new-1.0+b~1.tar.xz", hashType: "sha512", hash: sha512 },
      { name: "c", hashType: "sha256", hash: sha512.slice(64) },
    ]);
    expect(said).toEqual([
      "1 warning: old.tar.gz is named by MD5, which can be forged | Upload it again: fedpkg new-sources writes SHA512",
    ]);
  });

  test("an empty file lists nothing", async () => {
    expect(await read("\n")).toEqual({ sources: [], said: [] });
  });

  const format = "Write it as fedpkg does: SHA512 (name) = checksum";
  const plain = "Use letters, digits and . _ + ~ -, no path";
  test.each([
    ["just-a-name", `1 error: "just-a-name" names no file with a checksum | ${format}`],
    [
      `SHA512 (a) = ${sha512.slice(1)}`,
      `1 error: "SHA512 (a) = ${sha512.slice(1).slice(0, 107)}…" names no file with a checksum | ${format}`,
    ],
    [`CRC32 (a) = 12345678`, `1 error: "CRC32 (a) = 12345678" names no file with a checksum | ${format}`],
    [`SHA512 (../a) = ${sha512}`, `1 error: "../a" is not a plain file name | ${plain}`],
    [`SHA512 (/etc/passwd) = ${sha512}`, `1 error: "/etc/passwd" is not a plain file name | ${plain}`],
    [`SHA512 (..) = ${sha512}`, `1 error: ".." is not a plain file name | ${plain}`],
    [`SHA512 (a b) = ${sha512}`, `1 error: "a b" is not a plain file name | ${plain}`],
    [`SHA512 (-rf) = ${sha512}`, `1 error: "-rf" is not a plain file name | ${plain}`],
    [`SHA512 (${"x".repeat(201)}) = ${sha512}`, `1 error: "${"x".repeat(120)}…" is not a plain file name | ${plain}`],
    [`SHA512 (a) = ${sha512}\nSHA512 (a) = ${sha512}`, "2 error: a is there twice | Remove one of the lines"],
    ...["Dockerfile", ".dockerignore", "root", "sources", ".flibs", ".flibs.Dockerfile"].map((name) => [
      `SHA512 (${name}) = ${sha512}`,
      `1 error: ${name} would take the place of a file of the repository or of the build system | Give it another name`,
    ]),
  ])("%j is refused", async (text, expected) => {
    const { said } = await read(text);
    expect(said).toEqual([expected]);
  });

  test("more files than anyone needs are refused", async () => {
    const many = Array.from({ length: 201 }, (_, index) => `SHA256 (f${index}) = ${sha512.slice(64)}`).join("\n");
    const { sources, said } = await read(many);
    expect(sources).toHaveLength(200);
    expect(said).toEqual(["201 error: sources has more than 200 files | Put them into one archive"]);
    expect((await read("x".repeat(65_537))).said).toEqual([" error: sources has more than 64 KiB | Shorten it"]);
  });

  test("whatever is written there, no name is a path and none is special", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ab/.. -\\()=\t\u0000".split(""), "SHA256 (", ") = ", md5), maxLength: 12 });
    fc.assert(
      fc.asyncProperty(text, async (line) => {
        for (const { name } of (await read(line)).sources) {
          expect(name).toMatch(/^[\w.][\w.+~-]*$/);
          expect([".", ".."]).not.toContain(name);
        }
        parseSourceLine(line);
      }),
      { numRuns: 500 },
    );
  });
});
