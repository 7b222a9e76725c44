import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { PagureSettings } from "../../src/config-pagure.ts";
import { leastAcls } from "../support/pagure-forge.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/pagure.md"), "utf8");

test("the guide's ACLs are those that every test of the adapter gets by with", () => {
  const rows = guide.split("\n").filter((line) => line.startsWith("| for "));
  const acls = rows.map((row) => [...(row.split("|")[2] ?? "").matchAll(/`(\w+)`/g)].map(([, acl]) => acl ?? ""));
  expect(acls.map((one) => one.toSorted())).toEqual([[...leastAcls.reports].toSorted(), [...leastAcls.promotions].toSorted()]);
});

test("the guide's settings are settings", () => {
  const blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = ""]) => parse(text) as { forge: Record<string, unknown> });
  const [whole, keys] = blocks;
  expect(PagureSettings.safeParse(whole?.forge).error).toBeUndefined();
  expect(PagureSettings.safeParse({ ...whole?.forge, ...keys?.forge }).error).toBeUndefined();
});
