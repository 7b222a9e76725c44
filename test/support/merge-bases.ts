/** Best common ancestors in a history held in memory: what both can reach, without what another of them can reach. */
export function mergeBases(parentsOf: (commit: string) => readonly string[], a: string, b: string): readonly string[] {
  const reach = (start: string): ReadonlySet<string> => {
    const seen = new Set([start]);
    for (const one of seen) for (const parent of parentsOf(one)) seen.add(parent);
    return seen;
  };
  const known = reach(a);
  const common = [...reach(b)].filter((one) => known.has(one));
  return common.filter((one) => !common.some((other) => other !== one && reach(other).has(one))).sort();
}
