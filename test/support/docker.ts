import Docker from "dockerode";

/** The engine that tests use; the same default as the settings. */
export const dockerSocket = "/var/run/docker.sock";

/**
 * The client of an engine that answers. Throws with the reason and the mending command otherwise: a test that needs the engine fails
 * without it, it is never skipped in silence.
 */
export async function requireDocker(socket = dockerSocket): Promise<Docker> {
  const docker = new Docker({ socketPath: socket, timeout: 120_000 });
  try {
    await docker.ping();
  } catch (error) {
    throw new Error(`Docker Engine does not answer on ${socket} (${error instanceof Error ? error.message : error}): run scripts/setup`, {
      cause: error,
    });
  }
  return docker;
}
