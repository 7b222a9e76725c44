import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildErrors, causeOfBuildError } from "../../src/engines/docker/build-error.ts";

const throwUnlessOwn = (error: string) => buildErrors("/run/docker.sock").begin("key")(error);
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
  // The Dockerfile's own words, as they are repeated without quotation marks.
  "Invalid signal: context canceled",
  "failed to solve with frontend dockerfile.v0: failed to create LLB definition: Invalid signal: x: context canceled",
  "Invalid signal: no space left on device",
  "Invalid containerPort:  no space left on device",
  "Invalid proto: context canceled",
  'failed to process "\\"$B\\"": B: x: context canceled',
  "unable to find user the daemon is shutting down: no matching entries in passwd file",
  "executor failed running [/bin/true]: unable to find user transport is closing: invalid argument",
  "unable to find group dial unix b: no matching entries in group file",
  "unable to convert uid/gid chown string to host mapping: invalid chown string format: x: dial unix b: y",
  "invalid from flag value x: transport is closing: invalid reference format",
  "failed to parse platform x: transport is closing: platform specifier component must match: invalid argument",
  "invalid environment variable: =x: transport is closing=a",
  "lstat /var/lib/docker/overlay2/0x/merged/x: dial unix b: y: not a directory",
  "failed to copy files: lstat /var/lib/docker/overlay2/0x/merged/x: transport is closing: not a directory",
  'OCI runtime create failed: exec: "/x: dial unix b: y": stat /x: dial unix b: y: no such file or directory: unknown',
])("the build's own: %s", (error) => {
  expect(causeOfBuildError(error)).toBe("build");
  expect(() => throwUnlessOwn(error)).not.toThrow();
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
  expect(() => throwUnlessOwn(error)).toThrow(expect.objectContaining({ code: "engine.unreachable" }));
});

test.each([
  "write /var/lib/docker/tmp/x: no space left on device",
  "COPY failed: failed to copy files: write /x: no space left on device",
  "failed to extract layer sha256:0x: write /x: no space left on device: unknown",
])("a full disk: %s", (error) => {
  expect(causeOfBuildError(error)).toBe("disk-full");
  expect(() => throwUnlessOwn(error)).toThrow(expect.objectContaining({ code: "engine.disk-full" }));
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

describe("words that sound like the engine and come again with each try", () => {
  const unknown = "words of another release: context canceled";
  const away = expect.objectContaining({ code: "engine.unreachable" });
  let at = 0;
  const errors = () => buildErrors("/run/docker.sock", () => at);
  const tryFor = (judges: ReturnType<typeof errors>, ms: number, key = "key") => {
    const throwUnlessOwn = judges.begin(key);
    at += ms;
    return () => throwUnlessOwn(unknown);
  };

  test("are the build's own once its tries have taken ten minutes together", () => {
    const judges = errors();
    for (const _ of [1, 2]) expect(tryFor(judges, 3_600_000)).toThrow(away);
    expect(tryFor(judges, 3_600_000)).not.toThrow();
    expect(tryFor(judges, 3_600_000, "another")).toThrow(away);
  });

  test("are the engine's after one long try, though the next ones end at once", () => {
    const judges = errors();
    expect(tryFor(judges, 3_600_000)).toThrow(away);
    for (let count = 0; count < 100; count++) expect(tryFor(judges, 100)).toThrow(away);
  });

  test("are the engine's as long as the tries end at once, or when the build has had an outcome in between", () => {
    const judges = errors();
    for (let count = 0; count < 100; count++) expect(tryFor(judges, 100)).toThrow(away);
    for (let count = 0; count < 10; count++) {
      expect(tryFor(judges, 3_600_000, "other")).toThrow(away);
      judges.forget("other");
    }
  });
});
