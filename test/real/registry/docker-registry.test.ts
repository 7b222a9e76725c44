import { registryClient } from "../../../src/registry/registry-client.ts";
import { registryContract } from "../../contract/registry.contract.ts";
import { registryCredential, startDockerRegistry } from "../../support/docker-registry.ts";
import { startTokenIssuer } from "./token-issuer.ts";

registryContract({
  name: "docker-registry",
  async create() {
    const registry = await startDockerRegistry();
    return { client: registryClient({ endpoint: registry.endpoint, plainHttp: true }), close: () => registry.stop() };
  },
});

registryContract({
  name: "docker-registry with htpasswd",
  async create() {
    const registry = await startDockerRegistry({ auth: "basic" });
    const client = registryClient({ endpoint: registry.endpoint, plainHttp: true, ...registryCredential });
    return { client, close: () => registry.stop() };
  },
});

registryContract({
  name: "docker-registry with RS256 tokens",
  async create() {
    const issuer = await startTokenIssuer(registryCredential);
    const registry = await startDockerRegistry({ extraConfig: issuer.config });
    const client = registryClient({ endpoint: registry.endpoint, plainHttp: true, ...registryCredential });
    const close = async () => {
      await registry.stop();
      await issuer.close();
    };
    return { client, close };
  },
});
