import { describe, expect, test } from "@jest/globals";
import type { AuditActions } from "../../src/cli/audit-command.ts";
import type { AuditLine } from "../../src/promotion/audit-states.ts";
import type { Audit, AuditFinding, ImagePlace } from "../../src/promotion/audit-store.ts";
import { flibs as cli, digest } from "./cli-world.ts";

const counts = { ok: 3, missing: 0, moved: 0, unmanaged: 0, unsigned: 0, "bad-signature": 0, "lost-child": 0, "lost-blob": 0 };
const audit: Audit = {
  id: "a",
  commit: "c".repeat(40),
  whole: true,
  deep: false,
  startedAt: "2026-11-23T11:58:00.000Z",
  finishedAt: "2026-11-23T11:59:00.000Z",
  images: 1,
  counts,
  unread: 0,
  unreadImages: [],
};
const ok: AuditLine = { tag: "1.0-1", digest, state: "ok", message: "" };
const moved: AuditLine = { tag: "latest", digest, state: "moved", message: "the tag stands at \u001b[2Jsomewhere\nelse" };
const missing: AuditLine = { tag: "1.0", digest, state: "missing", message: "the tag is not there" };

/** Each look gives the next of `looks`: lines, or why it was not looked at. */
function actions(looks: readonly (readonly AuditLine[] | string)[]) {
  const repaired: ImagePlace[] = [];
  const scopes: unknown[] = [];
  const rest = [...looks];
  const made: AuditActions = {
    async look(scope, _signal, onImage) {
      scopes.push(scope);
      const next = rest.shift() ?? [];
      const image = { registry: "production", imageRepository: "f40/hello", path: "images/f40/hello.yaml", blob: "b" };
      onImage(typeof next === "string" ? { ...image, lines: [], failed: next } : { ...image, lines: next }, 1);
      return typeof next === "string"
        ? { ...audit, images: 0, counts: { ...counts, ok: 0 }, unread: 1, unreadImages: [{ ...image, why: next }] }
        : audit;
    },
    last: async () => ({
      audit,
      findings: [
        {
          ...moved,
          registry: "production",
          imageRepository: "f40/hello",
          pending: false,
          firstSeenAt: audit.startedAt,
          seenAt: audit.finishedAt,
        } satisfies AuditFinding,
      ],
    }),
    async repair(places) {
      repaired.push(...places);
      return ["b1"];
    },
  };
  return { made, repaired, scopes };
}

describe("flibs audit", () => {
  test("with everything in order says so, and ends with 0", async () => {
    const { code, out, err } = await cli(["audit"], { audit: actions([[ok]]).made });
    expect({ code, out, err }).toEqual({ code: 0, out: "1 image looked at 60 s ago: 3 ok\n", err: "" });
  });

  test("prints each thing that is not in order, harmless to the terminal, and ends with 1", async () => {
    const { code, out } = await cli(["audit", "f40/hello", "--deep"], { audit: actions([[ok, moved, missing]]).made });
    expect(code).toBe(1);
    expect(out.split("\n").slice(0, 2)).toEqual([
      `moved          production f40/hello:latest  ${digest.slice(0, 19)}  the tag stands at somewhere else`,
      `missing        production f40/hello:1.0  ${digest.slice(0, 19)}  the tag is not there`,
    ]);
  });

  test("what could not be looked at ends with 3, unless something else is wrong", async () => {
    const { code, out } = await cli(["audit"], { audit: actions(["HEAD r answered 503"]).made });
    expect(code).toBe(3);
    expect(out).toContain("not looked at  production f40/hello  HEAD r answered 503\n");
    expect(out).toContain("1 could not be looked at:\n  production f40/hello: HEAD r answered 503\n");
  });

  test("--json prints a line for each tag and one for the whole", async () => {
    const { code, out } = await cli(["audit", "--json", "--registry", "production"], { audit: actions([[ok, moved]]).made });
    expect(code).toBe(1);
    const place = { registry: "production", imageRepository: "f40/hello" };
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([{ ...place, ...ok }, { ...place, ...moved }, { audit }]);
    const unread = await cli(["audit", "--json"], { audit: actions(["away"]).made });
    expect(JSON.parse(unread.out.split("\n")[0] ?? "")).toEqual({ ...place, unread: "away" });
  });

  test("--last asks nobody and tells since when", async () => {
    const { made, scopes } = actions([]);
    const { code, out } = await cli(["audit", "--last"], { audit: made });
    expect({ code, scopes }).toEqual({ code: 1, scopes: [] });
    expect(out).toContain("moved  production  f40/hello:latest");
    expect(out).toContain("2026-11-23 11:58");
    const json = await cli(["audit", "--last", "--json", "--registry", "mirror"], { audit: made });
    expect(json).toMatchObject({ code: 0, out: `${JSON.stringify({ audit })}\n` });
  });

  test("--repair alone does nothing but say what it would do", async () => {
    const { made, repaired } = actions([[missing, moved]]);
    const { code, err } = await cli(["audit", "--repair"], { audit: made });
    expect({ code, repaired }).toEqual({ code: 1, repaired: [] });
    expect(err).toBe("Would be released again:\n  production f40/hello\nNothing was done; add --confirm.\n");
  });

  test("--repair --confirm releases again and looks once more, at every layer", async () => {
    const { made, repaired, scopes } = actions([[missing], [ok]]);
    const { code, err } = await cli(["audit", "--repair", "--confirm"], { audit: made });
    expect(repaired).toEqual([{ registry: "production", imageRepository: "f40/hello" }]);
    expect(scopes[1]).toEqual({ registry: "production", imageRepository: "f40/hello", deep: true });
    expect({ code, err }).toEqual({ code: 0, err: "1 released again; looking once more\n" });
    const still = await cli(["audit", "--repair", "--confirm"], { audit: actions([[missing], [missing]]).made });
    expect(still.code).toBe(1);
  });

  test("--repair --confirm touches nothing that was moved, which stays a finding", async () => {
    const { made, repaired } = actions([[moved]]);
    const { code } = await cli(["audit", "--repair", "--confirm"], { audit: made });
    expect({ code, repaired }).toEqual({ code: 1, repaired: [] });
  });
});
