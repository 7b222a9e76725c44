import type { Hooks } from "../hooks.ts";
import { appRoutes } from "./app.ts";
import type { Handlers } from "./call.ts";
import { checkRoutes } from "./checks.ts";
import { commentRoutes } from "./comments.ts";
import { commitRoutes } from "./commits.ts";
import { contentRoutes } from "./contents.ts";
import { deliveryRoutes } from "./deliveries.ts";
import { gitDataRoutes } from "./git-data.ts";
import { pullRoutes } from "./pulls.ts";
import { repositoryRoutes } from "./repositories.ts";
import { statusRoutes } from "./statuses.ts";

/** Every operation's handler, by operationId; `rate-limit/get` is the server's own. */
export function allRoutes(hooks: Hooks): Handlers {
  return {
    ...appRoutes,
    ...deliveryRoutes(hooks),
    ...repositoryRoutes,
    ...checkRoutes,
    ...statusRoutes,
    ...pullRoutes,
    ...commentRoutes,
    ...contentRoutes,
    ...commitRoutes,
    ...gitDataRoutes,
  };
}
