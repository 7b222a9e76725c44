import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/domain/digest.ts";
import type { PromotionPorts } from "../../../src/promotion/promotion-ports.ts";
import { type ReleaseOutcome, reportRelease } from "../../../src/promotion/release-report.ts";
import type { ReleaseLine } from "../../../src/promotion/release-store.ts";
import { world } from "../../promotion/world.ts";
import { bot, pagureForgeWorld } from "../../support/pagure-forge.ts";

/** On a forge where each comment is a mail to everybody who watches. */

const path = "images/f40/cockpit.yaml";
let forge: Awaited<ReturnType<typeof pagureForgeWorld>>;
let ports: PromotionPorts;
let number: number;

beforeEach(async () => {
  forge = await pagureForgeWorld();
  const at = world();
  ports = { ...at.ports, forge: forge.forge, settings: { ...at.ports.settings, repository: forge.repository } };
  await forge.person.commit("main", { "docs/notes": "1\n" });
  await forge.person.commit("topic", { [path]: "schema: 1\n" }, "main");
  number = await forge.person.openPull("topic", "main", "Promote cockpit");
  await forge.person.merge(number);
});
afterEach(() => forge.close());

let runs = 0;
const told = () => forge.pagure.pull(forge.repository, number).comments.filter((one) => one.user === bot);
const line = (tag: string, more: Partial<ReleaseLine>): ReleaseLine => ({
  ...{ tag, digest: digestOf(tag), what: "ok", bytesStreamed: 0, blobsMounted: 0, signaturesAdded: 0, ms: 0, ...more },
});

/** One run of the release, at whatever main is now. */
async function report(lines: readonly ReleaseLine[]): Promise<void> {
  const commit = (await forge.forge.findHead(forge.repository, "main")) ?? "";
  const outcome: ReleaseOutcome = {
    registry: "production",
    commit,
    blob: "b1",
    policyBlob: "p1",
    path,
    imageRepository: "f40/cockpit",
    lines,
  };
  runs += 1;
  await reportRelease(ports, `run-${runs}`, outcome);
}

test("a tag that cannot be released is told once, however long that took and whatever else was done first", async () => {
  const drift = { what: "drift", message: "stands where nobody put it" };
  const gone = (removed: number) => line("2", { what: "withdrawn", message: `${removed} signatures removed, the tag stays`, ms: removed });
  await report([line("1", { what: "copied", bytesStreamed: 100, ms: 41 }), gone(3), line("latest", { ...drift, ms: 12 })]);
  expect(told()).toHaveLength(1);
  for (const ms of [17, 23]) {
    await forge.person.commit("main", { "docs/notes": `${ms}\n` });
    await report([line("1", {}), gone(0), line("latest", { ...drift, ms })]);
  }
  expect(told()).toHaveLength(1);
  await report([line("1", {}), gone(0), line("latest", { what: "drift", message: "stands elsewhere" })]);
  expect(told()).toHaveLength(2);
  await report([line("1", {}), gone(0), line("latest", { what: "moved", ms: 9 })]);
  expect(told()).toHaveLength(3);
  expect(told().at(-1)?.text).toMatch(/^`f40\/cockpit` is released to production\./);
});
