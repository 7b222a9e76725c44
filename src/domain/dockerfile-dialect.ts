/** What a Dockerfile may use beyond what every builder understands. */
export type DockerfileFeature = "run-mount" | "run-network" | "copy-chmod" | "copy-link" | "heredoc";

export const dockerfileFeatures: readonly DockerfileFeature[] = ["run-mount", "run-network", "copy-chmod", "copy-link", "heredoc"];

/** What a builder, or each of several, understands of a Dockerfile. */
export interface DockerfileDialect {
  readonly builder: "classic" | "buildkit";
  readonly features: readonly DockerfileFeature[];
}

export const classicDialect: DockerfileDialect = { builder: "classic", features: [] };

/** Nobody could say what the builders understand: nothing is refused for what they may lack. */
export const unknownDialect: DockerfileDialect = { builder: "classic", features: dockerfileFeatures };

/** What every one of them understands. Pure. */
export function commonDialect(dialects: readonly DockerfileDialect[]): DockerfileDialect {
  if (dialects.length === 0) return classicDialect;
  return {
    builder: dialects.some((one) => one.builder === "classic") ? "classic" : "buildkit",
    features: dockerfileFeatures.filter((feature) => dialects.every((one) => one.features.includes(feature))),
  };
}
