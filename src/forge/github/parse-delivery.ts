import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { Probot } from "probot";
import { appError, isAppError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";
import type { ForgeEvent } from "../event.ts";
import type { RawDelivery } from "../forge.ts";
import { listenTo } from "./probot-app.ts";

export interface DeliveryParserOptions {
  readonly forge: string;
  readonly appId: number;
  readonly privateKey: string;
  readonly log: Log;
}

/**
 * See {@link ForgeInbox.parseDelivery}. The one Probot instance has no server and no middleware: deliveries come from the inbox, verified, and
 * what its handlers hear during a call is the answer of that call.
 */
export function deliveryParser(options: DeliveryParserOptions): (delivery: RawDelivery) => Promise<readonly ForgeEvent[]> {
  const heard = new AsyncLocalStorage<ForgeEvent[]>();
  let probot: Probot | undefined;
  return async (delivery) => {
    probot ??= openProbot(options, (event) => heard.getStore()?.push(event));
    const events: ForgeEvent[] = [];
    await heard.run(events, () => receive(probot as Probot, delivery));
    return events;
  };
}

function openProbot({ forge, appId, privateKey, log }: DeliveryParserOptions, hear: (event: ForgeEvent) => void): Probot {
  const probot = new Probot({
    appId,
    privateKey,
    // Never used, and without one Probot would take a word that everybody knows.
    secret: randomBytes(32).toString("hex"),
    log: probotLog(log),
  });
  listenTo(probot, { forge, appId, hear });
  return probot;
}

/** A malformed delivery is told by whoever parses it; Probot would log it once more with its whole payload. */
function probotLog(log: Log): NonNullable<ConstructorParameters<typeof Probot>[0]>["log"] {
  const quiet = () => {};
  const own = { debug: quiet, trace: quiet, info: quiet, warn: log.warn.bind(log), error: quiet, fatal: quiet, child: () => own };
  return own as never;
}

async function receive(probot: Probot, delivery: RawDelivery): Promise<void> {
  const event = {
    id: (headerOf(delivery, "x-github-delivery") ?? "").toLowerCase(),
    name: headerOf(delivery, "x-github-event") ?? "",
    payload: parseBody(delivery),
  };
  try {
    await probot.receive(event as Parameters<Probot["receive"]>[0]);
  } catch (error) {
    // Handlers of one event run side by side and their errors come together.
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    for (const one of errors) if (isAppError(one)) throw one;
    for (const one of errors) if (one instanceof Error && isAppError(one.cause)) throw one.cause;
    throw error;
  }
}

function parseBody({ headers, body }: RawDelivery): unknown {
  try {
    const text = new TextDecoder("utf8", { fatal: true }).decode(body);
    // A hook set to "application/x-www-form-urlencoded" sends the same in one field.
    const isForm = /^application\/x-www-form-urlencoded/i.test(headers["content-type"] ?? "");
    const payload: unknown = JSON.parse(isForm ? (new URLSearchParams(text).get("payload") ?? "") : text);
    if (typeof payload === "object" && payload !== null) return payload;
  } catch (cause) {
    throw appError("intake.delivery-malformed", "the delivery's body is no JSON", { cause });
  }
  throw appError("intake.delivery-malformed", "the delivery's body is no JSON object");
}

function headerOf(delivery: RawDelivery, name: string): string | undefined {
  return delivery.headers[name] ?? Object.entries(delivery.headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
