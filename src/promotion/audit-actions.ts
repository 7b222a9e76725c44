import { startRepairs } from "./audit-repair.ts";
import { type AuditPorts, carryOutAudit } from "./audit-run.ts";
import type { Audit, AuditFinding, ImagePlace } from "./audit-store.ts";
import type { AuditedImage, AuditScope } from "./audit-walk.ts";

const mostShown = 100_000;

/** What a person asks for by hand; looking and mending are the timer's own. Each look is kept. `uniqueId` gives another text each time. */
export function auditActions(ports: AuditPorts, uniqueId: () => string) {
  return {
    async look(scope: AuditScope, signal: AbortSignal, onImage: (image: AuditedImage, total: number) => void): Promise<Audit | undefined> {
      const audit = await carryOutAudit(ports, `by hand ${uniqueId()}`, scope, signal, (image, walk) => onImage(image, walk.total));
      if (audit !== undefined) await ports.audits.saveAudit(audit);
      return audit;
    },
    async last(imageRepository: string | undefined): Promise<{ audit: Audit | undefined; findings: readonly AuditFinding[] }> {
      const [audit] = await ports.audits.listAudits({ whole: true, limit: 1 });
      return { audit, findings: await ports.audits.listFindings({ imageRepository, limit: mostShown }) };
    },
    repair: (places: readonly ImagePlace[], commit: string): Promise<readonly string[]> =>
      startRepairs(ports, places, commit, `by hand ${uniqueId()}`),
  };
}
