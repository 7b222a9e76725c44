import { registryClient } from "../../src/registry/registry-client.ts";
import { registryContract } from "../contract/registry.contract.ts";
import { type FakeRegistryOptions, startFakeRegistry } from "../fakes/registry.ts";

const credential = { username: "alice", password: "open-sesame" };
const onFake = (name: string, options: FakeRegistryOptions, relative = false) =>
  registryContract({
    name,
    async create() {
      const fake = await startFakeRegistry(options);
      fake.flaws.relativeLocations = relative;
      const client = registryClient({ endpoint: fake.endpoint, plainHttp: true, ...credential });
      return { client, close: async () => fake[Symbol.asyncDispose]() };
    },
  });

onFake("fake", {});
onFake("fake with relative locations", {}, true);
onFake("fake with basic authentication", { basicAuth: credential });
onFake("fake with tokens", { tokenAuth: credential });

registryContract({
  name: "fake with the referrers API",
  async create() {
    const fake = await startFakeRegistry();
    Object.assign(fake.flaws, { referrersApi: true, pageSize: 2 });
    const client = registryClient({ endpoint: fake.endpoint, plainHttp: true });
    return { client, close: async () => fake[Symbol.asyncDispose]() };
  },
  skip: [{ reason: "a list that a client keeps is not asked for", tests: ["RG9: referrers are found through their fallback tag"] }],
});
