import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openHookKeys } from "../../../src/forge/pagure/hook-keys.ts";
import { type VerifyOptions, verifyDelivery } from "../../../src/forge/pagure/verify-delivery.ts";
import { silentLog } from "../../../src/log.ts";
import { sampleDeliveries, sampleKeys } from "../../support/pagure-samples.ts";

const samples = sampleDeliveries();
const now = new Date("2026-11-23T20:00:00Z");
const given = Object.fromEntries(Object.entries(sampleKeys).map(([project, key]) => [project, [key]]));
const noLook = undefined;

function options(more: Partial<VerifyOptions> & { keys?: VerifyOptions["keys"] } = {}): VerifyOptions {
  return {
    instance: "https://pagure.example.test/",
    keys: openHookKeys({ given, read: noLook, log: silentLog, now: () => now }),
    isWatched: (project) => project.startsWith("containers/"),
    ...{ acceptSha1: false, now: () => now, ...more },
  };
}
const [sample] = samples;
if (sample === undefined) throw new Error("there are no samples");
/** The clock of the samples. */
const at = new Date(JSON.parse(Buffer.from(sample.body).toString()).timestamp * 1000);
const inTime = { now: () => at };

test.each(samples.map((one) => [one.name, one] as const))("%s is signed, and known by its msg_id", async (_name, delivery) => {
  const { msg_id: id } = JSON.parse(Buffer.from(delivery.body).toString());
  expect(await verifyDelivery(delivery, options(inTime))).toBe(id);
});

test("SHA-1 alone is believed only where it is allowed", async () => {
  const { "x-pagure-signature-256": _sha256, ...headers } = sample.headers;
  const old = { headers, body: sample.body };
  await expect(verifyDelivery(old, options(inTime))).rejects.toMatchObject({ code: "intake.signature-missing" });
  expect(await verifyDelivery(old, options({ ...inTime, acceptSha1: true }))).toMatch(/^2026-/);
  // A wrong SHA-256 is not made good by a right SHA-1.
  const mixed = { headers: { ...sample.headers, "x-pagure-signature-256": "0".repeat(64) }, body: sample.body };
  await expect(verifyDelivery(mixed, options({ ...inTime, acceptSha1: true }))).rejects.toMatchObject({ code: "intake.signature-wrong" });
});

describe("is refused", () => {
  const wrong = "intake.signature-wrong";
  const rows: readonly [string, Record<string, string>, string][] = [
    ["without a signature", { "x-pagure-signature-256": "" }, "intake.signature-missing"],
    ["with a prefix before it", { "x-pagure-signature-256": `sha256=${sample.headers["x-pagure-signature-256"]}` }, wrong],
    ["with half of it", { "x-pagure-signature-256": (sample.headers["x-pagure-signature-256"] ?? "").slice(0, 32) }, wrong],
    ["in the name of another project", { "x-pagure-project": "containers/manifest" }, wrong],
    ["in the name of a project that nobody watches", { "x-pagure-project": "elsewhere/hello" }, wrong],
    ["in the name of a fork", { "x-pagure-project": "forks/bob/containers/hello" }, wrong],
    ["without a project", { "x-pagure-project": "" }, wrong],
    ["with another topic", { "x-pagure-topic": "git.receive" }, "intake.delivery-malformed"],
  ];
  test.each(rows)("%s", async (_name, headers, code) => {
    const delivery = { headers: { ...sample.headers, ...headers }, body: sample.body };
    await expect(verifyDelivery(delivery, options(inTime))).rejects.toMatchObject({ code });
  });

  test("when it is of another instance, too old, from the future, or no message", async () => {
    await expect(verifyDelivery(sample, options({ ...inTime, instance: "https://other.example.test/" }))).rejects.toMatchObject({
      code: "intake.delivery-malformed",
    });
    for (const days of [-2, 2]) {
      const then = new Date(at.getTime() + days * 86_400_000);
      await expect(verifyDelivery(sample, options({ now: () => then }))).rejects.toMatchObject({ code: "intake.delivery-malformed" });
    }
    for (const text of ["", "[]", "{", '{"msg": {}}', JSON.stringify({ msg: {}, msg_id: "x", timestamp: 1, topic: "t" })]) {
      const body = Buffer.from(text);
      const signature = createHmac("sha256", sampleKeys["containers/hello"] ?? "")
        .update(body)
        .digest("hex");
      const headers = { ...sample.headers, "x-pagure-signature-256": signature };
      await expect(verifyDelivery({ headers, body }, options(inTime))).rejects.toMatchObject({ code: "intake.delivery-malformed" });
    }
  });

  test("when one byte of it changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(sample.body.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const body = Buffer.from(sample.body);
        body[place] = (body[place] ?? 0) ^ change;
        await expect(verifyDelivery({ headers: sample.headers, body }, options(inTime))).rejects.toMatchObject({ code: wrong });
      }),
      { numRuns: 50 },
    );
  });
});

