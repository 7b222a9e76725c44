import { describe, expect, test } from "@jest/globals";
import { parseDockerfile } from "../../src/distgit/dockerfile.ts";
import { dockerfileFeatures } from "../../src/domain/dockerfile-dialect.ts";

/** What lint says, for the newest builder, of lines below two stages. */
function said(lines: string, head = ""): readonly string[] {
  const from = `${head}FROM registry.example.test/a:1 AS tools\nFROM registry.example.test/b:1\n`;
  const { findings } = parseDockerfile(from + lines, { builder: "buildkit", features: dockerfileFeatures });
  return findings.map(({ code, message }) => `${code}: ${message}`);
}

describe("a flag that Docker cuts in another place", () => {
  test.each([
    [`COPY --chown='0\\'\\'' --from=evil.example.test/x:1 /etc/passwd /p`, "--chown='0\\'\\''"],
    [`ADD --chown='0\\'\\'' --from=evil.example.test/x:1 /etc/passwd /p`, "--chown='0\\'\\''"],
    // Docker goes by bytes: the second one of à is a blank to it.
    ["RUN --mount=type=cache,target=/xà--mount=from=evil.example.test/x:1,target=/m true", /^--mount=type=cache,target=\/xà/],
    ["RUN --mount=type=cache,target=/x\u00A0--mount=from=evil.example.test/x:1,target=/m true", /^--mount=type=cache,target=\/x/],
    ["RUN --mount=type=cache,target=/x\u0085--mount=from=evil.example.test/x:1,target=/m true", /^--mount=type=cache,target=\/x/],
    ["RUN  --network=none --mount=type=cache,target=/a\\ --mount=from=x true", "--mount=type=cache,target=/a\\"],
    ["COPY --chown=0` --from=evil.example.test/x:1 /a /b", "--chown=0`"],
    ['COPY --from="tools" /a /b', '--from="tools"'],
    ['ONBUILD COPY --fr"om"=evil.example.test/x:1 /etc/passwd /p', '--fr"om"=evil.example.test/x:1'],
    ["onbuild \t copy --f\\rom=evil.example.test/x:1 /etc/passwd /p", "--f\\rom=evil.example.test/x:1"],
    ['ONBUILD ADD -- ["http://x.example.test/a", "/a"]', "--"],
    ["RUN --\tx", "--"],
  ])("%j", (line, flag) => {
    const shown = /^distgit\.dockerfile-ambiguous: the flag (.+) can be read in two ways$/su.exec(said(line).join("\n"))?.[1];
    expect(shown).toEqual(typeof flag === "string" ? flag : expect.stringMatching(flag));
  });

  test("with another escape sign, which older releases do not go by", () => {
    expect(said("COPY --chown=0` --from=evil.example.test/x:1 /a /b", "# escape=`\n")).toEqual([
      "distgit.dockerfile-ambiguous: the flag --chown=0` can be read in two ways",
    ]);
  });

  test("of FROM", () => {
    expect(said('FROM --platform="linux/amd64" registry.example.test/c:1')).toEqual([
      'distgit.dockerfile-ambiguous: the flag --platform="linux/amd64" can be read in two ways',
    ]);
  });
});

test.each([
  "COPY --chown=1001:0 --chmod=u=rw --from=tools /a /b",
  "RUN --mount=type=cache,target=/c --network=none echo '--x' \"--y\" à--z --\\z",
  "FROM --platform=$BUILDPLATFORM registry.example.test/c:1",
  "ONBUILD COPY --chown=1 'a b' /é",
  'HEALTHCHECK --interval="5s" CMD true',
])("%s has plain flags, or flags that reach nothing", (line) => {
  expect(said(line)).toEqual([]);
});

describe("text behind a list, which older releases do not see", () => {
  const behind = "distgit.dockerfile-ambiguous: what stands behind the list is left out by older releases of Docker";
  test.each([
    'ADD ["http://x.example.test/a","/a"] y',
    'ADD ["a", "/a"]]',
    'ADD --chown=1 ["http://x.example.test/a","/a"] y',
    'ADD \u0085["http://x.example.test/a","/a"]',
    'ADD ["http://x.example.test/a","/a"]\u0085',
    'ADD [ "http://x.example.test/a\\"" , "/a" ] [',
    'ONBUILD ADD ["http://x.example.test/a","/a"] y',
    'RUN ["true"] <<EOF\nADD http://x.example.test/a /a\nCOPY --from=evil.example.test/x:1 /a /b\nRUN echo \\\nEOF',
    'RUN --network=none ["true"] <<EOF\nADD a /a\nEOF',
    'COPY ["a","/a"] <<EOF\nADD a /a\nRUN echo \\\nEOF',
    'ONBUILD RUN ["true"] <<EOF\nADD a /a\nRUN echo \\\nEOF',
    'RUN ["true"] "<<EOF"',
  ])("%j", (lines) => {
    expect(said(lines)).toEqual([behind]);
  });

  test.each([
    'ADD ["a", "/a"]',
    'ADD --chown=1 [ "a", "/a" ]',
    'RUN ["echo", "<<EOF"]',
    "ADD [a b /c/",
    "RUN [ -e /a ] || [ -e /b ]",
    'RUN [ "a" ] && [ "b" ]',
    'RUN [ "a" = "b" ] || cat <<EOF\nADD a /a\nEOF',
    'COPY ["a"] /a',
    "RUN [[ -e /a ]] <<< x",
  ])("%s is clear, or harmless", (lines) => {
    expect(said(lines)).toEqual([]);
  });
});
