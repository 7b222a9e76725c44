import { type Logger, pino } from "pino";

/** What rooms get to log with: constant sentences, what varies in fields. */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error"> & { child(fields: Record<string, unknown>): Log };

/** Fields that may hold a secret are never written, whoever logs them. */
const redact = ["*.password", "*.token", "*.secret", "*.credential", "password", "token", "secret", "credential", "headers.authorization"];

export function createLog(level: string, destination?: NodeJS.WritableStream): Log {
  // pino knows errors only under "err"; here they are also "error" and "cause".
  const serializers = { err: pino.stdSerializers.err, error: pino.stdSerializers.err, cause: pino.stdSerializers.err };
  const options = { level, serializers, redact: { paths: redact, censor: "(masked)" }, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}

/** For tests and one-shot commands. */
export const silentLog: Log = pino({ level: "silent" });
