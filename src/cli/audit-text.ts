import { formatAge } from "../domain/amounts.ts";
import { type AuditLine, auditStates } from "../promotion/audit-states.ts";
import type { Audit, AuditFinding } from "../promotion/audit-store.ts";
import type { AuditedImage } from "../promotion/audit-walk.ts";
import { formatTable, plain, type Terminal, type Tone, tint } from "./terminal.ts";

const widest = Math.max(...auditStates.map((state) => state.length));
const mostUnread = 20;

/** A line for each thing that is not in order, as soon as it is known; what registries say is made plain. */
export function formatFinding(terminal: Terminal, image: AuditedImage): readonly string[] {
  const name = `${image.registry} ${image.imageRepository}`;
  if (image.failed !== undefined) return [`${tint(terminal, "busy", "not looked at".padEnd(widest))}  ${name}  ${oneLine(image.failed)}\n`];
  return image.lines
    .filter((line) => line.state !== "ok")
    .map((line) => {
      const tag = line.tag === "" ? "" : `:${line.tag}`;
      const state = tint(terminal, toneOf(line), line.state.padEnd(widest));
      return `${state}  ${name}${plain(tag)}  ${plain(line.digest).slice(0, 19)}  ${oneLine(line.message)}\n`;
    });
}

export function formatFindings(terminal: Terminal, findings: readonly AuditFinding[]): string {
  if (findings.length === 0) return "";
  const rows = findings.map((one) => [
    { text: one.state, tone: toneOf(one) },
    one.registry,
    one.tag === "" ? one.imageRepository : `${one.imageRepository}:${one.tag}`,
    one.digest.slice(0, 19),
    one.firstSeenAt.slice(0, 16).replace("T", " "),
    `${one.message}${one.pending ? " (waits for its release)" : ""}`,
  ]);
  return formatTable(terminal, ["STATE", "REGISTRY", "TAG", "DIGEST", "SINCE", ""], rows);
}

/** What was looked at, when, and what came of it. */
export function describeAudit(terminal: Terminal, audit: Audit, now: number): string {
  const counted = auditStates.filter((state) => audit.counts[state] > 0).map((state) => `${audit.counts[state]} ${state}`);
  const deep = audit.deep ? ", every layer asked for" : "";
  const head = `${audit.images} ${audit.images === 1 ? "image" : "images"} looked at ${formatAge(audit.finishedAt, now)}${deep}: ${counted.join(", ") || "nothing is wanted"}\n`;
  if (audit.unread === 0) return head;
  const named = audit.unreadImages.slice(0, mostUnread).map((one) => `  ${one.registry} ${one.imageRepository}: ${oneLine(one.why)}\n`);
  const rest = audit.unread > named.length ? [`  and ${audit.unread - named.length} more\n`] : [];
  return [head, tint(terminal, "bad", `${audit.unread} could not be looked at:\n`), ...named, ...rest].join("");
}

function toneOf({ state }: Pick<AuditLine, "state">): Tone {
  return state === "unmanaged" ? "busy" : "bad";
}

function oneLine(text: string): string {
  return plain(text).replace(/\s+/g, " ");
}
