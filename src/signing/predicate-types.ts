/** What statements say about an image, by the names that people give it. */
export const predicateTypes = {
  provenance: "https://slsa.dev/provenance/v1",
  spdx: "https://spdx.dev/Document",
  cyclonedx: "https://cyclonedx.org/bom",
  /** docs/attestations.md and schemas/promotion-record.json. A changed meaning gets a new number. */
  promotion: "tag:flibs,2026:promotion/v1",
} as const;
