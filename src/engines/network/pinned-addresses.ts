import { lchown, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import { parseHostName } from "../../domain/host-name.ts";
import { kindOfSubnet, parseIpv4 } from "../../domain/ipv4.ts";
import { type Addresses, type AllowedHost, needsResolving } from "./allowed-host.ts";

/** Asks DNS for the IPv4 addresses of a name; rejects when there is no answer. */
export type ResolveName = (name: string) => Promise<readonly string[]>;

export interface PinnedAddressesOptions {
  /** Remembers them, so that a restart opens and closes nothing. */
  readonly file: string;
  readonly allow: readonly AllowedHost[];
  readonly resolve: ResolveName;
  readonly now: () => number;
}

/**
 * Where the names of the allow-list stand. Rules and answers to builds are made from the same list, so a name never leads where the rules do not.
 * An address stays for an hour after DNS last said it: many hosts answer with a few of their addresses at a time, and a long download goes on.
 */
export interface PinnedAddresses {
  /** What is remembered; asks nobody. */
  read(): Promise<Addresses>;
  /** Asks DNS; what it did not answer keeps what it had. */
  resolve(): Promise<Resolved>;
  write(resolved: Resolved): Promise<void>;
}

export interface Resolved {
  readonly addresses: Addresses;
  readonly seen: Seen;
  /** Names without any address that builds may reach, each with the reason. */
  readonly missing: readonly string[];
}

type Seen = Readonly<Record<string, readonly { readonly address: string; readonly at: number }[]>>;

const keepMs = 3_600_000;
/** Whoever answers for a name cannot fill the firewall. */
const mostOfOneName = 64;

const SeenFile = z.record(
  z.string().refine((name) => parseHostName(name) === name),
  z.array(z.strictObject({ address: z.string().refine((text) => parseIpv4(text) !== undefined), at: z.number() })),
);

export function pinnedAddresses({ file, allow, resolve, now }: PinnedAddressesOptions): PinnedAddresses {
  const asked = allow.filter(needsResolving);

  async function readSeen(): Promise<Seen> {
    try {
      return SeenFile.parse(JSON.parse(await readFile(file, "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EACCES") throw notPermitted("read", file, error);
      // Not there, or torn: it is written anew at the next look.
      return {};
    }
  }

  async function lookUp(entry: AllowedHost, before: Seen[string]) {
    const at = now();
    let problem = "DNS has no address for it";
    let answered: readonly string[] = [];
    try {
      answered = await resolve(entry.host);
    } catch (error) {
      problem = `DNS: ${error instanceof Error ? error.message : String(error)}`;
    }
    const fit = answered.filter((text) => mayReach(text, entry));
    if (answered.length > 0 && fit.length === 0) problem = `DNS says ${answered.slice(0, 3).join(", ")}, ${forbidden(entry)}`;
    const kept = before.filter(({ address, at: seen }) => at - seen < keepMs && !fit.includes(address) && mayReach(address, entry));
    const seen = [...fit.map((address) => ({ address, at })), ...kept].slice(0, mostOfOneName);
    return { name: entry.host, seen, problem: seen.length === 0 ? `${entry.host}: ${problem}` : undefined };
  }

  return {
    read: async () => addressesOf(asked, await readSeen()),
    async resolve() {
      const before = await readSeen();
      const found = await Promise.all(
        asked.map((entry) => lookUp(entry, Object.hasOwn(before, entry.host) ? (before[entry.host] ?? []) : [])),
      );
      const seen = Object.fromEntries(found.map((one) => [one.name, one.seen]));
      return { seen, addresses: addressesOf(asked, seen), missing: found.flatMap(({ problem }) => problem ?? []) };
    },
    async write({ seen }) {
      try {
        await writeFor(dirname(dirname(file)), file, JSON.stringify(seen));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EACCES") throw notPermitted("write", file, error);
        throw error;
      }
    },
  };
}

/** Whole or not at all; it belongs to whom `home` belongs to, since root may write for a service that is not. */
async function writeFor(home: string, file: string, text: string): Promise<void> {
  const made = await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const { uid, gid } = await stat(home);
  const asRoot = process.geteuid?.() === 0;
  if (made === dirname(file) && asRoot) await lchown(made, uid, gid);
  const fresh = `${file}.${process.pid}`;
  await rm(fresh, { force: true });
  // A new file for sure: nobody has put a link in its place.
  await using handle = await open(fresh, "wx", 0o600);
  await handle.writeFile(text);
  if (asRoot) await handle.chown(uid, gid);
  await rename(fresh, file);
}

function notPermitted(verb: string, file: string, cause: unknown) {
  return appError("engine.network-not-permitted", `this process may not ${verb} ${file}`, {
    hint: "Let the user that runs flibs own the state directory",
    cause,
  });
}

/** Sorted, so that the order in which DNS answers changes no rule. */
function addressesOf(asked: readonly AllowedHost[], seen: Seen): Addresses {
  return new Map(
    asked.map((entry) => {
      const known = Object.hasOwn(seen, entry.host) ? (seen[entry.host] ?? []) : [];
      const fit = known.map(({ address }) => address).filter((address) => mayReach(address, entry));
      return [entry.host, [...new Set(fit)].sort()] as const;
    }),
  );
}

/** Whoever answers for a name must not be able to point it at the site's own machines. */
function mayReach(text: string, entry: AllowedHost): boolean {
  const address = parseIpv4(text);
  if (address === undefined) return false;
  const kind = kindOfSubnet({ first: address, bits: 32 });
  return kind === "public" || (kind === "private" && entry.private);
}

function forbidden(entry: AllowedHost): string {
  return entry.private ? "which no build may reach" : "which is private; private: true would allow that";
}
