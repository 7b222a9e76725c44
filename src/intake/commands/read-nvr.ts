import { isAppError } from "../../domain/errors.ts";
import { formatNvr, parseNvr } from "../../domain/nvr.ts";

/** Koji would take signs that no build of ours has, and that could not be shown safely. */
export function readNvr(text: string): string | undefined {
  if (!/^[\w.+~^/-]+$/.test(text)) return undefined;
  try {
    return formatNvr(parseNvr(text));
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}
