import { describe } from "@jest/globals";
import { engineContract } from "../contract/engine.contract.ts";
import { fakeEngine } from "../fakes/engine.ts";

describe("fake engine", () => {
  engineContract(async () => {
    const engine = fakeEngine();
    return {
      engine,
      registry: "registry.example.test",
      digestOfTag: async (repository, tag) => engine.digestOfTag(`registry.example.test/${repository}:${tag}`),
      leftovers: async () => engine.leftovers(),
      // Any file will do: programs are names only.
      busybox: new URL(import.meta.url).pathname,
      close: async () => {},
    };
  });
});
