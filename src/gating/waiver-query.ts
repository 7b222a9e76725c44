import { z } from "zod";
import type { WaiverFilter } from "./waivers.ts";

const Text = z
  .string()
  .max(300)
  .refine((text) => !text.includes("\0"), "has a NUL character");
const times = /^([^,]*)(?:,(.*))?$/;
const Flag = z.union([z.boolean(), z.enum(["true", "false", "1", "0", "True", "False"]).transform((word) => /^(1|true)$/i.test(word))]);

/** WaiverDB's filters; what it does not know is passed over, as there. `proxied_by` fits nothing: nobody gives a waiver for somebody else here. */
const Filter = z.object({
  subject_type: Text.optional(),
  subject_identifier: Text.optional(),
  testcase: Text.optional(),
  product_version: Text.optional(),
  username: Text.optional(),
  proxied_by: Text.optional(),
  since: Text.refine((text) => readSince(text) !== undefined, "is no ISO 8601 time, or two parted by a comma").optional(),
  scenario: Text.nullish(),
});
type Filter = z.infer<typeof Filter>;

export const ListQuery = Filter.extend({
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  limit: z.coerce.number().int().min(1).max(100).default(10),
  include_obsolete: Flag.default(false),
});

/** `POST …/+filtered`: any of them. */
export const FilteredBody = z.object({ filters: z.array(Filter).min(1).max(100), include_obsolete: Flag.default(false) });

/** `POST …/+by-subjects-and-testcases`: any of the results, and what stands beside them. */
export const SubjectsBody = Filter.extend({
  results: z
    .array(
      z.object({ subject: z.object({ type: Text.optional(), item: Text.optional(), original_spec_nvr: Text.optional() }), testcase: Text }),
    )
    .max(100)
    .default([]),
  include_obsolete: Flag.default(false),
});

/** Undefined for one that nothing can fit. Pure. */
export function filterOf(filter: Filter): WaiverFilter | undefined {
  if (filter.proxied_by || filter.scenario) return undefined;
  const [since, until] = (filter.since === undefined ? undefined : readSince(filter.since)) ?? [];
  const words = {
    subjectType: filter.subject_type === "brew-build" ? "koji_build" : filter.subject_type,
    ...{ subjectIdentifier: filter.subject_identifier, testcase: filter.testcase, username: filter.username },
    ...{ productVersion: filter.product_version, since, until },
  };
  // An empty parameter is none, as in WaiverDB.
  return Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined && value !== ""));
}

export function filtersOfResults({ results, include_obsolete: _, ...about }: z.infer<typeof SubjectsBody>): readonly WaiverFilter[] {
  const common = filterOf(about);
  if (common === undefined) return [];
  if (results.length === 0) return [common];
  return results.flatMap(({ subject, testcase }) => {
    const nvr = subject.original_spec_nvr;
    const named =
      nvr === undefined
        ? { subject_type: subject.type, subject_identifier: subject.item }
        : { subject_type: "koji_build", subject_identifier: nvr };
    const filter = filterOf({ ...named, testcase });
    return filter === undefined || named.subject_identifier === undefined ? [] : [{ ...common, ...filter }];
  });
}

/** Times without a zone are UTC. */
function readSince(text: string): readonly [string | undefined, string | undefined] | undefined {
  const [, start = "", end = ""] = times.exec(text) ?? [];
  const read = (time: string) => {
    if (time === "") return undefined;
    const at = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/i.test(time) || !time.includes("T") ? time : `${time}Z`);
    return Number.isNaN(at) ? null : new Date(at).toISOString();
  };
  const [since, until] = [read(start), read(end)];
  return since === null || until === null ? undefined : [since, until];
}
