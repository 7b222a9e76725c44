import type { LogStore } from "../../src/builds/log-store.ts";

/** Logs in memory. */
export function fakeLogStore(): { readonly logs: LogStore; readonly text: (run: string, name: string) => string | undefined } {
  const stored = new Map<string, { run: string; name: string; text: string; closed: boolean; fence: number }>();
  const at = (run: string, name: string) => {
    const key = JSON.stringify([run, name]);
    const log = stored.get(key) ?? { run, name, text: "", closed: false, fence: 0 };
    stored.set(key, log);
    return log;
  };
  const logs: LogStore = {
    restart: async (run, name) => {
      const log = at(run, name);
      Object.assign(log, { text: "", closed: false, fence: log.fence + 1 });
      return log.fence;
    },
    append: async (run, name, fence, text) => {
      const log = at(run, name);
      if (log.fence === fence && !log.closed) log.text += text;
    },
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
    close: async (run, name, fence) => {
      const log = at(run, name);
      if (fence === undefined || log.fence === fence) log.closed = true;
    },
  };
  return { logs, text: (run, name) => stored.get(JSON.stringify([run, name]))?.text };
}
