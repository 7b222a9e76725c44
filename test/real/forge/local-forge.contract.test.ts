import { describe } from "@jest/globals";
import { forgeContract } from "../../contract/forge.contract.ts";
import { localForgeWorld } from "../../support/local-forge.ts";

describe("the local forge", () =>
  forgeContract({
    create: () => localForgeWorld(),
    skip: [
      { name: "have the role that they were given", reason: "it knows readers, writers and admins" },
      { name: "a pull request from a fork says so, and its commits can be read", reason: "it has no forks" },
      { name: "finds another base branch and what was opened again, each as a request of its own", reason: "nobody changes either there" },
      { name: "a reaction takes the place of the earlier one", reason: "it has no reactions" },
    ],
  }));
