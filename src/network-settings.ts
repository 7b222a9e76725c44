import { z } from "zod";
import { parseHostName } from "./domain/host-name.ts";
import { kindOfSubnet, overlaps, parseSubnet } from "./domain/ipv4.ts";

/** `443`, or a range `8000-8010`; as text, so that an entry has one shape. */
const Port = z
  .union([z.number().int(), z.string()])
  .transform(String)
  .refine((text) => isPortRange(text), { error: "write a port from 1 to 65535, or a range as in 8000-8010" });

const AllowedHost = z
  .strictObject({
    host: z
      .string()
      .transform((text) => parseHostName(text) ?? text)
      .refine((text) => parseHostName(text) !== undefined || isOpenSubnet(text), {
        error:
          "write a host's whole name, an IPv4 address, or a subnet as in 10.1.2.0/24; this machine, this link and all addresses can't be allowed",
      })
      .describe("Name, IPv4 address or subnet that builds may reach; no wildcards"),
    ports: z.array(Port).min(1).max(16).default(["443"]).describe("TCP ports and ranges, as 443 or 8000-8010; 443 when left out"),
    addresses: z
      .array(
        z
          .string()
          .refine((text) => isOpenSubnet(text) && !text.includes("/"), { error: "write an IPv4 address that is not this machine or link" }),
      )
      .max(64)
      .default([])
      .describe("Where the name stands, in place of what DNS says"),
    private: z.boolean().default(false).describe("DNS may answer for this name with addresses of private networks"),
  })
  .refine(({ host, addresses }) => addresses.length === 0 || parseSubnet(host) === undefined, {
    error: "only a name has addresses",
    path: ["addresses"],
  });

const Closed = z
  .strictObject({
    mode: z.literal("closed").describe("closed: builds reach what is on the allow-list and nothing else, docs/build-network.md sets it up"),
    allow: z
      .array(AllowedHost)
      .max(256)
      .refine((all) => new Set(all.map(({ host }) => host)).size === all.length, { error: "name each host once, with all of its ports" })
      .default([])
      .describe("What builds may reach; nothing when left out"),
    bridge: z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,14}$/, "write at most 15 lower-case letters, digits, dashes and underscores")
      .default("flibs0")
      .describe("Bridge that the builds' containers sit on"),
    subnet: z
      .string()
      .refine((text) => isBridgeSubnet(text), { error: "write a private subnet of /16 to /29, as in 10.213.77.0/24" })
      .default("10.213.77.0/24")
      .describe("Addresses of the bridge, which has the first one, and of containers"),
    daemon: z
      .enum(["own", "site"])
      .default("own")
      .describe(
        "own: flibs starts a Docker Engine for builds and uses it in place of the one that engines names; site: that one, all of whose containers on its default bridge are then closed in",
      ),
    dataRoot: z
      .string()
      .default("build-daemon")
      .describe("Where the own engine keeps images, its daemon.json and log; relative to the state directory"),
    group: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "write the name of a group")
      .optional()
      .describe("Group that may use the own engine's socket, which is as good as being root; root only when left out"),
  })
  .refine(({ allow, subnet }) => !allow.some(({ host, addresses }) => [host, ...addresses].some((text) => within(text, subnet))), {
    error: "an allowed host lies in the builds' own subnet, where only other containers are",
    path: ["allow"],
  });

/** What RUN lines can reach. */
export const NetworkSettings = z
  .discriminatedUnion("mode", [
    z.strictObject({ mode: z.literal("none").describe("none, when left out: builds have no network at all, which needs no set-up") }),
    Closed,
    z.strictObject({
      mode: z.literal("open").describe("open: builds reach whatever the engine reaches, this machine too, only to try things out"),
    }),
  ])
  .prefault({ mode: "none" })
  .describe("What the RUN lines of builds can reach");
export type NetworkSettings = z.infer<typeof NetworkSettings>;

function isPortRange(text: string): boolean {
  const [, from = "", to = from] = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text) ?? [];
  return from !== "" && Number(from) <= Number(to) && Number(to) <= 65_535;
}

function isOpenSubnet(text: string): boolean {
  const subnet = parseSubnet(text);
  return subnet !== undefined && kindOfSubnet(subnet) !== "never";
}

function isBridgeSubnet(text: string): boolean {
  const subnet = parseSubnet(text);
  return subnet !== undefined && subnet.bits >= 16 && subnet.bits <= 29 && kindOfSubnet(subnet) === "private";
}

function within(text: string, own: string): boolean {
  const [one, other] = [parseSubnet(text), parseSubnet(own)];
  return one !== undefined && other !== undefined && overlaps(one, other);
}
