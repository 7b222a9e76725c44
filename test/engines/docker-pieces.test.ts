import { chmod, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import tar from "tar-stream";
import { failedBuild } from "../../src/engines/docker/build-failure.ts";
import { buildkitDialect, chooseBuilder } from "../../src/engines/docker/buildkit.ts";
import { type Archive, packBuildkitContext, packContext, packDirectory } from "../../src/engines/docker/context.ts";
import { checkApiVersion, translate } from "../../src/engines/docker/docker-client.ts";
import { parseDockerHost } from "../../src/engines/docker/docker-host.ts";
import { decodeKey, encodeKey, installationNames } from "../../src/engines/docker/names.ts";
import { readMessages } from "../../src/engines/docker/progress.ts";
import { sshArguments } from "../../src/engines/docker/ssh-tunnel.ts";
import { runningIn } from "../../src/engines/docker/step-containers.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

async function unpack(archive: Pick<Archive, "stream">): Promise<Record<string, string>> {
  const extract = tar.extract();
  archive.stream.pipe(extract);
  const found: Record<string, string> = {};
  for await (const entry of extract) {
    const { name, type, mode, linkname, uid } = entry.header;
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    found[name] = `${type} ${mode.toString(8)} ${uid} ${linkname ?? ""}${Buffer.concat(chunks)}`;
  }
  return found;
}

describe("build context", () => {
  test("files, modes and links are sent, ignored ones are not, links are not followed", async () => {
    await using scratch = await scratchDirectory();
    await mkdir(join(scratch.path, "docs"));
    await writeFile(join(scratch.path, "docs/a.md"), "a");
    await writeFile(join(scratch.path, "run"), "run");
    await chmod(join(scratch.path, "run"), 0o755);
    await writeFile(join(scratch.path, "empty"), "");
    await symlink("/etc/passwd", join(scratch.path, "out"));
    await writeFile(join(scratch.path, ".dockerignore"), "docs\n!docs/a.md");
    const context = await packContext(scratch.path, "FROM scratch\n", 10_000);
    expect(await unpack(context)).toEqual({
      ".flibs.Dockerfile": "file 644 0 FROM scratch\n",
      ".dockerignore": "file 644 0 docs\n!docs/a.md\n.flibs.Dockerfile\n",
      "docs/a.md": "file 644 0 a",
      empty: "file 644 0 ",
      out: "symlink 777 0 /etc/passwd",
      run: "file 755 0 run",
    });
  });

  test("extra files come in whatever .dockerignore says, in place of the tree's, with directories that all may read", async () => {
    await using scratch = await scratchDirectory();
    await mkdir(join(scratch.path, "docs"));
    await writeFile(join(scratch.path, "docs/a.md"), "theirs");
    await writeFile(join(scratch.path, "large.tar"), "from the cache", { mode: 0o600 });
    await writeFile(join(scratch.path, ".dockerignore"), "*\n!docs");
    const extraFiles = {
      "docs/a.md": Buffer.from("ours"),
      ".flibs/x/b": Buffer.from(""),
      "c.tar": { path: join(scratch.path, "large.tar") },
    };
    expect(await unpack(await packContext(scratch.path, "FROM scratch\n", 10_000, extraFiles))).toEqual({
      ".flibs.Dockerfile": "file 644 0 FROM scratch\n",
      ".dockerignore": "file 644 0 *\n!docs\n.flibs.Dockerfile\n!.flibs/x/b\n!c.tar\n!docs/a.md\n",
      ".flibs/": "directory 755 0 ",
      ".flibs/x/": "directory 755 0 ",
      ".flibs/x/b": "file 644 0 ",
      "c.tar": "file 644 0 from the cache",
      "docs/": "directory 755 0 ",
      "docs/a.md": "file 644 0 ours",
    });
  });

  test("an archive holds what it names and nothing else, always in the same bytes", async () => {
    await using scratch = await scratchDirectory();
    const archive = { "root/b/c": Buffer.from("c"), "help.1": Buffer.from("help"), "root/b/": Buffer.from("") };
    const sent = await unpack(await packContext(scratch.path, "FROM scratch\n", 10_000, { "files.tar": { archive } }));
    const again = Object.fromEntries(Object.entries(archive).toReversed());
    expect(await unpack(await packContext(scratch.path, "FROM scratch\n", 10_000, { "files.tar": { archive: again } }))).toEqual(sent);
    const bytes = Buffer.from(sent["files.tar"]?.replace("file 644 0 ", "") ?? "");
    expect(await unpack({ stream: Readable.from([bytes]) })).toEqual({
      "help.1": "file 644 0 help",
      "root/b/": "directory 755 0 ",
      "root/b/c": "file 644 0 c",
    });
  });

  test("extra files count for the limit too", async () => {
    await using scratch = await scratchDirectory();
    const { written, stream } = await packContext(scratch.path, "FROM scratch\n", 20_000, { big: Buffer.alloc(50_000) });
    stream.on("error", () => {}).resume();
    await expect(written).rejects.toMatchObject({ code: "engine.context-too-large", file: "big" });
  });

  test("a file of the reserved name is not hidden by ours", async () => {
    await using scratch = await scratchDirectory();
    await writeFile(join(scratch.path, ".flibs.Dockerfile"), "theirs");
    const context = await packContext(scratch.path, "ours", 10_000);
    expect(context.dockerfile).toBe(".flibs.Dockerfile.1");
    expect((await unpack(context))[".flibs.Dockerfile"]).toContain("theirs");
  });

  test("a .dockerignore of gigabytes is refused without being read, one that is a link is none", async () => {
    await using scratch = await scratchDirectory();
    await writeFile(join(scratch.path, ".dockerignore"), "a\n");
    await truncate(join(scratch.path, ".dockerignore"), 5 * 2 ** 30);
    await expect(packContext(scratch.path, "FROM scratch\n", 10_000)).rejects.toMatchObject({
      code: "engine.dockerignore-invalid",
      message: ".dockerignore is longer than 64 KiB",
      file: ".dockerignore",
    });
    await rm(join(scratch.path, ".dockerignore"));
    await symlink("/etc/passwd", join(scratch.path, ".dockerignore"));
    const sent = await unpack(await packContext(scratch.path, "FROM scratch\n", 10_000));
    expect(sent[".dockerignore"]).toBe("file 644 0 .flibs.Dockerfile\n.dockerignore\n");
  });

  test("a context that is too large is refused while it is sent", async () => {
    await using scratch = await scratchDirectory();
    await writeFile(join(scratch.path, "big"), Buffer.alloc(50_000));
    const { written, stream } = packDirectory(scratch.path, "/flibs-tests", 20_000);
    stream.on("error", () => {}).resume();
    await expect(written).rejects.toMatchObject({ code: "engine.context-too-large", kind: "input" });
  });
});

describe("addresses", () => {
  test.each([
    ["unix:///var/run/docker.sock", { kind: "unix", path: "/var/run/docker.sock" }],
    ["ssh://arm.example.test", { kind: "ssh", host: "arm.example.test" }],
    ["ssh://build_er@arm.example.test:2222", { kind: "ssh", user: "build_er", host: "arm.example.test", port: 2222 }],
    ["ssh://builder@[2001:db8::1]", { kind: "ssh", user: "builder", host: "2001:db8::1" }],
    ["tcp://10.0.0.1:2376", { kind: "tcp", host: "10.0.0.1", port: 2376 }],
  ])("%s", (text, host) => expect(parseDockerHost(text)).toEqual(host));

  test.each([
    "",
    "/var/run/docker.sock",
    "unix://relative",
    "ssh://",
    "ssh://-oProxyCommand=evil",
    "ssh://-l@a",
    "ssh://a b",
    "ssh://a;b",
    "tcp://a",
    "tcp://u@a:1",
    "http://a",
  ])("%j is none", (text) => expect(() => parseDockerHost(text)).toThrow(expect.objectContaining({ code: "config.invalid" })));

  test("a machine that is gone is noticed: a push has no time limit of its own", () => {
    expect(sshArguments({ kind: "ssh", host: "arm.example.test" })).toEqual([
      ...["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"],
      ...["--", "arm.example.test", "docker", "system", "dial-stdio"],
    ]);
  });

  test("nothing of an address becomes an option of ssh", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."-a.@:/ $;o\n[]") }), (text) => {
        let host: ReturnType<typeof parseDockerHost>;
        try {
          host = parseDockerHost(`ssh://${text}`);
        } catch {
          return;
        }
        if (host.kind !== "ssh") throw new Error("an address of ssh is one");
        const words = sshArguments(host);
        const free = words.filter((word, index) => !word.startsWith("-") && !["-o", "-l", "-p"].includes(words[index - 1] ?? ""));
        expect(free).toEqual([host.host, "docker", "system", "dial-stdio"]);
      }),
    );
  });
});

