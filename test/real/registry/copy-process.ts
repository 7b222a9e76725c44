import { imageCopier } from "../../../src/registry/image-copier.ts";
import { inMemoryMountMemory } from "../../../src/registry/mount-memory.ts";
import { namedRegistries } from "../../../src/registry/named-registries.ts";
import { registryClient } from "../../../src/registry/registry-client.ts";

// Copies one image and prints its report as it goes, last with the most memory that the process had: `source destination repository digest`.
const [source = "", destination = "", repository = "", digest = ""] = process.argv.slice(2);
const open = (endpoint: string) => registryClient({ endpoint, plainHttp: true });
const clients = { candidate: open(source), production: open(destination) };
const copier = imageCopier(namedRegistries(clients), { transfers: 2, mountMemory: inMemoryMountMemory() });
const request = {
  source: { registry: "candidate", repository, digest: digest as `sha256:${string}` },
  destination: { registry: "production", repository },
};
const say = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
const report = await copier.copy(request, new AbortController().signal, say);
say({ ...report, done: true, rss: process.resourceUsage().maxRSS * 1024 });
for (const client of Object.values(clients)) client.close();