describe("a delivery that one project signed about another is refused", () => {
  const other = { fullname: "containers/other", url_path: "containers/other" };
  const fork = { fullname: "forks/bob/containers/hello", url_path: "fork/bob/containers/hello" };
  const rows: readonly [string, Record<string, unknown>][] = [
    ["repo", { repo: other }],
    ["project", { project: other }],
    ["pullrequest.project", { pullrequest: { project: other } }],
    ["the one beside a right one", { repo: { fullname: "containers/hello" }, pullrequest: { project: other } }],
    ["a fork", { repo: fork }],
    ["the fork that a pull request is for", { pullrequest: { project: fork } }],
    ["a project without a name", { repo: {} }],
    ["a pull request without a project", { pullrequest: {} }],
    ["a list in place of a project", { repo: ["containers/hello"] }],
  ];
  const send = (more: Record<string, unknown>) => {
    const value = JSON.parse(Buffer.from(sample.body).toString());
    const { repo: _repo, project: _project, pullrequest: _pullrequest, ...msg } = value.msg;
    const body = Buffer.from(JSON.stringify({ ...value, msg: { ...msg, ...more } }));
    const signature = createHmac("sha256", sampleKeys["containers/hello"] ?? "")
      .update(body)
      .digest("hex");
    return verifyDelivery({ headers: { ...sample.headers, "x-pagure-signature-256": signature }, body }, options(inTime));
  };
  test.each(rows)("%s", async (_name, more) => {
    await expect(send(more)).rejects.toMatchObject({ code: "intake.delivery-malformed" });
  });
  test("and a fork of it that a pull request comes from is none", async () => {
    const project = { fullname: "containers/hello" };
    expect(await send({ project, repo: project, pullrequest: { project, repo_from: fork } })).toMatch(/^2026-/);
    expect(await send({ repo: null, pullrequest: null, project: null })).toMatch(/^2026-/);
  });
});

test("two keys of a project are valid while one takes the other's place; an empty one fits nothing", async () => {
  const keys = (list: readonly string[]) =>
    openHookKeys({ given: { "containers/hello": list }, read: noLook, log: silentLog, now: () => now });
  const right = sampleKeys["containers/hello"] ?? "";
  expect(await verifyDelivery(sample, options({ ...inTime, keys: keys(["new", right]) }))).toMatch(/^2026-/);
  for (const list of [[], [""], ["new"]]) {
    await expect(verifyDelivery(sample, options({ ...inTime, keys: keys(list) }))).rejects.toMatchObject({
      code: "intake.signature-wrong",
    });
  }
});

describe("a key that is not known", () => {
  function asking(answers: readonly (string | Error)[], isThere = (_project: string) => false) {
    const asked: string[] = [];
    let clock = at.getTime();
    const read = async (project: string) => {
      asked.push(project);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (answer instanceof Error || answer === undefined) throw answer ?? new Error("none");
      return answer;
    };
    const keys = openHookKeys({ given: {}, read, isThere, log: silentLog, now: () => new Date(clock) });
    return {
      asked,
      verify: (delivery = sample) => verifyDelivery(delivery as never, options({ ...inTime, keys })),
      later: (ms: number) => (clock += ms),
    };
  }
  const right = sampleKeys["containers/hello"] ?? "";

  test("is read from Pagure once, and once more when signatures do not fit any longer", async () => {
    const { asked, verify, later } = asking(["old", right]);
    await expect(verify()).rejects.toMatchObject({ code: "intake.signature-wrong" });
    // Whoever sends wrong signatures does not make flibs ask.
    await expect(verify()).rejects.toMatchObject({ code: "intake.signature-wrong" });
    expect(asked).toHaveLength(1);
    later(60_000);
    expect(await verify()).toMatch(/^2026-/);
    expect(await verify()).toMatch(/^2026-/);
    expect(asked).toEqual(["containers/hello", "containers/hello"]);
  });

  test("is asked for by one of many at a time, and twenty names in a minute are all that is asked for", async () => {
    const { asked, verify } = asking([right]);
    expect(await Promise.all([verify(), verify(), verify()])).toHaveLength(3);
    expect(asked).toHaveLength(1);
    for (let i = 0; i < 40; i++) {
      const headers = { ...sample.headers, "x-pagure-project": `containers/x${i}` };
      await expect(verify({ ...sample, headers })).rejects.toThrow();
    }
    expect(asked).toHaveLength(20);
  });

  test("is forgotten ten minutes after it was read: Pagure has another since, and nobody knows when", async () => {
    const { asked, verify, later } = asking([right, "new"]);
    expect(await verify()).toMatch(/^2026-/);
    later(599_999);
    expect(await verify()).toMatch(/^2026-/);
    expect(asked).toHaveLength(1);
    later(1);
    await expect(verify()).rejects.toMatchObject({ code: "intake.signature-wrong" });
    expect(asked).toHaveLength(2);
  });

  test("of a project that is there is asked for, however many names somebody makes up; of a namespace that is not served, never", async () => {
    const { asked, verify } = asking([right], (project) => project === "containers/hello");
    const name = (project: string) => ({ ...sample, headers: { ...sample.headers, "x-pagure-project": project } });
    for (let i = 0; i < 40; i++) {
      await expect(verify(name(`elsewhere/x${i}`))).rejects.toThrow();
      await expect(verify(name(`containers/x${i}`))).rejects.toThrow();
    }
    expect(asked).toHaveLength(20);
    expect(asked.filter((project) => !project.startsWith("containers/"))).toEqual([]);
    expect(await verify()).toMatch(/^2026-/);
    expect(asked.at(-1)).toBe("containers/hello");
  });

  test("that Pagure does not tell leaves the delivery refused", async () => {
    const { verify } = asking([new Error("no access")]);
    await expect(verify()).rejects.toMatchObject({ code: "intake.signature-wrong" });
  });
});
