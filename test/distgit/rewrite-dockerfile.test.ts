import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Dockerfile, parseDockerfile } from "../../src/distgit/dockerfile.ts";
import { resolveLabels } from "../../src/distgit/labels.ts";
import { plainLabelValue, rewriteDockerfile } from "../../src/distgit/rewrite-dockerfile.ts";

const pin = `mirror.example.test/fedora@sha256:${"a".repeat(64)}`;

function parse(source: string): Dockerfile {
  const { dockerfile } = parseDockerfile(source);
  if (dockerfile === undefined) throw new Error("no stage");
  return dockerfile;
}

test("only the image of each FROM changes", () => {
  const source =
    "ARG V=42\r\n# c\r\nfrom --platform=linux/amd64 \\\r\n  r.example/f:$V  AS b\r\nRUN  x\r\nFROM b\r\nFROM scratch\r\nCOPY --from=b / /";
  const images: string[] = [];
  const result = rewriteDockerfile(
    parse(source),
    (image) => {
      images.push(image);
      return pin;
    },
    { "vcs-ref": "c" },
  );
  expect(images).toEqual(["r.example/f:42"]);
  expect(result).toBe(`${source.replace("r.example/f:$V", pin)}\r\nLABEL "vcs-ref"="c"\r\n`);
});

test("whatever a label holds, it is read back as one line and every other byte stays", () => {
  const value = fc.string({ unit: fc.constantFrom(..."\"'$\\`{}= \n\r\tab#<é\u0000".split("")), maxLength: 40 });
  fc.assert(
    fc.property(fc.constantFrom("", "# escape=`\n", "# escape=\\\n"), value, value, (head, a, b) => {
      const source = `${head}FROM r.example/f:1\nLABEL x=y`;
      const rewritten = rewriteDockerfile(parse(source), () => pin, { a, "b.c": b });
      expect(rewritten.startsWith(source.replace("r.example/f:1", pin))).toBe(true);
      const { findings } = parseDockerfile(rewritten);
      expect(findings).toEqual([]);
      const { labels } = resolveLabels(parse(rewritten), () => ({}));
      expect(labels.get("a")).toMatchObject({ value: plainLabelValue(a), missing: [] });
      expect(labels.get("b.c")).toMatchObject({ value: plainLabelValue(b), missing: [] });
    }),
  );
});

test("no text makes the parser throw or hang", () => {
  const text = fc.string({
    unit: fc.constantFrom(..."FROM x RUN LABEL a=b \\ \n \r # \" ' $ { } < - ` : @ ".split(" "), " ", "\n"),
    maxLength: 80,
  });
  fc.assert(
    fc.property(text, (source) => {
      const { dockerfile } = parseDockerfile(source);
      if (dockerfile !== undefined) resolveLabels(dockerfile, () => ({}));
    }),
    { numRuns: 1000 },
  );
});
