/** What a person may do in a repository, least first; the names are GitHub's roles. A forge that knows fewer leaves some out. */
export const permissions = ["none", "read", "triage", "write", "maintain", "admin"] as const;
export type Permission = (typeof permissions)[number];

export function permits(has: Permission, least: Permission): boolean {
  return permissions.indexOf(has) >= permissions.indexOf(least);
}