describe("which builder", () => {
  test.each([
    ["nothing said", {}, "classic"],
    ["limits are held", { buildCgroup: "/b" }, "buildkit"],
    ["limits are held and there is no network", { buildCgroup: "/b", networkMode: "none" }, "buildkit"],
    ["limits are held and builds have a network by name", { buildCgroup: "/b", networkMode: "closed" }, "classic"],
    ["asked for", { builder: "buildkit" as const }, "buildkit"],
  ])("%s", (_, options, builder) => expect(chooseBuilder(options)).toBe(builder));

  test.each([
    ["1.40", []],
    ["1.41", ["run-mount", "copy-chmod"]],
    ["1.42", ["run-mount", "copy-chmod", "run-network", "copy-link", "heredoc"]],
    ["2.0", ["run-mount", "copy-chmod", "run-network", "copy-link", "heredoc"]],
  ])("API %s knows %j", (version, features) => expect(buildkitDialect(version)).toEqual({ builder: "buildkit", features }));
});

describe("a context for BuildKit", () => {
  test("has the given Dockerfile in the place of its own, and nothing that .dockerignore names", async () => {
    await using scratch = await scratchDirectory();
    await writeFile(join(scratch.path, "Dockerfile"), "theirs");
    await writeFile(join(scratch.path, "kept"), "kept");
    await writeFile(join(scratch.path, "left"), "left");
    await writeFile(join(scratch.path, ".dockerignore"), "left\nDockerfile\n.dockerignore\n");
    const context = await packBuildkitContext(scratch.path, "ours", 10_000);
    expect(context.dockerfile).toBe("Dockerfile");
    expect(await unpack(context)).toEqual({ Dockerfile: "file 644 0 ours", kept: "file 644 0 kept" });
  });
});

