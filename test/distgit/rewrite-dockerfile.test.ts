import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Dockerfile, parseDockerfile } from "../../src/distgit/dockerfile.ts";
import { plainLabelValue } from "../../src/distgit/format-labels.ts";
import { resolveLabels } from "../../src/distgit/labels.ts";
import { type Rewriting, rewriteDockerfile } from "../../src/distgit/rewrite-dockerfile.ts";
import { stageUsers } from "../../src/distgit/stage-users.ts";
import { heredocDialect } from "./dialects.ts";
import { dockerfileText } from "./dockerfile-text.ts";

const pin = `mirror.example.test/fedora@sha256:${"a".repeat(64)}`;
const nothing: Rewriting = { pinned: () => undefined, labels: {} };

function parse(source: string): Dockerfile {
  const { dockerfile } = parseDockerfile(source, heredocDialect());
  if (dockerfile === undefined) throw new Error("no stage");
  return dockerfile;
}

/** Everything that a build adds, with users as they are found in the file. */
function whole(dockerfile: Dockerfile, parentUser = ""): Rewriting {
  const users = stageUsers(
    dockerfile,
    () => ({}),
    () => parentUser,
  );
  return {
    pinned: (image) => (image === pin ? undefined : pin),
    env: { name: "REL", value: "7" },
    repositories: { source: ".flibs/repos/", names: ["a.repo", "b.repo"], users },
    buildinfo: ".flibs/buildinfo.tar",
    help: ".flibs/help.1",
    labels: { "vcs-ref": "c", release: "7" },
  };
}

const labels = 'LABEL "release"="7" "vcs-ref"="c"';
const files = "ADD .flibs/buildinfo.tar /root/buildinfo/\nCOPY .flibs/help.1 /help.1";
const start = 'ENV REL="7"\nCOPY .flibs/repos/ /etc/yum.repos.d/';
const remove = 'RUN ["rm","-f","/etc/yum.repos.d/a.repo","/etc/yum.repos.d/b.repo"]';

function rewrite(source: string, parentUser = ""): string {
  const dockerfile = parse(source);
  return rewriteDockerfile(dockerfile, whole(dockerfile, parentUser)).text;
}

test("the users of many stages upon each other are found by one walk over them", () => {
  const stage = (i: number) => {
    const [from, before] = i === 0 ? ["r.example/f:1", ""] : [`s${i - 1}`, `\${U${i - 1}}`];
    return `FROM ${from} AS s${i}\nENV U${i}=${before}x\nUSER $U${i}$BASE`;
  };
  const dockerfile = parse(Array.from({ length: 333 }, (_, i) => stage(i)).join("\n"));
  let reads = 0;
  let asked = 0;
  const stages = dockerfile.stages.map((one) => ({
    ...one,
    get settings() {
      reads += 1;
      return one.settings;
    },
  }));
  const users = stageUsers(
    { ...dockerfile, stages },
    () => {
      asked += 1;
      return { BASE: "b" };
    },
    () => "",
  );
  expect(users).toHaveLength(333);
  expect(users.slice(0, 3)).toEqual(["xb", "xxb", "xxxb"]);
  expect(users[332]).toBe(`${"x".repeat(333)}b`);
  // Of the first stage: at its USER and at its end.
  expect(asked).toBe(2);
  expect(reads).toBeLessThan(10 * stages.length);
});

test("no FROM keeps a variable: the builder must take the image that was read, whatever it knows more", () => {
  const source =
    'ARG S=scratch\nARG B=Tools\nFROM r.example/f:1 AS tools\nFROM $B AS b\nFROM --platform=$P $S\nFROM "scratch"\nFROM Tools\n';
  const { text } = rewriteDockerfile(parse(source), { ...nothing, pinned: (image) => image });
  expect(text.split("\n").slice(2)).toEqual([
    "FROM r.example/f:1 AS tools",
    "FROM Tools AS b",
    "FROM --platform=$P scratch",
    "FROM scratch",
    "FROM Tools",
    "",
  ]);
});

test("only the image of each FROM changes", () => {
  const source =
    "ARG V=42\r\n# c\r\nfrom --platform=linux/amd64 \\\r\n  r.example/f:$V  AS b\r\nRUN  x\r\nFROM b\r\nFROM scratch\r\nCOPY --from=b / /";
  const images: string[] = [];
  const pinned = (image: string) => {
    images.push(image);
    return pin;
  };
  const { text } = rewriteDockerfile(parse(source), { pinned, labels: { "vcs-ref": "c" } });
  expect(images).toEqual(["r.example/f:42"]);
  expect(text).toBe(`${source.replace("r.example/f:$V", pin)}\r\nLABEL "vcs-ref"="c"\r\n`);
});

