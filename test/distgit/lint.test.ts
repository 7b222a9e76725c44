import { describe, expect, test } from "@jest/globals";
import { findingsError } from "../../src/distgit/finding.ts";
import { lintTree } from "../../src/distgit/lint.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

const from = "FROM registry.fedoraproject.org/fedora:42\n";
const labels = 'LABEL com.redhat.component="hello-container" name="f42/hello" version="1"\n';
const good = from + labels;

async function lint(files: Parameters<typeof memoryTree>[0], env?: Record<string, string>) {
  return await lintTree(memoryTree(files), () => env);
}

/** `place code: message | fix` of every error. */
async function errors(dockerfile: string, env: Record<string, string> = {}): Promise<string[]> {
  const { findings } = await lint({ Dockerfile: dockerfile }, env);
  return findings.filter((one) => one.severity === "error").map((one) => `${one.line} ${one.code}: ${one.message} | ${one.fix}`);
}

describe("a good Dockerfile", () => {
  test("says what the image is", async () => {
    const { identity, findings } = await lint({ Dockerfile: good });
    expect(findings).toEqual([]);
    expect(identity).toMatchObject({ component: "hello-container", name: "f42/hello", version: "1" });
    expect(identity).not.toHaveProperty("release");
  });

  test.each([
    ["CRLF", good.replaceAll("\n", "\r\n")],
    ["a byte order mark", `\uFEFF${good}`],
    [
      "continuation lines with a comment between",
      `${from}LABEL com.redhat.component=hello-container \\\n# why\n  name=f42/hello \\\n  version=1`,
    ],
    ["old names", `${from}LABEL BZComponent=hello-container Name=f42/hello Version=1\n`],
    ["one label a line, the old way", `${from}LABEL com.redhat.component hello-container\nLABEL name f42/hello\nLABEL version 1\n`],
    ["a backtick as escape", `# escape=\`\n${from}LABEL com.redhat.component=hello-container \`\n name=f42/hello version=1\n`],
    [
      "ARG and ENV",
      `ARG R=42\nFROM registry.fedoraproject.org/fedora:$R\nARG R\nENV N=f$R\nLABEL com.redhat.component=hello-container name="\${N}/hello" version=\${V:-1}\n`,
    ],
    ["labels of an earlier stage", `${from.trim()} AS base\n${labels}FROM base\nRUN true\n`],
    ["a copy from a stage", `${from.trim()} AS builder\n${good}COPY --from=builder /a /b\nCOPY --from=0 /a /b\n`],
  ])("may have %s", async (_, dockerfile) => {
    const { identity, findings } = await lint({ Dockerfile: dockerfile }, {});
    expect(findings).toEqual([]);
    expect(identity).toMatchObject({ component: "hello-container", name: "f42/hello", version: "1" });
  });

  test("takes the version from the parent's ENV, once the parent is known", async () => {
    const dockerfile = from + labels.replace('"1"', '"$FGC"');
    expect((await lint({ Dockerfile: dockerfile })).identity).toBeUndefined();
    expect((await lint({ Dockerfile: dockerfile })).findings).toEqual([]);
    expect((await lint({ Dockerfile: dockerfile }, { FGC: "f42" })).identity?.version).toBe("f42");
  });

  test("keeps a dollar in single quotes", async () => {
    const { identity } = await lint({ Dockerfile: `${good}LABEL a='$B' c="\\$D \\"e\\""\n` }, {});
    expect(identity?.labels).toMatchObject({ a: "$B", c: '$D "e"' });
  });
});

