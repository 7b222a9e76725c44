import { z } from "zod";
import { duration } from "./config-durations.ts";
import { resultsSettings } from "./config-results.ts";
import { tmtSetting } from "./config-tmt.ts";

const days = (fallback: string, text: string) =>
  z
    .string()
    .regex(/^[1-9]\d{0,3}(h|d)$/, "write a number and h or d, as in 30d")
    .default(fallback)
    .describe(text);

/** Setting `gating`: how images are tested, and what has to be true before one is promoted, beside the required tests of its own repository. */
export const gatingSetting = z
  .strictObject({
    context: z
      .string()
      .regex(/^[A-Za-z0-9][\w.-]{0,99}$/, "write letters, digits and _ . -")
      .default("flibs_promote")
      .describe("Decision context that promotions are asked about: policies that name it count"),
    productVersions: z
      .array(
        z.strictObject({
          branch: z.string().min(1).max(100).describe("Branches; * stands for any letters but /"),
          productVersion: z.string().min(1).max(100).describe("What their builds are for; * becomes what the branch has there"),
        }),
      )
      .max(100)
      .default([
        { branch: "f*", productVersion: "fedora-*" },
        { branch: "epel*", productVersion: "epel-*" },
        { branch: "main", productVersion: "fedora-rawhide" },
        { branch: "rawhide", productVersion: "fedora-rawhide" },
      ])
      .describe("Greenwave's product versions; the first that fits counts, and a branch that none fits is one itself"),
    policies: z
      .string()
      .optional()
      .describe(
        "Directory with the operators' policies in Greenwave's form, *.yaml; read when flibs starts; relative to the settings file",
      ),
    greenwave: z
      .strictObject({
        url: z
          .url({ protocol: /^https?$/ })
          .describe("A Greenwave that decides in the place of gating.policies; never in that of a repository's required tests"),
        timeout: duration("20s", "Longest answer"),
      })
      .optional()
      .describe("Another service that decides"),
    waivers: z
      .strictObject({
        length: days("30d", "How long a waiver holds when whoever gives it does not say"),
        most: days("365d", "How long a waiver may hold at most"),
      })
      .prefault({})
      .describe("Waivers of tests"),
    ...resultsSettings,
    tmt: tmtSetting,
  })
  .refine(({ policies, greenwave }) => policies === undefined || greenwave === undefined, {
    error: "a Greenwave decides in the place of policies: leave one of them out",
    path: ["greenwave"],
  })
  .prefault({})
  .describe("Tests of images, and what has to be true before one is promoted, beside the required tests of its repository; docs/gating.md");
