import { type AppError, appError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";

/** `reports`: flags and comments; `promotions`: the branch and the pull request of a promotion. */
export type TokenUse = "reports" | "promotions";

export interface PagureToken {
  /** The id is the secret. */
  readonly secret: string;
  /** Last day, `2027-01-31`; undefined when the settings do not tell. Pagure never says it. */
  readonly expires: string | undefined;
}

export interface TokenWatch {
  secretOf(use: TokenUse): string;
  /** Throws `forge.token-refused` when this was refused before: nothing is asked again before a person mended it. */
  demandGood(use: TokenUse, acl: string): void;
  /** After an answer of 401: stops what this token does, or only what needs this ACL, and says it once. Returns what to throw. */
  refused(use: TokenUse, acl: string, reason: string): AppError;
  /** Days until the last day of a token is over; undefined when nobody said when that is. */
  daysLeft(use: TokenUse): number | undefined;
  /** Warns of tokens that end soon, once a day each. */
  lookAtExpiry(): void;
}

const dayMs = 86_400_000;
/** Making a token takes an administrator on some instances. */
const warnDays = 30;

export function watchTokens(tokens: Readonly<Record<TokenUse, PagureToken>>, log: Log, now: () => Date): TokenWatch {
  const stopped = new Map<string, AppError>();
  const warnedOn = new Map<TokenUse, string>();
  const uses = tokens.reports.secret === tokens.promotions.secret ? (["reports"] as const) : (["reports", "promotions"] as const);

  function daysLeft(use: TokenUse): number | undefined {
    const { expires } = tokens[use];
    return expires === undefined ? undefined : Math.ceil((Date.parse(`${expires}T00:00:00Z`) + dayMs - now().getTime()) / dayMs);
  }

  return {
    secretOf: (use) => tokens[use].secret,
    demandGood(use, acl) {
      const error = stopped.get(use) ?? stopped.get(`${use} ${acl}`);
      if (error !== undefined) throw error;
    },
    refused(use, acl, reason) {
      const lacks = /missing acls/i.test(reason);
      const error = appError("forge.token-refused", `Pagure refuses the token for ${use}: ${reason}`, {
        hint: lacks
          ? `Make a token that has ${acl} (docs/pagure.md), put it in place of the old one and restart flibs`
          : "It is expired, revoked or another project's: make a new one (docs/pagure.md), put it in its place and restart flibs",
        details: { status: 401, use, acl },
      });
      const key = lacks ? `${use} ${acl}` : use;
      if (!stopped.has(key)) {
        stopped.set(key, error);
        log.error({ use, acl, reason }, "Pagure refuses a token: flibs writes nothing with it until it is replaced and flibs is restarted");
      }
      return error;
    },
    daysLeft,
    lookAtExpiry() {
      const today = now().toISOString().slice(0, 10);
      for (const use of uses) {
        const days = daysLeft(use);
        if (days === undefined || days > warnDays || warnedOn.get(use) === today) continue;
        warnedOn.set(use, today);
        const { expires } = tokens[use];
        if (days <= 0) log.error({ use, expires }, "a token for Pagure has expired by the settings");
        else log.warn({ use, expires, days }, "a token for Pagure expires soon");
      }
    },
  };
}
