import { describe, expect, test } from "@jest/globals";
import { appError, isAppError } from "../../src/domain/errors.ts";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { promoteFlow } from "../../src/promotion/promote-flow.ts";
import { promoteHeld } from "../../src/promotion/promote-held.ts";
import type { PromotionPorts } from "../../src/promotion/promotion-ports.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { releaseScanFlow } from "../../src/promotion/release-scan-flow.ts";
import { releaseSigner } from "../../src/promotion/sign-release.ts";
import { withdrawFlow } from "../../src/promotion/withdraw-flow.ts";
import { keyAnnotation } from "../../src/signing/wanted-attestation.ts";
import { flowRunner } from "../promotion/flow-runner.ts";
import { manifests, world } from "../promotion/world.ts";

/**
 * The story of two promotions, a roll-back and a withdrawal, killed before and after each effect and taken up again. Points are not listed: every
 * call of a port whose name does not promise to look only is one, so a new effect is covered without being written down here.
 */

const path = "images/f40/cockpit.yaml";
const looks = /^(compareUrl$|sourceUrl$|find|read|list|has|is|named|diff|now|pageOf)/;

const mostKills = 1000;

/** Transient, since nothing may catch it and call it a result: a killed process catches nothing either. */
const killed = () => appError("registry.unreachable", "killed", { details: { killed: true } });
const isKill = (error: unknown) => isAppError(error) && error.details.killed === true;

/** `shouldDie` is asked at each point, by its number. */
function crashing(ports: PromotionPorts, points: string[], shouldDie: (point: number, name: string) => boolean): PromotionPorts {
  const pass = (name: string) => {
    points.push(name);
    if (shouldDie(points.length - 1, name)) throw killed();
  };
  const wrap = <T extends object>(name: string, port: T, alsoAfter = true): T =>
    new Proxy(port, {
      get(target, property, receiver) {
        const value: unknown = Reflect.get(target, property, receiver);
        if (typeof value !== "function" || looks.test(String(property))) return value;
        return async (...args: unknown[]) => {
          const about = args.filter((one) => typeof one === "string").join(" ");
          pass(`before ${name}.${String(property)} ${about}`);
          const result = await value.apply(target, args);
          if (alsoAfter) pass(`after ${name}.${String(property)} ${about}`);
          return result;
        };
      },
    });
  const registries = { named: (name: string) => wrap(name, ports.registries.named(name)) };
  const signers = { named: (name: string) => wrap(`${name} signer`, ports.signers.named(name)) };
  return {
    ...ports,
    forge: wrap("forge", ports.forge),
    copier: wrap("copier", ports.copier),
    registries,
    signers,
    // Killed within, between two names, as well as around.
    releaseSigner: wrap("release signer", releaseSigner({ ...ports, registries, signers })),
    runs: wrap("runs", ports.runs),
    places: wrap("places", ports.places),
    // Both saves of a release stand in one transaction with the journal: what can happen is that none of it does.
    releases: { ...ports.releases, saveReport: wrap("releases", ports.releases, false).saveReport },
  };
}

/** Everything that happened, with restarts wherever `shouldDie` says; `kills` is how often. */
async function tell(shouldDie: (point: number, name: string) => boolean) {
  const at = world(["linux/amd64"], ["mirror"], true);
  const points: string[] = [];
  let kills = 0;
  const runner = flowRunner(
    () => [checkPromotionFlow(ports), promoteFlow(ports), withdrawFlow(ports), releaseScanFlow(ports), releaseFlow(ports)] as never,
    isKill,
  );
  let now = at.ports.now().getTime();
  at.ports.now = () => new Date(now);
  // Room for one promotion, so that another is held back.
  const settings = { ...at.ports.settings, promotions: { openPerNamespace: 1, newPerHour: 100 } };
  const ports = crashing({ ...at.ports, settings, runs: runner.runs }, points, shouldDie);
  const survive = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isKill(error)) throw error;
        kills += 1;
        // An effect whose key changes with each attempt would be a new point for ever.
        if (kills > mostKills) throw new Error(`killed ${kills} times`, { cause: error });
      }
    }
  };
  const propose = async (id: string) => {
    const proposed = await survive(() => proposePromotion(ports, id));
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    const { number, head } = proposed;
    const intent = { repository: manifests, number, head };
    await runner.runs.start({ flow: "check-promotion", subject: `check ${number}`, intent, key: `check ${head}`, whenBusy: "supersede" });
    await survive(runner.drain);
    return number;
  };
  let scans = 0;
  const scan = async () => {
    const intent = { repository: manifests, full: false };
    await runner.runs.start({ flow: "release-scan", subject: "scan", intent, key: `scan ${++scans}`, whenBusy: "queue" });
    await survive(runner.drain);
  };
  const byHand = (change: (text: string) => string) =>
    at.git.commit("main", { [path]: change(at.git.read(at.git.branches.get("main") ?? "")[path] ?? "") });

  await at.build({ id: "b1", release: "1.fc40" });
  at.git.merge(await propose("b1"));
  await scan();
  now += 600_000;
  await at.build({ id: "b2", release: "2.fc40" });
  await at.build({ id: "b3", release: "3.fc40" });
  await at.build({ id: "c1", release: "1.fc40", repository: "f40/web" });
  await propose("b2");
  expect(await survive(() => proposePromotion(ports, "c1"))).toMatchObject({ outcome: "held" });
  at.git.merge(await propose("b3"));
  await scan();
  now += 600_000;
  await survive(() => promoteHeld(ports));
  await survive(runner.drain);
  const web = await propose("c1");
  byHand((text) => text.replaceAll(/: "323-3.fc40"/g, ': "323-1.fc40"'));
  await scan();
  const withdrawal = { imageRepository: "f40/cockpit", release: "323-3.fc40", reason: "CVE", removeTag: true, requestedBy: "alice" };
  await runner.runs.start({ flow: "withdraw", subject: "withdraw", intent: withdrawal, key: "withdraw", whenBusy: "queue" });
  await survive(runner.drain);
  at.git.merge(at.git.pulls.length);
  await scan();
  at.git.merge(web);
  byHand((text) => `${text}colour: red\n`);
  await scan();

  /** What is counted in a table depends on which attempt did it; everything else must be the same. */
  const plain = (text: string) =>
    text.replaceAll(/^(\|[^|]+\|[^|]+\|[^|]+\|)[^|]*(\|[^|]*\|)$/gm, "$1$2").replaceAll(/\d+ signatures removed/g, "signatures removed");
  // Their signatures, and so their digests, are others each time.
  const artifacts = new Set<string>(at.production.artifacts.map(({ manifest }) => manifest.digest));
  const end = {
    pulls: at.git.pulls,
    main: at.git.read(at.git.branches.get("main") ?? ""),
    branches: [...at.git.branches],
    comments: [...at.git.comments].map(([key, text]) => [key, plain(text)]),
    statuses: [...at.git.statuses].map(([key, status]) => [key, { ...status, summary: plain(status.summary) }]),
    tags: [...at.production.tags],
    writes: at.production.writes,
    manifests: [...at.production.manifests.keys()].filter((key) => !artifacts.has(key.slice(key.indexOf("@") + 1))).sort(),
    attached: at.production.artifacts.map(({ artifact }) => `${artifact.subject.digest} ${artifact.annotations[keyAnnotation]}`).sort(),
    mirror: { tags: [...(at.all.mirror?.tags ?? [])], writes: at.all.mirror?.writes },
    signatures: [...at.signers.production.signed, ...(at.allSigners.get("mirror")?.signed ?? [])]
      .map((one) => `${one.digest} ${one.publicName}`)
      .sort(),
    reconciled: [...at.reconciled],
    reports: at.reports.map(({ outcome, lines }) => ({ outcome, lines: lines.map((line) => `${line.tag} ${line.what}`) })),
  };
  return { end, points, kills };
}