describe("what is added and where", () => {
  test.each([
    {
      name: "one stage that ends in CMD: files before CMD, removal and labels at the end",
      source: 'FROM r.x/f:1\nRUN dnf -y install a\nCMD ["a"]\n',
      text: `FROM ${pin}\n${start}\nRUN dnf -y install a\n${files}\nCMD ["a"]\n${remove}\n${labels}\n`,
    },
    {
      name: "the last instruction changes files: ours come after it",
      source: "FROM r.x/f:1\nRUN rm -rf /root",
      text: `FROM ${pin}\n${start}\nRUN rm -rf /root\n${files}\n${remove}\n${labels}\n`,
    },
    {
      name: "a user is brought back at the end",
      source: "FROM r.x/f:1\nRUN a\nUSER 1001:0\n",
      text: `FROM ${pin}\n${start}\nRUN a\n${files}\nUSER 1001:0\nUSER root\n${remove}\nUSER 1001:0\n${labels}\n`,
    },
    {
      name: "a user that a variable names, as it was where it stands",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Dockerfiles
      source: "FROM r.x/f:1\nENV U=app\nUSER ${U}\nENV U=other\nRUN a\n",
      text: `FROM ${pin}\n${start}\nENV U=app\nUSER \${U}\nENV U=other\nRUN a\n${files}\nUSER root\n${remove}\nUSER app\n${labels}\n`,
    },
    {
      name: "a user that only the builder knows is left to it",
      source: "FROM r.x/f:1\nUSER u$TARGETARCH\nRUN a\n",
      text: `FROM ${pin}\n${start}\nUSER u$TARGETARCH\nRUN a\n${files}\nUSER root\n${remove}\nUSER u$TARGETARCH\n${labels}\n`,
    },
    {
      name: "the base image's user counts when the stage names none",
      source: "FROM r.x/f:1\nRUN a\n",
      parentUser: "nobody",
      text: `FROM ${pin}\n${start}\nRUN a\n${files}\nUSER root\n${remove}\nUSER nobody\n${labels}\n`,
    },
    {
      name: "USER 0 is root: nothing to bring back",
      source: "FROM r.x/f:1\nUSER 0\nRUN a\n",
      parentUser: "nobody",
      text: `FROM ${pin}\n${start}\nUSER 0\nRUN a\n${files}\n${remove}\n${labels}\n`,
    },
    {
      name: "each stage that runs something has the repositories, and loses them where it ends; a comment stays with the next stage",
      source:
        "FROM r.x/f:1 AS b\nRUN make\n\n# what is shipped\nFROM b\nUSER app\nRUN dnf x\nFROM r.x/distroless:1\nCOPY --from=b /a /a\nENTRYPOINT a\n",
      text: `FROM ${pin} AS b\n${start}\nRUN make\n${remove}\n\n# what is shipped\nFROM b\n${start}\nUSER app\nRUN dnf x\nUSER root\n${remove}\nUSER app\nFROM ${pin}\nENV REL="7"\nCOPY --from=b /a /a\n${files}\nENTRYPOINT a\n${labels}\n`,
    },
    {
      name: "FROM scratch, one stage, without a line end: no repositories, no removal",
      source: "FROM scratch\nCOPY a /",
      text: `FROM scratch\nENV REL="7"\nCOPY a /\n${files}\n${labels}\n`,
    },
    {
      name: "nothing but FROM",
      source: "FROM r.x/f:1",
      text: `FROM ${pin}\nENV REL="7"\n${files}\n${labels}\n`,
    },
    {
      name: "a here-document at the end is not cut in two",
      source: "FROM r.x/f:1\nRUN <<EOF\nFROM a\nEOF\n# end",
      text: `FROM ${pin}\n${start}\nRUN <<EOF\nFROM a\nEOF\n${files}\n# end\n${remove}\n${labels}\n`,
    },
    {
      name: "a byte order mark, Windows line ends and another escape character stay",
      source: "\uFEFF# escape=`\r\nFROM r.x/f:1\r\nRUN a `\r\n  b\r\nCMD a\r\n",
      text: `\uFEFF# escape=\`\nFROM ${pin}\n${start}\nRUN a \`\n  b\n${files}\nCMD a\n${remove}\n${labels}\n`.replaceAll("\n", "\r\n"),
    },
  ])("$name", ({ source, text, parentUser = "" }) => {
    expect(rewrite(source, parentUser)).toBe(text);
  });

  test("each instruction of the result has its line in the repository's file, or none", () => {
    const dockerfile = parse("FROM r.x/f:1 AS b\nRUN a\n\nFROM b\nRUN b \\\n  c\nCMD d\n");
    const { text, lines } = rewriteDockerfile(dockerfile, whole(dockerfile));
    const named = parse(text).instructions.map(({ keyword }, index) => `${keyword} ${lines[index] ?? "-"}`);
    expect(named).toEqual([
      ...["FROM 1", "ENV -", "COPY -", "RUN 2", "RUN -"],
      ...["FROM 4", "ENV -", "COPY -", "RUN 5", "ADD -", "COPY -", "CMD 7", "RUN -", "LABEL -"],
    ]);
    expect(lines).toHaveLength(named.length);
  });

  test("a file that ends in the middle of an instruction is refused", () => {
    const dockerfile = parse("FROM r.x/f:1\nRUN a \\\n");
    expect(() => rewriteDockerfile(dockerfile, nothing)).toThrow("the last instruction ends in \\");
  });
});

