import { describe } from "@jest/globals";
import { forgeContract } from "../../contract/forge.contract.ts";
import { pagureForgeWorld } from "../../support/pagure-forge.ts";

describe("the Pagure forge", () =>
  forgeContract({
    create: () => pagureForgeWorld(),
    skip: [{ name: "a reaction takes the place of the earlier one", reason: "it has no reactions: pagure-statuses.test.ts has its flag" }],
  }));
