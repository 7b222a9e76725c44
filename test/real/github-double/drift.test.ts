import { readFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { describeGithub } from "../../../scripts/github-description.ts";
import { RegistryUnreachable } from "../../../scripts/npm-tarball.ts";
import { operations } from "../../fakes/github/operations.ts";
import { allRoutes } from "../../fakes/github/routes/all.ts";

// Only a registry that does not answer at all is a reason to skip; anything else fails.
const fresh = await describeGithub().catch((error: unknown) => {
  if (error instanceof RegistryUnreachable) return error;
  throw error;
});
const isSkipped = fresh instanceof RegistryUnreachable;
if (isSkipped) process.stderr.write(`skipped: the description of GitHub is not compared with the published one (${fresh.message})\n`);

(isSkipped ? test.skip : test).each(["rest.json", "webhooks.json"])("%s is what GitHub publishes", async (name) => {
  if (fresh instanceof RegistryUnreachable) return;
  const kept = await readFile(new URL(`../../fakes/github/description/${name}`, import.meta.url), "utf8");
  // Compared in pieces: a difference of 200 kB of JSON in one line tells nothing.
  expect(kept.split("\n")).toEqual(fresh[name]?.split("\n"));
});

test("every operation of the table has a route", () => {
  const handled = Object.keys(allRoutes({} as never));
  expect([...handled, "rate-limit/get"].sort()).toEqual(Object.keys(operations).sort());
});
