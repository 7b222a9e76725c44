import type { CommitStatus } from "../forge/forge.ts";
import { type AuditPorts, hasFindings } from "./audit-run.ts";
import { isRepairable } from "./audit-states.ts";
import type { Audit, AuditFinding } from "./audit-store.ts";
import { cutTitle, escapeCode, escapeText } from "./escape.ts";
import { cutLines, mostSummary } from "./fit-text.ts";

/** Status of the audit, on the head of the registry-manifest repository that was read. */
export const auditStatusName = "flibs / audit";

const mostRows = 100;
const mostTold = 5000;

/**
 * Says what is new, once: a status on the commit that was read, and the log. What was said before is not said again; when everything is in order
 * again, the status that says otherwise is closed. May be repeated. Returns the commit where a status says that something is wrong.
 */
export async function tellFindings(ports: AuditPorts, run: string, audit: Audit): Promise<string | null> {
  const standing = (await ports.audits.listFindings({ limit: mostTold })).filter((one) => !one.pending);
  const fresh = await ports.audits.listFindings({ untold: true, limit: mostTold });
  if (fresh.length > 0) {
    ports.log.warn(
      { run, commit: audit.commit, findings: fresh.length, first: fresh.slice(0, 20) },
      "the registries are not what the registry manifests say",
    );
    await setAuditStatus(ports, audit.commit, wordFindings(standing), run);
    await ports.audits.markTold(fresh, ports.now().toISOString());
    return audit.commit;
  }
  const told = audit.toldCommit ?? null;
  if (told === null || standing.length > 0 || audit.unread > 0 || hasFindings(audit)) return told;
  await setAuditStatus(ports, told, { state: "success", title: "everything is in order again", summary: formatLooked(audit) }, run);
  return null;
}

/** State, title and table of what stands. Pure. */
export function wordFindings(findings: readonly AuditFinding[]): Pick<CommitStatus, "state" | "title" | "summary"> {
  const byState = new Map<string, number>();
  for (const { state } of findings) byState.set(state, (byState.get(state) ?? 0) + 1);
  const counted = [...byState].map(([state, count]) => `${count} ${state}`).join(", ");
  const rows = findings.slice(0, mostRows).map((one) => {
    const name = one.tag === "" ? one.imageRepository : `${one.imageRepository}:${one.tag}`;
    const next = isRepairable(one.state) ? "released again by itself" : "needs a person";
    return `| ${escapeCode(one.registry, 80)} | ${escapeCode(name, 300)} | **${one.state}** | ${escapeText(one.message, 600)} | ${next} |`;
  });
  const rest = findings.length > mostRows ? [`\nand ${findings.length - mostRows} more`] : [];
  const summary = [
    "The registries are not what this commit says. What was moved or is not managed is left alone.",
    "",
    "| registry | tag | what | | |",
    "|---|---|---|---|---|",
    ...rows,
    ...rest,
    "",
    "`flibs audit --last` shows all of it.",
  ].join("\n");
  // A tag that nobody manages breaks nothing.
  const state = findings.every((one) => one.state === "unmanaged") ? "neutral" : "failure";
  return { state, title: cutTitle(counted), summary };
}

function formatLooked({ images, finishedAt }: Audit): string {
  return `${images} images were looked at by ${finishedAt}.`;
}

async function setAuditStatus(ports: AuditPorts, commit: string, words: Pick<CommitStatus, "state" | "title" | "summary">, run: string) {
  const url = ports.settings.pageOf(run);
  await ports.forge.setStatus(ports.settings.repository, commit, {
    ...words,
    name: auditStatusName,
    summary: cutLines(words.summary, mostSummary),
    key: run,
    ...(url === undefined ? {} : { url }),
  });
}
