import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { likePattern, parseResultsQuery } from "../../src/gating/results-query.ts";

const empty = { data: [], oldestFirst: false, page: 0, limit: 20, distinctOn: [] };
const parse = (query: string) => parseResultsQuery(new URLSearchParams(query));

test.each([
  ["", empty],
  ["page=2&limit=5", { ...empty, page: 2, limit: 5 }],
  ["limit=0", { ...empty, limit: 1 }],
  ["limit=5000", { ...empty, limit: 1000 }],
  ["testcases=flibs.smoke,other.x,flibs.", { ...empty, suites: ["smoke"] }],
  ["testcases:like=flibs.*", { ...empty, testcasesLike: ["flibs.*"] }],
  ["outcome=passed,INFO,QUEUED", { ...empty, outcomes: ["pass", "skip"] }],
  ["groups=7c0ffee0-0000-4000-8000-000000000001,x", { ...empty, groups: ["7c0ffee0-0000-4000-8000-000000000001"] }],
  ["since=2026-11-23T00:00:00", { ...empty, since: "2026-11-23T00:00:00.000Z" }],
  [
    "since=2026-11-23T00:00:00.5,2026-11-23T00:00:00%2B02:00",
    { ...empty, since: "2026-11-23T00:00:00.500Z", until: "2026-11-22T22:00:00.000Z" },
  ],
  ["_sort=asc:submit_time", { ...empty, oldestFirst: true }],
  ["_distinct_on=system_architecture,scenario", { ...empty, distinctOn: ["system_architecture", "scenario"] }],
  ["_auth_module=x", empty],
  [
    "item=a,b&nvr:like=a*",
    {
      ...empty,
      data: [
        { key: "item", values: ["a", "b"], like: false },
        { key: "nvr", values: ["a*"], like: true },
      ],
    },
  ],
])("?%s", (query, expected) => {
  expect(parse(query)).toEqual({ query: expected });
});

test.each([
  "page=-1",
  "page=1.5",
  "limit=1e3",
  "outcome=ok",
  "since=",
  "since=1,2,3",
  "since=2026-13-01",
  "_sort=desc:id",
  "page=100001&limit=20",
  "item=a%00",
  "a%00=b",
  "_x=%00",
  "nvr:like=1,2,3,4,5,6",
  "nvr:like=1,2,3&testcases:like=4,5,6",
])("?%s is refused", (query) => {
  expect(parse(query)).toEqual({ message: expect.any(String) });
});

test("whatever is asked, the answer is a bounded query or a message", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("item", "since", "_sort", "outcome", "page", "limit", "__proto__", "a:like", "_distinct_on"),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string({ unit: "binary" }))), (pairs) => {
      const parsed = parseResultsQuery(pairs);
      if ("message" in parsed) return;
      const { page, limit, data, distinctOn } = parsed.query;
      expect(limit).toBeGreaterThanOrEqual(1);
      expect(limit).toBeLessThanOrEqual(1000);
      expect(page * limit).toBeLessThanOrEqual(1_000_000);
      expect(data.length + distinctOn.length).toBeLessThanOrEqual(40);
    }),
  );
});

test("only a star stands for other text", () => {
  expect(likePattern("a*_%\\")).toBe("a%\\_\\%\\\\");
});
