import type { Audit, AuditFinding, AuditStore } from "../../src/promotion/audit-store.ts";

/** An {@link AuditStore} in memory; behaves as the one in PostgreSQL. */
export function memoryAuditStore() {
  const audits: Audit[] = [];
  let findings: (AuditFinding & { told?: string })[] = [];
  const keyOf = (one: Pick<AuditFinding, "registry" | "imageRepository" | "tag" | "digest" | "state">) =>
    [one.registry, one.imageRepository, one.tag, one.digest, one.state].join(" ");
  const isLast = (one: AuditFinding) => one.pending || one.state === "unmanaged";
  const sortKeyOf = (one: AuditFinding) => [one.registry, one.imageRepository, one.tag].join(" ");
  const store: AuditStore = {
    async saveFindings(place, lines, { at, pending }) {
      const isHere = (one: AuditFinding) => one.registry === place.registry && one.imageRepository === place.imageRepository;
      const known = new Map(findings.filter(isHere).map((one) => [keyOf(one), one]));
      const now = lines.map((line) => {
        const before = known.get(keyOf({ ...place, ...line }));
        return { ...before, ...place, ...line, pending, firstSeenAt: before?.firstSeenAt ?? at, seenAt: at };
      });
      findings = [...findings.filter((one) => !isHere(one)), ...now];
    },
    listPlaces: async () => [
      ...new Map(
        findings.map(({ registry, imageRepository }) => [`${registry} ${imageRepository}`, { registry, imageRepository }]),
      ).values(),
    ],
    listFindings: async ({ imageRepository, registry, untold, limit }) =>
      findings
        .filter((one) => (imageRepository ?? one.imageRepository) === one.imageRepository && (registry ?? one.registry) === one.registry)
        .filter((one) => !untold || (one.told === undefined && !one.pending))
        .sort((a, b) => Number(isLast(a)) - Number(isLast(b)) || (sortKeyOf(a) < sortKeyOf(b) ? -1 : 1))
        .slice(0, limit),
    async markTold(told, at) {
      const keys = new Set(told.map(keyOf));
      findings = findings.map((one) => (keys.has(keyOf(one)) ? { ...one, told: at } : one));
    },
    async saveAudit(audit) {
      const index = audits.findIndex((one) => one.id === audit.id);
      if (index >= 0) audits[index] = audit;
      else audits.unshift(audit);
    },
    listAudits: async ({ whole, limit }) => audits.filter((one) => (whole ?? one.whole) === one.whole).slice(0, limit),
  };
  return store;
}
