import type { LogStore } from "../../src/builds/log-store.ts";

/** Logs in memory. */
export function fakeLogStore(): { readonly logs: LogStore; readonly text: (run: string, name: string) => string | undefined } {
  const stored = new Map<string, { run: string; name: string; text: string; closed: boolean }>();
  const at = (run: string, name: string) => {
    const key = JSON.stringify([run, name]);
    const log = stored.get(key) ?? { run, name, text: "", closed: false };
    stored.set(key, log);
    return log;
  };
  const logs: LogStore = {
    append: async (run, name, text) => {
      at(run, name).text += text;
    },
    restart: async (run, name) => void Object.assign(at(run, name), { text: "", closed: false }),
    list: async (run) =>
      [...stored.values()]
        .filter((log) => log.run === run)
        .map(({ name, text, closed }) => ({ name, bytes: Buffer.byteLength(text), closed })),
    read: async (run, name, offset, maxBytes) => {
      const { text, closed } = at(run, name);
      const bytes = Buffer.from(text);
      const next = Math.min(bytes.length, offset + maxBytes);
      return { text: bytes.subarray(offset, next).toString("utf8"), next, closed: closed && next >= bytes.length };
    },
    prune: async () => 0,
    close: async (run, name) => {
      at(run, name).closed = true;
    },
  };
  return { logs, text: (run, name) => stored.get(JSON.stringify([run, name]))?.text };
}
