import { describe } from "@jest/globals";
import { signerContract } from "../contract/signer.contract.ts";
import { fakeSigner } from "../fakes/signer.ts";

describe("the fake signer", () => {
  signerContract({ create: async () => ({ signer: fakeSigner("candidate"), close: async () => {} }) });
});
