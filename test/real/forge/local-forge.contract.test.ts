import { describe } from "@jest/globals";
import { forgeContract } from "../../contract/forge.contract.ts";
import { localForgeWorld } from "../../support/local-forge.ts";

describe("the local forge", () => forgeContract({ create: () => localForgeWorld() }));