describe("killed at any effect and started again, promotion and release end as if nothing had happened", () => {
  test("the undisturbed story has one of everything", async () => {
    const { end, points, kills } = await tell(() => false);
    expect(kills).toBe(0);
    expect(end.pulls.map((pull) => [pull.number, pull.headBranch, pull.state])).toEqual([
      [1, "promote/f40/cockpit", "merged"],
      [2, "promote/f40/cockpit", "merged"],
      [3, "promote/f40/web", "merged"],
      [4, "withdraw/f40/cockpit", "merged"],
    ]);
    expect(end.tags.map(([tag]) => tag).sort()).toEqual([
      "f40/cockpit:323",
      "f40/cockpit:323-1.fc40",
      "f40/cockpit:323-1.fc40-amd64",
      "f40/cockpit:latest",
      "f40/web:323",
      "f40/web:323-1.fc40",
      "f40/web:323-1.fc40-amd64",
      "f40/web:latest",
    ]);
    expect(new Set(end.signatures).size).toBe(end.signatures.length);
    // In each of two registries: three names for one digest and its platform, and the platform's own, for each of two images; the withdrawn
    // release has none left.
    expect(end.signatures).toHaveLength(28);
    expect(end.mirror.tags.map(([tag]) => tag).sort()).toEqual(end.tags.map(([tag]) => tag).sort());
    const kinds = new Set(
      points.map((point) =>
        point
          .split(" ")
          .slice(0, 3)
          .join(" ")
          .replace(/^(\w+ (?:production signer|\S+)\S*).*/, "$1"),
      ),
    );
    for (const kind of ["forge.proposeChange", "forge.setStatus", "forge.ensureComment", "copier.copy", "production.putManifest"]) {
      expect([...kinds].some((one) => one.includes(kind))).toBe(true);
    }
    expect(points.some((one) => one.includes("production signer.ensureSigned"))).toBe(true);
    expect(points.some((one) => one.includes("production signer.removeSignatures"))).toBe(true);
    expect(points.some((one) => one.includes("production.deleteManifest"))).toBe(true);
    for (const kind of ["places.take", "places.hold", "places.forget"]) expect(points.some((one) => one.includes(kind))).toBe(true);
  });

  test("once in each state", async () => {
    const undisturbed = await tell(() => false);
    for (const [number, name] of undisturbed.points.entries()) {
      // Right before an effect that follows another one the world is as it was right after that one.
      if (name.startsWith("before ") && undisturbed.points[number - 1]?.startsWith("after ")) continue;
      const { end, kills } = await tell((point) => point === number);
      expect({ number, name, kills, end }).toEqual({ number, name, kills: 1, end: undisturbed.end });
    }
  }, 480_000);

  test("at every point, one after the other, in one life", async () => {
    const undisturbed = await tell(() => false);
    const visited = new Set<string>();
    const { end, kills } = await tell((_point, name) => !visited.has(name) && visited.add(name) !== undefined);
    expect(kills).toBe(new Set(undisturbed.points).size);
    expect(end).toEqual(undisturbed.end);
  });
});