describe("names", () => {
  test("every key is read back from its name, and the name fits image names", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 12 }), (key) => {
        expect(decodeKey(encodeKey(key))).toBe(key);
        expect(encodeKey(key)).toMatch(/^[a-z0-9]+(?:-+[a-z0-9]+)*$/);
      }),
    );
  });

  test("names of another installation are not ours, even when one id begins with the other", () => {
    const [one, other] = [installationNames("a"), installationNames("a-b")];
    expect(one.keyOfTag(`${other.buildRepository("key")}:latest`)).toBeUndefined();
    expect(one.keyOfContainer(other.container("run", "key"))).toBeUndefined();
    expect(one.keyOfTag(`${one.buildRepository("run/build linux")}:latest`)).toBe("run/build linux");
    expect(() => installationNames("../a")).toThrow(expect.objectContaining({ code: "config.invalid" }));
  });
});

describe("what the engine says", () => {
  test.each([
    ["exit code", "The command '/bin/sh -c dnf' returned a non-zero code: 1", 1, "RUN dnf install foo", "RUN dnf install foo returned 1"],
    ["not found", "x", 127, "RUN foo", "RUN foo returned 127 (the command was not found)"],
    ["no code", "COPY failed: no x", undefined, "COPY x /", "COPY x /: COPY failed: no x"],
    [
      "no instruction",
      "dockerfile parse error line 3: unknown instruction: FOO",
      undefined,
      undefined,
      "dockerfile parse error line 3: unknown instruction: FOO",
    ],
  ])("a failure is told: %s", (_, error, code, instruction, message) => {
    const at = instruction === undefined ? undefined : { place: { step: 2 }, instruction };
    expect(failedBuild(error, code, at)).toMatchObject({ message, ...(at === undefined ? {} : { step: 2, instruction }) });
  });

  test.each([
    ["nothing listens", { code: "ECONNREFUSED" }, "engine.unreachable", "Start Docker Engine"],
    ["no permission", { code: "EACCES" }, "engine.unreachable", "group docker"],
    ["no socket", { code: "ENOENT" }, "engine.unreachable", "the engine's host"],
    ["shutting down", { statusCode: 500, json: { message: "server is shutting down" } }, "engine.unreachable", ""],
    ["full", { statusCode: 500, json: { message: "write: no space left on device" } }, "engine.disk-full", "Free space"],
    ["wrong words", { statusCode: 400, json: { message: "invalid value shutting down for uid" } }, "engine.refused", ""],
    ["wrong words", { statusCode: 400, json: { message: "invalid value no space left on device for uid" } }, "engine.refused", ""],
    ["refused", { statusCode: 409, json: { message: "conflict" } }, "engine.refused", ""],
  ])("an error is translated: %s", (_, fields, code, hint) => {
    const error = translate("/run/docker.sock", "build", Object.assign(new Error("boom"), fields));
    expect(error.code).toBe(code);
    expect(error.hint ?? "").toContain(hint);
  });

  test("an old API is refused, newer ones are not", () => {
    expect(() => checkApiVersion("1.39")).toThrow(expect.objectContaining({ code: "engine.out-of-date" }));
    for (const version of ["1.40", "1.51", "2.0"]) expect(() => checkApiVersion(version)).not.toThrow();
  });

  test("only the daemon's own line, alone in its message, names a container", () => {
    expect(runningIn(" ---> Running in 0123456789ab\n")).toBe("0123456789ab");
    expect(runningIn("x\n ---> Running in 0123456789ab\n")).toBeUndefined();
    expect(runningIn(" ---> Running in ../../etc\n")).toBeUndefined();
  });

  test("messages cut anywhere are read whole", async () => {
    const text = '{"stream":"grüße"}\r\n{"aux":{"ID":"x"}}\n';
    const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    const found: unknown[] = [];
    for await (const message of readMessages(Readable.from(bytes))) found.push(message);
    expect(found).toEqual([{ stream: "grüße" }, { aux: { ID: "x" } }]);
  });
});
