/** How a build is called where tests are decided about. */
export const subjectTypes = {
  /** `name-version-release` */
  nvr: "koji_build",
  /** Of the manifest list. */
  digest: "container-image",
} as const;
