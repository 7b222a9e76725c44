import { openRegistries } from "./app-registries.ts";
import type { Settings } from "./config.ts";
import { policyRegistries } from "./config-values.ts";
import type { CheckoutChoice } from "./promotion/check-checkout.ts";
import type { ManifestCheckout } from "./promotion/manifest-sources.ts";
import { type CheckoutPlan, planCheckout } from "./promotion/plan-checkout.ts";
import { version } from "./version.ts";

/** Tries a clone of the registry manifests on the registries of the settings, which are only read. No database, no service. */
export async function planManifests(
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
  checkout: ManifestCheckout,
  choice: CheckoutChoice,
): Promise<CheckoutPlan> {
  const { registries } = openRegistries(settings, environment, `flibs/${version}`, (_name, port) => port);
  try {
    const named = { repository: settings.manifests.repository, registries: policyRegistries(settings) };
    return await planCheckout({ registries, settings: named }, checkout, choice);
  } finally {
    registries.close();
  }
}
