import type { PromotionPorts } from "./promotion-ports.ts";

/** Who goes back further than this edits by hand. */
const mostHistory = 100;

/**
 * Was this, byte for byte, the text of a file at a former commit that `commit` follows? What a forge's revert button makes is; what a person
 * shortens by hand is not.
 */
export async function isFormerText(ports: PromotionPorts, commit: string, path: string, text: string): Promise<boolean> {
  const { forge, settings } = ports;
  const wanted = new TextEncoder().encode(text);
  for (const former of await forge.fileHistory(settings.repository, commit, path, mostHistory)) {
    const bytes = await forge.findFile(settings.repository, former, path);
    if (bytes && Buffer.compare(bytes, wanted) === 0) return true;
  }
  return false;
}
