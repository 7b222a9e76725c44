import { describe } from "@jest/globals";
import { forgeContract } from "../../contract/forge.contract.ts";
import { githubForgeWorld } from "../../support/github-forge.ts";

describe("the GitHub forge", () =>
  forgeContract({
    async create() {
      const world = await githubForgeWorld();
      return {
        ...world,
        async close() {
          await world.close();
          // What GitHub would not have let pass fails whatever test did it.
          if (world.github.violations.length > 0) throw new Error(world.github.violations.join("\n"));
        },
      };
    },
  }));
