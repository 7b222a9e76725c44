import { type Logger, pino } from "pino";

/** What rooms get to log with: constant sentences, what varies in fields. */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error"> & { child(fields: Record<string, unknown>): Log };

/** Fields that may hold a secret are never written, whoever logs them. */
const redact = ["*.password", "*.token", "*.secret", "*.credential", "password", "token", "secret", "credential", "headers.authorization"];

export function createLog(level: string, destination?: NodeJS.WritableStream): Log {
  const options = { level, redact: { paths: redact, censor: "(masked)" }, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}

/** For tests and one-shot commands. */
export const silentLog: Log = pino({ level: "silent" });
