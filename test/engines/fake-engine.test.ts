import { describe } from "@jest/globals";
import { dockerfileFeatures } from "../../src/domain/dockerfile-dialect.ts";
import { engineContract } from "../contract/engine.contract.ts";
import { type FakeEngineOptions, fakeEngine } from "../fakes/engine.ts";

describe.each<[string, FakeEngineOptions]>([
  ["as a classic builder", {}],
  [
    "as a BuildKit for two platforms",
    {
      platforms: ["linux/amd64", "linux/arm64"],
      capabilities: { builder: "buildkit", features: dockerfileFeatures, buildLimits: "together" },
    },
  ],
])("fake engine %s", (_, options) => {
  engineContract(async () => {
    const engine = fakeEngine(options);
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
