import { createWriteStream } from "node:fs";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import { structurePage } from "./structure-examples.ts";

/** Longer than what a structure test searches. */
const bigBytes = 9 * 2 ** 20;

/** The context of the image that docs/structure-tests.md tells of, with its Dockerfile's text. */
export async function structureImage(directory: string): Promise<string> {
  const bin = join(directory, "bin");
  await mkdir(bin, { recursive: true });
  await copyFile("/bin/busybox", join(bin, "busybox"));
  for (const name of ["sh", "cat", "echo", "touch", "true", "false", "env", "yes", "sleep"]) await symlink("busybox", join(bin, name));
  const pack = tar.pack();
  const written = pipeline(pack, createWriteStream(join(directory, "files.tar")));
  for (const [header, content = ""] of entries()) pack.entry(header, content);
  pack.finalize();
  await written;
  await writeFile(join(directory, "other.txt"), "another platform\n");
  return /```dockerfile\n(.*?)```/s.exec(await readFile(structurePage, "utf8"))?.[1] ?? "";
}

type Entry = readonly [header: Parameters<tar.Pack["entry"]>[0], content?: Buffer | string];

function entries(): readonly Entry[] {
  const directory = (name: string, mode = 0o755): Entry => [{ name: `${name}/`, type: "directory", mode }];
  const link = (name: string, linkname: string): Entry => [{ name, type: "symlink", linkname, mode: 0o777 }];
  const file = (name: string, content: Buffer | string, mode = 0o644, owner = {}): Entry => [{ name, mode, ...owner }, content];
  return [
    ...["etc", "opt", "usr", "usr/lib", "usr/share", "usr/share/doc", "data"].map((name) => directory(name)),
    ...["hello", "other", "libgnutls30"].map((name) => directory(`usr/share/doc/${name}`)),
    directory("tmp", 0o1777),
    file("etc/hello.txt", "hello, world\n"),
    file("opt/tool", "#!/bin/sh\n", 0o4755),
    file("opt/group-tool", "#!/bin/sh\n", 0o2755),
    file("opt/runs-group", "#!/bin/sh\n", 0o610),
    file("opt/owned", "owned\n", 0o640, { uid: 1000, gid: 2000 }),
    [{ name: "opt/hard", type: "link", linkname: "opt/owned", mode: 0o640, uid: 1000, gid: 2000 }],
    file("opt/binary", Buffer.from([0x00, 0xff, 0xc3, 0xa9, 0x00, 0xfe, 0xe2, 0x82])),
    file("opt/license.txt", "GNU Affero General Public License (AGPL)\n"),
    file("opt/big.log", Buffer.alloc(bigBytes, "log\n")),
    file("usr/share/doc/hello/copyright", "MIT\n"),
    link("usr/share/doc/other/copyright", "../hello/copyright"),
    link("lib", "usr/lib"),
    link("usr/lib/foo", "../bar"),
    file("usr/bar", "right\n"),
    file("bar", "wrong\n"),
    link("loop", "loop"),
    link("circle-a", "circle-b"),
    link("circle-b", "circle-a"),
    link("dangling", "/nowhere/x"),
    link("out", "../../../../etc/passwd"),
    [{ name: "pipe", type: "fifo", mode: 0o644 }],
  ];
}
