import type { Attempt, Hooks } from "../hooks.ts";
import { notFound, Refusal, type World } from "../world.ts";
import { type Call, type Handlers, ok } from "./call.ts";

/** GitHub keeps deliveries for three days. */
const retentionMs = 3 * 24 * 3_600_000;

export function deliveryRoutes(hooks: Hooks): Handlers {
  const kept = (world: World) => hooks.attempts.filter((each) => world.now().getTime() - Date.parse(each.at) < retentionMs);
  function find({ world, params }: Call): Attempt {
    const found = kept(world).find((each) => each.id === Number(params.delivery_id));
    if (!found) throw notFound();
    return found;
  }
  return {
    /** Newest first, by cursor. `success` and `failure` leave out what had no answer. */
    "apps/list-webhook-deliveries": (call) => {
      const status = call.query.get("status");
      const cursor = call.query.get("cursor");
      const before = cursor === null ? Number.MAX_SAFE_INTEGER : Number(/^v1_(\d+)$/.exec(cursor)?.[1] ?? Number.NaN);
      if (Number.isNaN(before)) throw new Refusal(422, "Invalid cursor");
      const fits = ({ statusCode: code }: Attempt) =>
        status === null || (status === "success" ? code >= 200 && code < 400 : code >= 400 && code < 600);
      const found = kept(call.world)
        .filter((each) => each.id < before && fits(each))
        .reverse();
      const perPage = Math.min(100, Math.max(1, Number(call.query.get("per_page") ?? 30)));
      const shown = found.slice(0, perPage);
      const body = shown.map(itemView);
      const last = shown.at(-1);
      if (!last || found.length <= perPage) return ok(body);
      const url = new URL(call.url);
      url.searchParams.set("cursor", `v1_${last.id}`);
      return { status: 200, body, headers: { link: `<${url.href}>; rel="next"` } };
    },

    "apps/get-webhook-delivery": (call) => {
      const attempt = find(call);
      return ok({
        ...itemView(attempt),
        url: hooks.url,
        request: { headers: attempt.requestHeaders, payload: attempt.delivery.payload },
        response: { headers: attempt.responseHeaders, payload: attempt.responseBody },
      });
    },

    "apps/redeliver-webhook-delivery": (call) => {
      // Sent after the answer, as GitHub does; `hooks.settled()` waits for it.
      void hooks.redeliver(find(call).id);
      return { status: 202, body: {} };
    },
  };
}

function itemView({ id, delivery, redelivery, at, duration, status, statusCode }: Attempt) {
  return {
    id,
    guid: delivery.guid,
    delivered_at: at,
    redelivery,
    duration,
    status,
    status_code: statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}
