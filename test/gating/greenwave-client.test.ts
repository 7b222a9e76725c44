import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { Body } from "nock";
import { isSatisfied, type Judgement } from "../../src/gating/decide.ts";
import { formatDecision } from "../../src/gating/decision-json.ts";
import { greenwaveClient } from "../../src/gating/greenwave/greenwave-client.ts";
import { useNock } from "../support/setup-nock.ts";

const nock = useNock();

const url = "https://greenwave.example.test";
const client = greenwaveClient({ url, timeoutMs: 2000, userAgent: "flibs test" });
const nvr = "httpd-container-2.4-3.f40container";
const question = { decisionContext: "image_push_stable", productVersion: "fedora-40", subjects: [{ type: "koji_build", identifier: nvr }] };
const samples = readFileSync("test/fixtures/gating/greenwave.jsonl", "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as { body: Record<string, unknown> });
const answers = (status: number, body: Body) => nock(url).post("/api/v1.0/decision").reply(status, body);
const ask = async () => {
  const found = await client.ask(question);
  if ("message" in found) throw new Error(found.message);
  return found;
};
const shown = (found: Judgement) => JSON.stringify(formatDecision(found));

describe("a Greenwave somewhere else", () => {
  test("is asked in its own words, and its decision is kept as it is", async () => {
    const body = {
      decision_context: "image_push_stable",
      product_version: "fedora-40",
      subject_identifier: nvr,
      subject_type: "koji_build",
      verbose: true,
    };
    nock(url).post("/api/v1.0/decision", body).matchHeader("user-agent", "flibs test").reply(200, samples[0]?.body);
    const found = await ask();
    expect(shown(found)).toBe(JSON.stringify(samples[0]?.body));
    expect(found.satisfied).toBe(false);
  });

  test("names who waived where it shows its waivers", async () => {
    answers(200, { ...samples[2]?.body, results: [], waivers: [samples[1]?.body] });
    const found = await ask();
    expect(shown(found)).toBe(JSON.stringify(samples[2]?.body));
    expect(found.answers.map(({ waiver }) => waiver?.username)).toEqual([undefined, "alice"]);
    answers(200, samples[2]?.body as Body);
    expect((await ask()).answers.map(({ waiver }) => waiver?.username)).toEqual([undefined, "somebody"]);
  });

  test("TR14: 404 is no policy, and no consent", async () => {
    const message = "Cannot find any applicable policies for koji_build subjects at gating point nope in fedora-40";
    answers(404, { message });
    expect(await client.ask(question)).toEqual({ message });
    answers(404, "<html>not here</html>");
    expect(await client.ask(question)).toEqual({ message: "the site's Greenwave knows no policy for this" });
  });

  test.each([429, 500, 502, 503])("that answers %i is asked again later", async (status) => {
    answers(status, "oops");
    await expect(client.ask(question)).rejects.toMatchObject({ code: "gating.greenwave-unavailable", kind: "transient" });
  });

  test("that does not answer, or not in time, is asked again later", async () => {
    nock(url)
      .post("/api/v1.0/decision")
      .replyWithError(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
    await expect(client.ask(question)).rejects.toMatchObject({ code: "gating.greenwave-unavailable" });
    nock(url).post("/api/v1.0/decision").delay(500).reply(200, {});
    const hasty = greenwaveClient({ url, timeoutMs: 50, userAgent: "x" });
    await expect(hasty.ask(question)).rejects.toMatchObject({
      code: "gating.greenwave-unavailable",
      message: "greenwave.example.test could not be asked for a decision: it took longer than 0.05 seconds",
    });
  });

  test.each([
    { name: "a refusal", status: 400, body: { message: "Missing required product version" } },
    { name: "no JSON", status: 200, body: "<html></html>" },
    { name: "no decision", status: 200, body: { policies_satisfied: "yes" } },
    { name: "too many requirements", status: 200, body: { ...samples[0]?.body, satisfied_requirements: Array(5001).fill({ type: "x" }) } },
    { name: "too many bytes", status: 200, body: { ...samples[0]?.body, more: "x".repeat(3 * 2 ** 20) } },
  ])("is not believed: $name", async ({ status, body }) => {
    answers(status, body as Body);
    await expect(client.ask(question)).rejects.toMatchObject({ code: "gating.greenwave-answer", kind: "internal" });
  });

  test("whose word and list differ allows nothing; a requirement of an unknown kind counts as it stands in the list", async () => {
    answers(200, { ...samples[0]?.body, policies_satisfied: true });
    expect((await ask()).satisfied).toBe(false);
    answers(200, { ...samples[2]?.body, policies_satisfied: false });
    expect((await ask()).satisfied).toBe(false);
    answers(200, {
      ...{ policies_satisfied: false, applicable_policies: ["p"], satisfied_requirements: [{ type: "new-thing" }] },
      unsatisfied_requirements: [{ type: "newer-thing", testcase: null }, { type: "invalid-gating-yaml" }],
    });
    const found = await ask();
    expect(found.answers.map((one) => [one.kind, one.testcase, isSatisfied(one)])).toEqual([
      ["passed", "new-thing", true],
      ["failed", "newer-thing", false],
      ["invalid-gating-yaml", "invalid-gating-yaml", false],
    ]);
  });
});
