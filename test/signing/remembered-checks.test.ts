import { expect, test } from "@jest/globals";
import { rememberedChecks } from "../../src/signing/remembered-checks.ts";
import type { CheckedSignature, OwnSignatureChecker } from "../../src/signing/signature-source.ts";

const good: CheckedSignature = { verdict: "valid", text: "said", fingerprint: "AB" };

/** Answers with `verdict`, and counts how often it was asked. */
function checkerOf(verdict: (text: string) => CheckedSignature): OwnSignatureChecker & { asked: string[] } {
  const asked: string[] = [];
  const check = async (bytes: Uint8Array) => {
    const text = Buffer.from(bytes).toString();
    asked.push(text);
    return verdict(text);
  };
  const findValid = async (all: readonly Uint8Array[]) => {
    const checked = await Promise.all(all.map(check));
    return checked.map((one) => (one.verdict === "valid" ? one : undefined));
  };
  return { asked, fingerprints: ["AB"], check, findValid };
}

test("what was good is good for a minute, and is looked at again then", async () => {
  let now = 1_000_000;
  const checker = checkerOf(() => good);
  const { check } = rememberedChecks(checker, () => now);
  const bytes = Buffer.from("one");
  expect(await check(bytes)).toEqual(good);
  now += 59_999;
  expect(await check(Buffer.from("one"))).toEqual(good);
  expect(checker.asked).toEqual(["one"]);
  now += 1;
  expect(await check(bytes)).toEqual(good);
  expect(checker.asked).toEqual(["one", "one"]);
});

test("what was signed here and found good is looked up, what was not is looked at", async () => {
  const checker = checkerOf((text) => (text === "bad" ? { verdict: "unreadable", blocking: false, why: "bad" } : good));
  const { check, findValid } = rememberedChecks(checker, () => 0);
  expect(await findValid([Buffer.from("one"), Buffer.from("bad")])).toEqual([good, undefined]);
  expect(await check(Buffer.from("one"))).toEqual(good);
  expect(await check(Buffer.from("bad"))).toMatchObject({ verdict: "unreadable" });
  expect(checker.asked).toEqual(["one", "bad", "bad"]);
});

test("bytes that differ in one place are other bytes", async () => {
  const checker = checkerOf((text) => (text === "one" ? good : { verdict: "unreadable", blocking: false, why: "other" }));
  const { check } = rememberedChecks(checker, () => 0);
  await check(Buffer.from("one"));
  expect(await check(Buffer.from("onf"))).toMatchObject({ verdict: "unreadable" });
});

test.each<CheckedSignature>([
  { verdict: "expired", text: "", fingerprint: "AB" },
  { verdict: "wrong-key", text: "", fingerprint: "CD" },
  { verdict: "unreadable", blocking: true, why: "it is empty" },
])("what was not good is looked at each time: $verdict", async (bad) => {
  const checker = checkerOf(() => bad);
  const { check } = rememberedChecks(checker, () => 0);
  await check(Buffer.from("one"));
  await check(Buffer.from("one"));
  expect(checker.asked).toEqual(["one", "one"]);
});

test("a look that could not be had is no verdict", async () => {
  let away = true;
  const { check } = rememberedChecks(
    checkerOf(() => {
      if (away) throw new Error("away");
      return good;
    }),
    () => 0,
  );
  await expect(check(Buffer.from("one"))).rejects.toThrow("away");
  away = false;
  expect(await check(Buffer.from("one"))).toEqual(good);
});

test("only so many are remembered, the oldest is forgotten first", async () => {
  const checker = checkerOf(() => good);
  const { check } = rememberedChecks(checker, () => 0);
  for (let number = 0; number <= 2000; number += 1) await check(Buffer.from(String(number)));
  await check(Buffer.from("2000"));
  expect(checker.asked).toHaveLength(2001);
  await check(Buffer.from("0"));
  expect(checker.asked).toHaveLength(2002);
});