describe("a bad Dockerfile", () => {
  test.each([
    [
      "undefined variable",
      from + labels.replace('"1"', '"$VERSION"'),
      '2 distgit.variable-undefined: label "version" uses $VERSION, which neither the Dockerfile above nor the parent image defines | Add above line 2: ENV VERSION="<value>"',
    ],
    [
      "missing label",
      `${from}LABEL name=f42/hello version=1\n`,
      '1 distgit.label-missing: label "com.redhat.component" is missing; every image must carry it | Add: LABEL com.redhat.component="mypackage-container"',
    ],
    [
      "empty release",
      `${good}LABEL release=""\n`,
      '3 distgit.label-missing: label "release" is empty | Remove it: flibs counts the release up by itself',
    ],
    [
      "dash in version",
      from + labels.replace('"1"', '"1-2"'),
      '2 distgit.label-invalid: label "version" is "1-2"; a version must not have a dash, since Koji splits NVRs there | Write "1.2"',
    ],
    [
      "upper case",
      from + labels.replace("f42/hello", "f42/Hello"),
      '2 distgit.label-invalid: label "name" is "f42/Hello"; it is the repository in the registry, where only lower-case letters, digits and single . _ - between them are allowed | Write LABEL name="f42/hello"',
    ],
    [
      "unknown instruction",
      `${good}RNU true\n`,
      '3 distgit.dockerfile-syntax: unknown instruction "RNU" | Remove it, or end the line above with \\ when it belongs there',
    ],
    [
      "here-document",
      `${good}RUN cat <<EOF\nFROM evil.example/x\nEOF\n`,
      "3 distgit.dockerfile-unsupported: a here-document (<<) needs BuildKit, and images are built by the classic builder | Put the text into a file and COPY it",
    ],
    [
      "mount",
      `${good}RUN --mount=type=cache,target=/x true\n`,
      "3 distgit.dockerfile-unsupported: RUN --mount needs BuildKit, and images are built by the classic builder | Remove --mount; install and clean up in one RUN",
    ],
    [
      "foreign copy",
      `${good}COPY --from=evil.example/x /a /b\n`,
      "3 distgit.dockerfile-unsupported: COPY --from=evil.example/x names no stage above; a foreign image there can be neither checked nor pinned | Add a stage: FROM evil.example/x AS <name>, and use --from=<name>",
    ],
    [
      "ADD of an address",
      `${good}ADD https://example.test/a.tar.gz#x /a\n`,
      "3 distgit.dockerfile-unsupported: ADD https://example.test/a.tar.gz#x would be fetched by the engine, outside of the build's network and limits | Put the file into the repository and COPY it, or fetch it in the build: RUN curl -fsSLo <file> https://example.test/a.tar.gz#x",
    ],
    [
      "ADD of a variable",
      `${good}ENV A=https://example.test\nADD $A/a.tar.gz /a\n`,
      "4 distgit.dockerfile-unsupported: ADD $A/a.tar.gz begins with a variable, which may hold an address to fetch | If it is a file of the repository, write ./$A/a.tar.gz; else fetch it with RUN curl",
    ],
    [
      "copy with a flag of BuildKit",
      `${good}COPY --link a /a\n`,
      "3 distgit.dockerfile-unsupported: COPY --link needs BuildKit, and images are built by the classic builder | Remove --link",
    ],
    [
      "copy with a mode",
      `${good}COPY --chown=1 --chmod=755 a /a\n`,
      "3 distgit.dockerfile-unsupported: COPY --chmod needs BuildKit, and images are built by the classic builder | Remove --chmod",
    ],
    ["ONBUILD FROM", `${good}ONBUILD FROM evil.example/x\n`, "3 distgit.dockerfile-syntax: ONBUILD FROM is not allowed | Remove the line"],
    [
      "a second directive",
      `# syntax=docker/dockerfile:1\n# escape=\`\n${good}`,
      "2 distgit.dockerfile-ambiguous: # escape= counts only as the very first line, with one sign: \\ or ` | Move it to line 1 alone, or remove it",
    ],
    [
      "dangling end",
      `${good}RUN true \\\n`,
      "3 distgit.dockerfile-ambiguous: the last instruction ends in \\ with nothing after it | Remove the \\",
    ],
    [
      "hidden FROM",
      `${good}RUN a \\\nFROM evil.example/x\n`,
      "4 distgit.dockerfile-ambiguous: line looks like FROM but belongs to the instruction above | End the instruction above, or write the word in quotes",
    ],
    [
      "FROM variable",
      good.replace("42", "$V"),
      "1 distgit.variable-undefined: FROM uses $V, which has no value there | Add above the first FROM: ARG V=<value>",
    ],
    [
      "stage named scratch",
      `${from.trim()} AS Scratch\nFROM scratch\n${labels}`,
      '1 distgit.dockerfile-ambiguous: "scratch" is a word of Docker\'s own, and no name of a stage | Name the stage otherwise',
    ],
    [
      "stage named context",
      `${from.trim()} AS context\n${labels}`,
      '1 distgit.dockerfile-ambiguous: "context" is a word of Docker\'s own, and no name of a stage | Name the stage otherwise',
    ],
    ["unclosed quote", `${good}LABEL a="b\n`, '3 distgit.dockerfile-syntax: label "a" has an unclosed " | Close it'],
    ["nothing", "", "undefined distgit.dockerfile-syntax: Dockerfile is empty | Start it with FROM <base image>"],
  ])("%s is told with line and fix", async (_, dockerfile, expected) => {
    expect(await errors(dockerfile)).toContain(expected);
  });

  test.each([
    "ADD http://x.test/a /a",
    "ADD a HTTP://x.test/a /b/",
    "ADD ftp://x.test/a /a",
    "ADD git@x.test:a/b.git /a",
    "ADD git://x.test/a /a",
    "ADD github.com/a/b.git#main:dir /a",
    "ADD --chown=1:1 https://x.test/a /a",
    'ADD ["https://x.test/a", "/a"]',
    'ADD "https://x.test/a" /a',
    "ADD ht\\tps://x.test/a /a",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Dockerfiles
    "ADD ${X:-https://x.test}/a /a",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Dockerfiles
    "ADD htt${P}s://x.test/a /a",
    "ADD https://x.test/a \\\n  /a",
    "add https://x.test/a /a",
    "ONBUILD ADD https://x.test/a /a",
  ])("%s would be fetched by the engine and is refused", async (line) => {
    expect(await errors(`${good}${line}\n`)).toEqual([expect.stringMatching(/^3 distgit\.dockerfile-unsupported: ADD .+ \| .*RUN curl/)]);
  });

  test.each([
    "ADD files.tar.gz /",
    "ADD ./$NAME.tar.gz /",
    "ADD data/$NAME /",
    "ADD a b$C /d/",
    'ADD ["a b", "/x"]',
    "COPY . /",
    "ONBUILD COPY a /b",
    "RUN curl https://x.test/a | sh",
  ])("%s is a matter of the build alone", async (line) => {
    expect(await errors(`${good}${line}\n`)).toEqual([]);
  });

  test("a syntax directive changes nothing: the classic builder does not load it", async () => {
    expect(await errors(`# syntax=evil.example/frontend\n${good}`)).toEqual([]);
    expect(await errors(`${good}# escape=\`\nRUN true\n`)).toEqual([]);
  });

  test("gives one error that names the others", async () => {
    const error = findingsError((await lint({ Dockerfile: from }, {})).findings);
    expect(error).toMatchObject({ code: "distgit.label-missing", kind: "input", file: "Dockerfile", line: 1 });
    expect(error?.message).toMatch(/\(and 2 more\)$/);
    expect(error?.details.findings).toHaveLength(3);
  });
});

