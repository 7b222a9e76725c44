import { describe } from "@jest/globals";
import { forgeContract } from "../contract/forge.contract.ts";
import { fakeForge } from "../fakes/forge.ts";

describe("the fake forge", () =>
  forgeContract({
    skip: [
      { name: "a pull request from a fork says so, and its commits can be read", reason: "it has no forks" },
      { name: "finds another base branch and what was opened again, each as a request of its own", reason: "nobody changes either there" },
    ],
    async create() {
      const forge = fakeForge();
      const repository = "containers/cockpit";
      await forge.createRepository(repository);
      return {
        forge,
        repository,
        person: {
          commit: async (branch, files, from) => forge.commit(repository, branch, files, from),
          deleteBranch: async (branch) => forge.deleteBranch(repository, branch),
          openPull: async (headBranch, baseBranch, title) =>
            (await forge.openPull({ repository, headBranch, baseBranch, title, body: "", person: "bob" })).number,
          comment: (number, text) => forge.addComment(repository, number, "bob", text),
          merge: async (number) => (await forge.mergePull(repository, number, "bob")).mergeCommit,
          close: (number) => forge.closePull(repository, number, "bob"),
        },
        setRole: (who, role) => void forge.roles.set(who, role),
        listReactions: async (number, comment) =>
          [forge.reactions.get(`${repository} #${number} ${comment}`)].filter((one) => one !== undefined),
        close: async () => {},
      };
    },
  }));
