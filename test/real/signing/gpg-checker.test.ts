import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openGnupgHome } from "../../../src/signing/openpgp/gnupg-home.ts";
import { openGpgChecker } from "../../../src/signing/openpgp/gpg-checker.ts";
import { exportKeyring, gpgSign } from "../../../src/signing/openpgp/gpg-sign.ts";
import { gnupgHome, makeKey } from "../../support/gnupg.ts";

let keys: Awaited<ReturnType<typeof gnupgHome>>;
let home: ReturnType<typeof openGnupgHome>;
let checker: Awaited<ReturnType<typeof openGpgChecker>>;
let ours: string;
let other: string;
const never = new AbortController().signal;

beforeAll(async () => {
  keys = await gnupgHome();
  ours = await makeKey(keys.path, "Ours");
  other = await makeKey(keys.path, "Other");
  home = openGnupgHome({ directory: keys.path, timeoutMs: 20_000, agent: true });
  const publicKeys = await exportKeyring(home, [ours]);
  checker = await openGpgChecker({ publicKeys, fingerprints: [ours], timeoutMs: 20_000 });
});
afterAll(async () => {
  await checker.close();
  await home.close();
  await keys.remove();
});

const sign = (text: string, fingerprint: string) => gpgSign(home, { text, fingerprint, signal: never });

test("of many the valid ones are found, as each of them alone, until a bad one stops gpg", async () => {
  const good = await sign("one", ours);
  const changed = Buffer.from(good);
  changed[changed.length - 10] = (changed[changed.length - 10] ?? 0) ^ 1;
  const three = await sign("three", ours);
  const messages = [good, await sign("two", other), Buffer.from([0x80]), three];
  const alone = await Promise.all(messages.map((bytes) => checker.check(bytes)));
  expect(alone.map((one) => one.verdict)).toEqual(["valid", "wrong-key", "unreadable", "valid"]);
  expect(await checker.findValid(messages)).toEqual(alone.map((one) => (one.verdict === "valid" ? one : undefined)));
  expect(alone[3]).toMatchObject({ text: "three", fingerprint: ours });
  for (const bad of [changed, Buffer.concat([good, good])]) {
    expect(await checker.check(bad)).toMatchObject({ verdict: "unreadable" });
    const [first, second] = await checker.findValid([good, bad, three]);
    expect([first, second]).toEqual([alone[0], undefined]);
  }
});

test("more than one process looks at are all found", async () => {
  const good = await sign("one", ours);
  const found = await checker.findValid(Array.from({ length: 70 }, () => good));
  expect(found.map((one) => one?.verdict)).toEqual(Array.from({ length: 70 }, () => "valid"));
});