describe("the other files", () => {
  test.each([
    ["no Dockerfile", { "README.md": "x" }, "distgit.dockerfile-missing"],
    ["a Dockerfile by another name", { Containerfile: good }, "distgit.dockerfile-missing"],
    ["a Dockerfile that is a link", { Dockerfile: { link: "other" }, other: good }, "distgit.link-outside"],
    ["an absolute link", { Dockerfile: good, a: { link: "/etc/passwd" } }, "distgit.link-outside"],
    ["a link over a link", { Dockerfile: good, "d/e/f": "", x: { link: "d/e" }, y: { link: "x/../../../etc" } }, "distgit.link-outside"],
    ["container.yml", { Dockerfile: good, "container.yml": "" }, "distgit.container-yaml-name"],
    ["an unknown key", { Dockerfile: good, "container.yaml": "tags: []\nplatfroms: {}\n" }, "distgit.container-yaml-invalid"],
    ["an alias bomb", { Dockerfile: good, "container.yaml": "tags: &a [x]\nversion: *a\n" }, "distgit.container-yaml-invalid"],
    ["a duplicate key", { Dockerfile: good, "container.yaml": "tags: []\ntags: []\n" }, "distgit.container-yaml-invalid"],
    ["an unknown test key", { Dockerfile: good, "tests/commands.yaml": "smoke:\n  comands: []\n" }, "distgit.tests-invalid"],
  ])("%s is refused", async (_, files, code) => {
    const { findings } = await lint(files as Parameters<typeof memoryTree>[0], {});
    expect(findings.filter((one) => one.severity === "error").map((one) => one.code)).toContain(code);
  });

  test("an unknown key is told with its line", async () => {
    const { findings } = await lint({ Dockerfile: good, "container.yaml": "tags: []\nplatfroms: {}\n" }, {});
    expect(findings).toMatchObject([{ file: "container.yaml", line: 2, fix: 'Remove or correct "platfroms"' }]);
  });

  test("a link within the repository is fine, and so is a loop", async () => {
    const { findings } = await lint({ Dockerfile: good, "d/f": "", a: { link: "d/../d/f" }, b: { link: "b" } }, {});
    expect(findings).toEqual([]);
  });

  test("keys of other systems give a warning", async () => {
    const { findings } = await lint({ Dockerfile: good, "container.yaml": "compose: {packages: []}\n" }, {});
    expect(findings).toMatchObject([
      { severity: "warning", message: expect.stringMatching(/^"compose" is not acted upon: no compose is made/) },
    ]);
  });

  test("suites become definitions for the runner", async () => {
    const yaml =
      "smoke:\n  commands:\n    - {name: a, run: echo x, expect: {output: x}, timeout: 30s}\n    - {name: b, run: [/bin/true]}\n";
    expect((await lint({ Dockerfile: good, "tests/commands.yaml": yaml }, {})).suites).toEqual([
      {
        name: "smoke",
        kind: "command",
        file: "tests/commands.yaml",
        required: true,
        definition: {
          commands: [
            { name: "a", run: ["/bin/sh", "-c", "echo x"], expect: { exitCode: 0, output: "x" }, timeoutMs: 30_000 },
            { name: "b", run: ["/bin/true"] },
          ],
        },
      },
    ]);
  });
});
