import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { digestOf } from "../../src/domain/digest.ts";
import type { Signer } from "../../src/signing/signer.ts";

export interface SignerSubject {
  /** A signer that has signed nothing yet. */
  create(): Promise<{ readonly signer: Signer; readonly close: () => Promise<void> }>;
}

/** What every signer promises; call inside a `describe`. */
export function signerContract(subject: SignerSubject): void {
  const digest = digestOf("image");
  const other = digestOf("other image");
  const name = (tag: string) => `registry.example.test/f40/cockpit:${tag}`;
  const never = new AbortController().signal;
  let signer: Signer;
  let close: () => Promise<void>;

  beforeEach(async () => {
    ({ signer, close } = await subject.create());
  });
  afterEach(() => close());

  test("what is signed is found again, valid and by the key the signer names", async () => {
    expect(await signer.ensureSigned([{ digest, publicName: name("1-1") }], never)).toBe(1);
    expect(await signer.listSignatures("registry.example.test/f40/cockpit", digest)).toEqual([
      expect.objectContaining({ verdict: "valid", publicName: name("1-1"), kind: signer.keys[0]?.kind, fingerprint: signer.keys[0]?.id }),
    ]);
    expect(signer.keys).toEqual([
      { kind: expect.stringMatching(/^(openpgp|cosign)$/), id: expect.stringMatching(/^([0-9A-F]{40}|sha256:[0-9a-f]{64})$/), use: "sign" },
    ]);
  });

  test("signing again adds nothing, an alias tag needs a signature of its own", async () => {
    await signer.ensureSigned([{ digest, publicName: name("1-1") }], never);
    expect(await signer.ensureSigned([{ digest, publicName: name("1-1") }], never)).toBe(0);
    const both = [name("1-1"), name("latest"), name("latest")].map((publicName) => ({ digest, publicName }));
    expect(await signer.ensureSigned(both, never)).toBe(1);
    expect(await signer.listSignatures("registry.example.test/f40/cockpit", digest)).toHaveLength(2);
  });

  test("what is prepared is nowhere to be found until it is asked for, and is signed then", async () => {
    const wanted = ["1-1", "1"].map((tag) => ({ digest, publicName: name(tag) }));
    await signer.prepare(wanted, never);
    expect(await signer.listSignatures("registry.example.test/f40/cockpit", digest)).toEqual([]);
    expect(await signer.ensureSigned(wanted.slice(0, 1), never)).toBe(1);
    const found = await signer.listSignatures("registry.example.test/f40/cockpit", digest);
    expect(found.map((one) => [one.verdict, one.publicName])).toEqual([["valid", name("1-1")]]);
    expect(await signer.ensureSigned(wanted, never)).toBe(1);
  });

  test("preparing what can't be signed says nothing", async () => {
    await signer.prepare([{ digest, publicName: "registry.example.test/../../etc:1" }], never);
    await signer.prepare([{ digest, publicName: name("1") }], AbortSignal.abort());
    expect(await signer.listSignatures("registry.example.test/f40/cockpit", digest)).toEqual([]);
    expect(await signer.ensureSigned([{ digest, publicName: name("1") }], never)).toBe(1);
  });

  test("digests and repositories are kept apart", async () => {
    await signer.ensureSigned([{ digest, publicName: name("1-1") }], never);
    expect(await signer.listSignatures("registry.example.test/f40/cockpit", other)).toEqual([]);
    expect(await signer.listSignatures("registry.example.test/f41/cockpit", digest)).toEqual([]);
  });

  test("two callers at once make one signature", async () => {
    const wanted = [{ digest, publicName: name("1-1") }];
    const added = await Promise.all([signer.ensureSigned(wanted, never), signer.ensureSigned(wanted, never)]);
    expect(added.toSorted()).toEqual([0, 1]);
    expect(await signer.listSignatures("registry.example.test/f40/cockpit", digest)).toHaveLength(1);
  });

  test("removing one name leaves the others, and removing it again removes nothing", async () => {
    const names = ["1-1", "1", "latest"].map((tag) => ({ digest, publicName: name(tag) }));
    await signer.ensureSigned(names, never);
    expect(await signer.removeSignatures({ digest, publicName: name("1") })).toBe(1);
    const left = await signer.listSignatures("registry.example.test/f40/cockpit", digest);
    expect(left.map((one) => one.publicName).toSorted()).toEqual([name("1-1"), name("latest")]);
    expect(await signer.removeSignatures({ digest, publicName: name("1") })).toBe(0);
  });

  test.each([
    ["a name without tag", "registry.example.test/f40/cockpit"],
    ["a name with a digest", `registry.example.test/f40/cockpit@${digest}`],
    ["a path that leads elsewhere", "registry.example.test/../../etc:1"],
    ["an upper-case repository", "registry.example.test/F40/cockpit:1"],
  ])("%s is not signed", async (_, publicName) => {
    const refused = signer.ensureSigned([{ digest, publicName }], never);
    await expect(refused).rejects.toMatchObject({ code: "domain.reference-invalid" });
  });

  test("nothing is signed once the signal has aborted", async () => {
    await expect(signer.ensureSigned([{ digest, publicName: name("1") }], AbortSignal.abort())).rejects.toBeDefined();
    expect(await signer.listSignatures("registry.example.test/f40/cockpit", digest)).toEqual([]);
  });
}
