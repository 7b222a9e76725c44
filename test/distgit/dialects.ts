import { classicDialect, type DockerfileDialect } from "../../src/domain/dockerfile-dialect.ts";

/** Of a builder that knows here-documents, or knows nothing but what all know. */
export function heredocDialect(heredocs = true): DockerfileDialect {
  return heredocs ? { ...classicDialect, features: ["heredoc"] } : classicDialect;
}
