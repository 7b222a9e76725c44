/** Names of the documents that are kept with a finished build. */
export const metadataName = "metadata.json";
export const provenanceName = "provenance.intoto.json";
export const sbomNames = {
  spdx: (architecture: string) => `${architecture}.spdx.json`,
  cyclonedx: (architecture: string) => `${architecture}.cdx.json`,
} as const;