test("whatever a label holds, it is read back as one line and every other byte stays", () => {
  const value = fc.string({ unit: fc.constantFrom(..."\"'$\\`{}= \n\r\tab#<é\u0000".split("")), maxLength: 40 });
  fc.assert(
    fc.property(fc.constantFrom("", "# escape=`\n", "# escape=\\\n"), value, value, (head, a, b) => {
      const source = `${head}FROM r.example/f:1\nLABEL x=y`;
      const { text } = rewriteDockerfile(parse(source), { pinned: () => pin, labels: { a, "b.c": b } });
      expect(text.startsWith(source.replace("r.example/f:1", pin))).toBe(true);
      const { findings } = parseDockerfile(text);
      expect(findings).toEqual([]);
      const { labels: found } = resolveLabels(parse(text), () => ({}));
      expect(found.get("a")).toMatchObject({ value: plainLabelValue(a), missing: [] });
      expect(found.get("b.c")).toMatchObject({ value: plainLabelValue(b), missing: [] });
    }),
  );
});

const addedLine = /^(?:ENV REL="7"|(?:COPY|ADD) \.flibs\/.*|RUN \["rm".*|USER .*|LABEL "release"="7" "vcs-ref"="c")\r?$/;

test("rewriting keeps every other byte, whatever the file looks like", () => {
  fc.assert(
    fc.property(dockerfileText(), fc.constantFrom("", "nobody"), (source, parentUser) => {
      const dockerfile = parse(source);
      const { text, lines } = rewriteDockerfile(dockerfile, whole(dockerfile, parentUser));
      // Taking out what was added, line by line, gives the source with its images pinned.
      const pinned = rewriteDockerfile(dockerfile, { ...nothing, pinned: () => pin }).text;
      const kept = pinned.split("\n");
      const removed: string[] = [];
      for (const line of text.split("\n")) {
        if (kept[0] === line || kept[0] === line.replace(/\r$/, "")) kept.shift();
        else removed.push(line);
      }
      expect(kept.filter((line) => line.trim() !== "")).toEqual([]);
      for (const line of removed.filter((one) => one !== "")) expect(line).toMatch(addedLine);
      expect(pinned.length - source.length).toBe(
        dockerfile.stages.reduce((sum, { span, base }) => sum + (base.kind === "image" ? pin.length - (span[1] - span[0]) : 0), 0),
      );
      // And the engine sees the same instructions in the same order.
      const after = parse(text);
      const theirs = after.instructions.filter((_, index) => lines[index] !== undefined);
      expect(theirs.map((one) => one.keyword)).toEqual(dockerfile.instructions.map((one) => one.keyword));
      expect(theirs.filter((one) => one.keyword !== "FROM").map((one) => one.text)).toEqual(
        dockerfile.instructions.filter((one) => one.keyword !== "FROM").map((one) => one.text),
      );
      expect(after.instructions).toHaveLength(lines.length);
    }),
    { numRuns: 300 },
  );
});

test("rewriting twice is rewriting once", () => {
  fc.assert(
    fc.property(dockerfileText(), fc.constantFrom("", "nobody"), (source, parentUser) => {
      const dockerfile = parse(source);
      const rewriting = whole(dockerfile, parentUser);
      const once = rewriteDockerfile(dockerfile, rewriting).text;
      expect(rewriteDockerfile(parse(once), rewriting).text).toBe(once);
    }),
    { numRuns: 300 },
  );
});

test("the user of each stage is the same after rewriting", () => {
  fc.assert(
    fc.property(dockerfileText(), fc.constantFrom("", "nobody", "0"), (source, parentUser) => {
      const users = (file: Dockerfile) =>
        stageUsers(
          file,
          () => ({}),
          () => parentUser,
        );
      const dockerfile = parse(source);
      const { text } = rewriteDockerfile(dockerfile, whole(dockerfile, parentUser));
      expect(users(parse(text))).toEqual(users(dockerfile));
    }),
  );
});

test("no text makes the parser throw or hang", () => {
  const text = fc.string({
    unit: fc.constantFrom(..."FROM x RUN LABEL USER a=b \\ \n \r # \" ' $ { } < <<A <<- A - ` : @ ".split(" "), " ", "\n"),
    maxLength: 80,
  });
  fc.assert(
    fc.property(text, fc.boolean(), (source, heredocs) => {
      const { dockerfile } = parseDockerfile(source, heredocDialect(heredocs));
      if (dockerfile !== undefined) resolveLabels(dockerfile, () => ({}));
    }),
    { numRuns: 1000 },
  );
});
