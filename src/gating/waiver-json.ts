import type { Waiver } from "./waivers.ts";

/** A waiver as WaiverDB's API shows it, with one member more: when it ends. The keys stand in alphabetical order, as there. Pure. */
export function formatWaiver({ id, subject, testcase, username, productVersion, waived, comment, timestamp, expiresAt }: Waiver) {
  return {
    comment,
    expires_at: expiresAt === undefined ? null : pythonTime(expiresAt),
    id,
    product_version: productVersion,
    proxied_by: null,
    scenario: null,
    subject: { item: subject.identifier, type: subject.type },
    subject_identifier: subject.identifier,
    subject_type: subject.type,
    testcase,
    timestamp: pythonTime(timestamp),
    username,
    waived,
  };
}

/** `2026-11-23T19:29:24.163000`: UTC that does not say so, in microseconds. */
export function pythonTime(iso: string): string {
  return new Date(iso).toISOString().replace("Z", "000");
}
