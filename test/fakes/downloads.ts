import type { Downloads } from "../../src/builds/downloads.ts";
import { appError } from "../../src/domain/errors.ts";

/** A web in memory: address to what stands there. Hosts that may not be asked are refused as the real one does; addresses asked are kept. */
export function fakeDownloads(web: ReadonlyMap<string, string | Uint8Array>): Downloads & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async *read(url, { mayAsk, maxBytes, signal }) {
      signal.throwIfAborted();
      const { host, origin, pathname } = new URL(url);
      if (!mayAsk(host)) throw appError("builds.download-refused", `${origin}${pathname} is on no host that may be asked`);
      asked.push(url);
      const found = web.get(url);
      if (found === undefined) throw appError("builds.download-missing", `${origin}${pathname} came back with 404`);
      const bytes = Buffer.from(found);
      if (bytes.length > maxBytes) throw appError("builds.download-too-large", `${origin}${pathname} has more than ${maxBytes} bytes`);
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
    },
  };
}
