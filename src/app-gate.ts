import type { GatePorts } from "./builds/gate.ts";
import type { Settings } from "./config.ts";
import { durationMs } from "./config-durations.ts";
import { optional } from "./config-values.ts";
import type { Forge } from "./forge/forge.ts";
import { greenwaveClient } from "./gating/greenwave/greenwave-client.ts";
import type { Greenwave } from "./gating/greenwave.ts";
import { readSitePolicies } from "./gating/site-policies/read-policies.ts";
import type { WaiverStore } from "./gating/waivers.ts";
import { readPolicy } from "./promotion/manifest-tree.ts";

/** What the gate decides by. Throws `gating.policy-invalid`: without the operators' policies nothing may start that could promote. */
export function gatePorts(
  settings: Settings,
  ports: { readonly forge: Forge; readonly waivers: WaiverStore; readonly userAgent: string; readonly now: () => Date },
  wrap: (greenwave: Greenwave) => Greenwave = (greenwave) => greenwave,
): GatePorts {
  const { context, productVersions, policies, greenwave } = settings.gating;
  const { repository, branch } = settings.manifests;
  const remote =
    greenwave &&
    wrap(greenwaveClient({ url: greenwave.url.replace(/\/+$/, ""), timeoutMs: durationMs(greenwave.timeout), userAgent: ports.userAgent }));
  return {
    waivers: ports.waivers,
    policies: policies === undefined ? [] : readSitePolicies(policies),
    ...optional("greenwave", remote),
    async readGates() {
      const head = await ports.forge.findHead(repository, branch);
      if (head === undefined) return [];
      return (await readPolicy({ forge: ports.forge, settings: { repository } }, head)).gates;
    },
    now: ports.now,
    settings: { context, productVersions },
  };
}
