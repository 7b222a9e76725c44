import { expect, test } from "@jest/globals";
import { checkSigningKey } from "../../src/signing/openpgp/signing-key.ts";

const fingerprint = "A".repeat(40);
const now = 1_700_000_000_000;

interface Case {
  readonly name: string;
  readonly sec?: string;
  readonly code?: string;
}

const cases: readonly Case[] = [
  { name: "RSA 3072 is taken", sec: "sec:u:3072:1:AA:1600000000:::u:::scSC:::+::::" },
  { name: "NIST P-256 is taken", sec: "sec:u:256:19:AA:1600000000:::u:::scSC:::+::nistp256::" },
  { name: "a key on a card is taken", sec: "sec:u:4096:1:AA:1600000000:::u:::scSC:::D276000124010::::" },
  { name: "RSA 2048 is refused", sec: "sec:u:2048:1:AA:1600000000:::u:::scSC:::+::::", code: "signing.key-unusable" },
  { name: "Ed25519 is refused", sec: "sec:u:255:22:AA:1600000000:::u:::scSC:::+::ed25519::", code: "signing.key-unusable" },
  { name: "a revoked key is refused", sec: "sec:r:3072:1:AA:1600000000:::u:::scSC:::+::::", code: "signing.key-unusable" },
  {
    name: "a primary key that only certifies is refused",
    sec: "sec:u:3072:1:AA:1600000000:::u:::cSC:::+::::",
    code: "signing.key-unusable",
  },
  { name: "an expired key is refused", sec: "sec:e:3072:1:AA:1600000000:1650000000::u:::sc:::+::::", code: "signing.key-expired" },
  {
    name: "DG17, DG18: expiry is judged by our clock",
    sec: "sec:u:3072:1:AA:1600000000:1700000000::u:::sc:::+::::",
    code: "signing.key-expired",
  },
  { name: "no key is refused", code: "signing.key-missing" },
];

test.each(cases)("$name", ({ sec, code }) => {
  const records = (sec === undefined ? [] : [sec, `fpr:::::::::${fingerprint}:`]).map((line) => line.split(":"));
  const check = () => checkSigningKey(records, fingerprint, now);
  if (code === undefined) expect(check()).toEqual({ fingerprint, expiresAt: undefined });
  else expect(check).toThrow(expect.objectContaining({ code, hint: expect.any(String) }));
});
