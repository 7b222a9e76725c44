import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { causeOfBuildError, throwUnlessOwn } from "../../src/engines/docker/build-error.ts";

const containerd = "/run/containerd/containerd.sock";

test.each([
  // The classic builder, then BuildKit in its younger and older words.
  "COPY failed: file not found in build context or excluded by .dockerignore: stat containerd.toml: file does not exist",
  "COPY failed: file not found in build context or excluded by .dockerignore: stat daemon.json: file does not exist",
  "ADD failed: stat /var/lib/docker/tmp/docker-builder1/shutting down: no such file or directory",
  'failed to compute cache key: failed to calculate checksum of ref moby::0x: "/containerd.toml": not found',
  'failed to compute cache key: "/daemon is shutting down" not found: not found',
  "failed to compute cache key: failed to walk /var/lib/docker/tmp/buildkit-mount1/containerd: lstat /x/containerd: no such file or directory",
  "COPY failed: no source files were specified: dial unix /run/x: connect: connection refused",
  "dockerfile parse error line 3: unknown instruction: DAEMON",
  "unable to find user daemon: no matching entries in passwd file",
  'process "/bin/sh -c systemctl enable containerd" did not complete successfully: unable to find user containerd: invalid user',
  'process "/bin/sh -c echo \\"the daemon is shutting down\\"" did not complete successfully: no shell',
  "executor failed running [/bin/sh -c [ a ]: rpc error: code = Unavailable]: runc did not terminate successfully",
  'OCI runtime create failed: runc create failed: exec: "cgroup": permission denied: unknown',
  'OCI runtime create failed: runc create failed: exec: "cgroup": executable file not found in $PATH: unknown',
  'failed to load cache key: Get "http://127.0.0.1:1/containerd": dial tcp 127.0.0.1:1: connect: connection refused',
  "words that nobody knows",
])("the build's own: %s", (error) => {
  expect(causeOfBuildError(error)).toBe("build");
  expect(() => throwUnlessOwn("/run/docker.sock", error)).not.toThrow();
});

test.each([
  "context canceled",
  'process "/bin/sh -c make" did not complete successfully: context canceled: context canceled',
  "failed to compute cache key: failed to calculate checksum of ref moby::0x: context canceled",
  "rpc error: code = Canceled desc = context canceled",
  "rpc error: code = Unavailable desc = error reading from server: EOF",
  "server is shutting down",
  "the daemon is shutting down",
  `dial unix ${containerd}: connect: connection refused`,
  `dial unix ${containerd}: connect: no such file or directory`,
  `failed to create task for container: connection error: desc = "transport: Error while dialing: dial unix ${containerd}: connect: connection refused": unavailable`,
  "failed to create task for container: ttrpc: closed: unknown",
  "failed to connect to containerd: context deadline exceeded",
  "OCI runtime create failed: runc create failed: unable to start container process: unable to apply cgroup configuration: mkdir /sys/fs/cgroup/x: read-only file system: unknown",
])("the engine's: %s", (error) => {
  expect(causeOfBuildError(error)).toBe("engine-away");
  expect(() => throwUnlessOwn("/run/docker.sock", error)).toThrow(expect.objectContaining({ code: "engine.unreachable" }));
});

test.each([
  "write /var/lib/docker/tmp/x: no space left on device",
  "COPY failed: failed to copy files: write /x: no space left on device",
  "failed to extract layer sha256:0x: write /x: no space left on device: unknown",
])("a full disk: %s", (error) => {
  expect(causeOfBuildError(error)).toBe("disk-full");
  expect(() => throwUnlessOwn("/run/docker.sock", error)).toThrow(expect.objectContaining({ code: "engine.disk-full" }));
});

test("whatever a file is called, that it is missing is the build's own", () => {
  const word = fc.constantFrom(
    ...["daemon", "containerd", "context canceled", ": ", '"', "\\", "no space left on device", "dial unix /x: y", "x"],
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      const name = words.join(" ");
      expect(causeOfBuildError(`COPY failed: file not found in build context: stat ${name}: file does not exist`)).toBe("build");
      expect(causeOfBuildError(`failed to calculate checksum of ref x: ${JSON.stringify(`/${name}`)}: not found`)).toBe("build");
    }),
  );
});
