import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildJunit } from "../../src/builds/build-junit.ts";
import { formatJunit, type JunitSuite } from "../../src/gating/junit.ts";
import { aBuild } from "../support/web-world.ts";
import { anyResult } from "./any-result.ts";

const suite: JunitSuite = {
  name: "smoke",
  outcome: "fail",
  message: "b: returned 1",
  durationMs: 1500,
  startedAt: "2026-11-23T19:27:45.863Z",
  properties: { platform: "linux/amd64" },
  cases: [
    { name: "a", outcome: "pass", message: "", durationMs: 20 },
    { name: 'b <"&">', outcome: "fail", message: "returned 1\n]]>\u001b[31m", durationMs: 1000 },
    { name: "c", outcome: "error", message: "cancelled", durationMs: 0 },
    { name: "d", outcome: "skip", message: "not here", durationMs: 0 },
  ],
};

test("a result as CI systems read it", () => {
  expect(formatJunit("cockpit-1-3", [suite])).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="cockpit-1-3" tests="4" failures="1" errors="1" skipped="1" time="1.500">
  <testsuite name="smoke" tests="4" failures="1" errors="1" skipped="1" time="1.500" timestamp="2026-11-23T19:27:45">
    <properties>
      <property name="platform" value="linux/amd64"/>
    </properties>
    <testcase name="a" classname="smoke" time="0.020"/>
    <testcase name="b &lt;&quot;&amp;&quot;&gt;" classname="smoke" time="1.000"><failure message="returned 1&#10;]]&gt;\\u001b[31m" type="failure">returned 1&#10;]]&gt;\\u001b[31m</failure></testcase>
    <testcase name="c" classname="smoke" time="0.000"><error message="cancelled" type="error">cancelled</error></testcase>
    <testcase name="d" classname="smoke" time="0.000"><skipped message="not here"/></testcase>
  </testsuite>
</testsuites>
`);
});

test("a suite that failed although none of its cases did, and one without cases, are told by a case of their own", () => {
  const [good] = suite.cases;
  const text = formatJunit("x", [
    { ...suite, cases: good === undefined ? [] : [good] },
    { ...suite, outcome: "error", message: "no room", cases: [] },
    { ...suite, outcome: "pass", message: "", cases: [] },
  ]);
  expect(text).toContain('tests="4" failures="1" errors="1" skipped="0"');
  expect(text).toContain(
    '<testcase name="smoke" classname="smoke" time="1.500"><error message="no room" type="error">no room</error></testcase>',
  );
});

test("of a build: each result that counts, with what is known of it; none is an empty document", () => {
  const tests = [
    {
      suite: "smoke",
      platform: "linux/amd64",
      outcome: "pass",
      cases: [],
      message: "",
      durationMs: 1,
      attempt: 2,
      flaky: true,
      leftOut: { pass: 3 },
    },
  ] as const;
  const text = buildJunit(aBuild({ tests }), tests);
  expect(text).toContain('<testsuites name="cockpit-1-3.f40" tests="1"');
  expect(text).toContain('<property name="flaky" value="true"/>');
  expect(text).toContain('<property name="cases left out: pass" value="3"/>');
  expect(buildJunit(aBuild(), [])).toContain(
    '<testsuites name="cockpit-1-3.f40" tests="0" failures="0" errors="0" skipped="0" time="0.000">',
  );
});

test("whatever a test says, only characters of XML 1.0 come out, and as many elements as there are cases", () => {
  fc.assert(
    fc.property(anyResult, ({ suite: name, ...rest }) => {
      const text = formatJunit(name, [{ ...rest, name, properties: { [name]: rest.message } }]);
      expect(text).toMatch(/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
      const inside = text.replace(/"[^"<]*"/g, '""').replace(/<\?xml[^>]*>/, "");
      const opened = [...inside.matchAll(/<testcase\b/g)].length;
      expect(opened).toBeGreaterThanOrEqual(Math.max(1, rest.cases.length));
      expect(text).toContain(`tests="${opened}"`);
    }),
    { numRuns: 100 },
  );
});
