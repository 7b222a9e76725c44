/** The `code` of an error of Node or PostgreSQL; empty without one. Not by `instanceof`, which fails across realms. */
export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
