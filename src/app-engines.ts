import { join } from "node:path";
import { type Settings, sizeBytes } from "./config.ts";
import { optional } from "./config-values.ts";
import { confinedEngine } from "./engines/confined-engine.ts";
import { dockerEngine } from "./engines/docker/docker-engine.ts";
import { moveNotes } from "./engines/docker/move-notes.ts";
import { buildPlace } from "./engines/network/open-network.ts";

/** The settings' engines, and the network that holds what runs there. Opening connects to nothing. */
export function openEngines(settings: Settings, installation: string) {
  const { network, socket, networkMode } = buildPlaceOf(settings);
  const isClosed = settings.network.mode === "closed";
  const notes = join(settings.stateDirectory, "engine");
  moveNotes(
    notes,
    settings.engines.map(({ name }) => name),
  );
  const members = settings.engines.map(({ name, host, tls, platforms, slots, builder, buildCgroup, keepCache }) => {
    const opened = dockerEngine({
      // A closed network allows one engine only, which may be another than the one that the settings name.
      ...{ name, slots, builder, installation, networkMode, host: isClosed ? `unix://${socket}` : host },
      stateDirectory: join(notes, name),
      maxContextBytes: sizeBytes(settings.limits.context),
      ...optional("tls", tls),
      ...optional("platforms", platforms),
      ...optional("buildCgroup", buildCgroup),
      ...optional("keepCacheBytes", keepCache === undefined ? undefined : sizeBytes(keepCache)),
    });
    const engine = isClosed ? { ...confinedEngine(opened, network), close: opened.close } : opened;
    return { slots, ...optional("platforms", platforms), engine };
  });
  return { members, network };
}

/** Where builds run and what they reach; also for commands that need no database. */
export function buildPlaceOf(settings: Settings) {
  const [{ host, buildCgroup } = { host: "", buildCgroup: undefined }] = settings.engines;
  return buildPlace(settings.network, {
    ...{ socket: host.replace(/^unix:\/\//, ""), stateDirectory: settings.stateDirectory },
    ...optional("cgroupParent", buildCgroup),
  });
}
