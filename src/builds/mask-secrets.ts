/** Replaces secrets that flibs knows, and what looks like one in a URL or header. For logs, statuses and comments. */
export function maskSecrets(secrets: readonly string[]): (text: string) => string {
  // Very short ones would mask half of every word; the longest first, so that one within another leaves nothing over.
  const known = [...new Set(secrets)].filter((secret) => secret.length >= 6).sort((a, b) => b.length - a.length);
  return (text) => {
    let masked = text;
    for (const secret of known) masked = masked.replaceAll(secret, "(masked)");
    return masked
      .replace(/(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/@]{1,200}:)[^\s/@]{1,500}@/gi, "$1(masked)@")
      .replace(
        /(\bauthorization\s*:\s*)(?:(basic|bearer)\s+)?[^\s"']{1,4000}/gi,
        (_, head: string, scheme?: string) => `${head}${scheme ? `${scheme} ` : ""}(masked)`,
      );
  };
}
