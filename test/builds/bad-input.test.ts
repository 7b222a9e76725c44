import { expect, test } from "@jest/globals";
import { appError } from "../../src/domain/errors.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";
import { addParent, buildWorld, goodFiles, request } from "./build-world.ts";

type World = ReturnType<typeof buildWorld>;
const dockerfile = goodFiles.Dockerfile as string;
const from = "FROM registry.fedoraproject.org/fedora:42\n";
const labels = "LABEL com.redhat.component=hello-container name=f42/hello version=1\n";
const lint = "flibs / lint";
const build = "flibs / build (linux/amd64)";
const smoke = "flibs / test: smoke";

/** What a packager sees at three in the morning: status, title, text. The link at the end is the same for all. */
const cases: readonly {
  name: string;
  given: (world: World) => void | Promise<void>;
  asked?: Partial<typeof request>;
  status: string;
  title: string;
  text: string;
}[] = [
  {
    name: "no Dockerfile",
    given: (world) => {
      world.files = { "README.md": "x" };
    },
    status: lint,
    title: "Dockerfile: there is no Dockerfile at the root of the repository",
    text: `**What failed**: there is no Dockerfile at the root of the repository

**Where**: \`Dockerfile\`

**Fix**: Add one; containers-repo-template has an example to start from`,
  },
  {
    name: "a Dockerfile by another name",
    given: (world) => {
      world.files = { Containerfile: dockerfile };
    },
    status: lint,
    title: "Dockerfile: there is no Dockerfile, only Containerfile",
    text: `**What failed**: there is no Dockerfile, only Containerfile

**Where**: \`Dockerfile\`

**Fix**: Rename it: git mv Containerfile Dockerfile`,
  },
  {
    name: "a syntax error",
    given: (world) => {
      world.files = { Dockerfile: `${dockerfile}RNU dnf -y install cockpit-ws\n` };
    },
    status: lint,
    title: 'Dockerfile:3: unknown instruction "RNU"',
    text: `**What failed**: unknown instruction "RNU"

**Where**: \`Dockerfile:3\`

**Fix**: Remove it, or end the line above with \\\\ when it belongs there`,
  },
  {
    name: "a missing label",
    given: (world) => {
      world.files = { Dockerfile: `${from}LABEL com.redhat.component=hello-container name=f42/hello\n` };
    },
    status: lint,
    title: 'Dockerfile:1: label "version" is missing; every image must carry it',
    text: `**What failed**: label "version" is missing; every image must carry it

**Where**: \`Dockerfile:1\`

**Fix**: Add: LABEL version="1"`,
  },
  {
    name: "several faults at once",
    given: (world) => {
      world.files = { Dockerfile: `${from}LABEL name=f42/hello version=1-2\n`, "container.yaml": "compose: {}\n" };
    },
    status: lint,
    title: 'Dockerfile:1: label "com.redhat.component" is missing; every image must carry it (and 1 more)',
    text: `**What failed**: label "com.redhat.component" is missing; every image must carry it \\(and 1 more\\)

**Where**: \`Dockerfile:1\`

**Fix**: Add: LABEL com.redhat.component="mypackage-container"

**Try again**: push a commit, or use the re-run button where the forge has one

[Steps and log](http://flibs.example.test/builds/run-1)

Everything that was found:

\`\`\`text
error: Dockerfile:1: label "com.redhat.component" is missing; every image must carry it
  Add: LABEL com.redhat.component="mypackage-container"
error: Dockerfile:2: label "version" is "1-2"; a version must not have a dash, since Koji splits NVRs there
  Write "1.2"
warning: container.yaml:1: "compose" is not acted upon: no compose is made; packages come from the repositories of the base image, of the request and of the site
  Leave it when other systems need it, else remove it
\`\`\``,
  },
  {
    name: "a label with an undefined variable",
    given: (world) => {
      world.files = { Dockerfile: from + labels.replace("=1", "=$VERSION") };
    },
    status: lint,
    title: 'Dockerfile:2: label "version" uses $VERSION, which neither the Dockerfile above nor the parent image defines',
    text: `**What failed**: label "version" uses $VERSION, which neither the Dockerfile above nor the parent image defines

**Where**: \`Dockerfile:2\`

**Fix**: Add above line 2: ENV VERSION="&lt;value\\>"`,
  },
  {
    name: "an unknown parent",
    given: (world) => {
      world.files = { Dockerfile: dockerfile.replace(":42", ":24") };
    },
    status: lint,
    title:
      "Dockerfile:1: FROM registry.fedoraproject.org/fedora:24 was not found; asked: mirror.example:5000/fedora (not there), registry.fedoraprojec…",
    text: `**What failed**: FROM registry.fedoraproject.org/fedora:24 was not found; asked: mirror.example:5000/fedora \\(not there\\), registry.fedoraproject.org/fedora \\(not there\\)

**Where**: \`Dockerfile:1\`

**Fix**: Correct the name or the tag; of a new image, look whether it is released already`,
  },
  {
    name: "a parent that is not allowed",
    given: (world) => {
      world.files = { Dockerfile: `${from.trim()} AS tools\nFROM evil.example.test/fedora:42\n${labels}` };
    },
    status: lint,
    title: "Dockerfile:2: FROM evil.example.test/fedora:42 is not allowed; allowed are registry.fedoraproject.org/",
    text: `**What failed**: FROM evil.example.test/fedora:42 is not allowed; allowed are registry.fedoraproject.org/

**Where**: \`Dockerfile:2\`

**Fix**: Use a base image from there, or ask the operators to allow it`,
  },
  {
    name: "a release label that was built already",
    given: async (world) => {
      await world.run("run-0");
      world.files = { ...goodFiles, Dockerfile: from + labels.replace("=1", "=1 release=1") };
    },
    status: lint,
    title: "Dockerfile: build already exists in Koji: hello-container-1-1 (run-0)",
    text: `**What failed**: build already exists in Koji: hello-container-1-1 \\(run-0\\)

**Where**: \`Dockerfile\`

**Fix**: Give another release, or none: then flibs counts up by itself`,
  },
  {
    name: "a floating tag that is another build's release",
    given: async (world) => {
      await world.run("run-0");
      world.files = { ...goodFiles, "container.yaml": 'tags: [latest, "{version}-1"]\n' };
    },
    status: lint,
    title: 'container.yaml: tag "1-1" is the release of another build and never moves',
    text: `**What failed**: tag "1-1" is the release of another build and never moves

**Where**: \`container.yaml\`

**Fix**: Choose another tag, or remove it`,
  },
  {
    name: "an isolated build without a release of two numbers",
    given: () => {},
    asked: { isolated: true, release: "7" },
    status: lint,
    title: "For isolated builds, the release value must be in the format: ^\\d+\\.\\d+(\\..+)?$",
    text: `**What failed**: For isolated builds, the release value must be in the format: ^\\\\d+\\\\.\\\\d+\\(\\\\..+\\)?$

**Fix**: Write for example 3.1 as a fix to release 3`,
  },
  {
    name: "a locked destination tag",
    given: (world) => {
      const target = { name: "f42-candidate", branches: ["f42"], destinationTag: "f42-updates-candidate", locked: true };
      Object.assign(world.ports.settings, { targets: [target] });
    },
    status: lint,
    title: "Destination tag f42-updates-candidate is locked",
    text: `**What failed**: Destination tag f42-updates-candidate is locked

**Fix**: Nothing is released for f42-candidate any more; a scratch build can still be made`,
  },
  {
    name: "a parent build of another image",
    given: async (world) => {
      await world.run("run-0");
    },
    asked: { parentBuild: "hello-container-1-1" },
    status: lint,
    title:
      "Dockerfile:1: the parent build hello-container-1-1 is an image f42/hello, but FROM names fedora; only the same one can take its place",
    text: `**What failed**: the parent build hello-container-1-1 is an image f42/hello, but FROM names fedora; only the same one can take its place

**Where**: \`Dockerfile:1\`

**Fix**: Name a build of fedora, or leave the parent build out`,
  },
  {
    name: "a parent that vanished while the build waited",
    given: (world) => {
      world.printed = "";
      world.outcome = () => {
        world.parents.manifests.delete(`fedora ${world.parent.digest}`);
        return { outcome: "failed", message: "FROM: not found" };
      };
    },
    status: build,
    title:
      "Dockerfile:1: FROM registry.fedoraproject.org/fedora:42 has gone since the build was planned: mirror.example:5000/fedora@sha256:1dbd3d2e74f…",
    text: `**What failed**: FROM registry.fedoraproject.org/fedora:42 has gone since the build was planned: mirror.example:5000/fedora@\u200bsha256:1dbd3d2e74fc6276b807e836912775c4eadcfb9eff48ec39a3d2ee04f82ba5ef

**Where**: \`Dockerfile:1\`

**Fix**: Build again: the name is looked up anew then; if that one has gone, too, use another base image`,
  },
  {
    name: "a symbolic link out of the repository",
    given: (world) => {
      world.files = { ...goodFiles, shadow: { link: "../../../../etc/shadow" } };
    },
    status: lint,
    title: 'shadow: this symbolic link leads to "../../../../etc/shadow", outside of the repository; links must stay in the repository',
    text: `**What failed**: this symbolic link leads to "../../../../etc/shadow", outside of the repository; links must stay in the repository

**Where**: \`shadow\`

**Fix**: Remove it: git rm "shadow". A link that the image needs is made in the Dockerfile: RUN ln -s ../../../../etc/shadow &lt;name\\>`,
  },
  {
    name: "a repository that is too large",
    given: (world) => {
      world.checkoutFault = appError("forge.tree-too-large", "the files of commit cccccccccccc are too many bytes", {
        file: "core.dump",
        hint: "Remove core.dump from the repository",
      });
    },
    status: lint,
    title: "core.dump: the files of commit cccccccccccc are too many bytes",
    text: `**What failed**: the files of commit cccccccccccc are too many bytes

**Where**: \`core.dump\`

**Fix**: Remove core.dump from the repository`,
  },
  {
    name: "a context that the engine refuses",
    given: (world) => {
      world.printed = "";
      world.outcome = () => {
        throw appError("engine.context-too-large", "the files to send to the engine are larger than 512 MiB", {
          file: "core.dump",
          hint: "Remove large files from the repository, or list them in .dockerignore",
        });
      };
    },
    status: build,
    title: "core.dump: the files to send to the engine are larger than 512 MiB",
    text: `**What failed**: the files to send to the engine are larger than 512 MiB

**Where**: \`core.dump\`

**Fix**: Remove large files from the repository, or list them in .dockerignore`,
  },
  {
    name: "an instruction that fails",
    given: (world) => {
      const instruction = "RUN dnf -y install cokpit";
      world.files = { Dockerfile: `# The greeting\n${dockerfile}\n${instruction}\n` };
      world.printed = "Step 3/4 : RUN dnf -y install cokpit\nError: Unable to find a match: cokpit\n";
      world.outcome = { outcome: "failed", message: `${instruction} returned 1`, instruction, step: 3 };
    },
    status: build,
    title: "Dockerfile:5: building for linux/amd64 failed: RUN dnf -y install cokpit returned 1",
    text: `**What failed**: building for linux/amd64 failed: RUN dnf -y install cokpit returned 1

**Where**: \`Dockerfile:5\`

**Fix**: Mend the instruction; the log's last lines tell more

Last lines of the log:

\`\`\`text
Step 3/4 : RUN dnf -y install cokpit
Error: Unable to find a match: cokpit
\`\`\``,
  },
  {
    name: "a build that never ends",
    given: (world) => {
      world.files = { Dockerfile: `${dockerfile}RUN make \\\n  -j4\nRUN true\n` };
      world.printed = "Step 3/5 : RUN make   -j4\nmaking\n";
      world.outcome = { outcome: "timed-out", step: 3 };
    },
    status: build,
    title: "Dockerfile:3: building for linux/amd64 took longer than 60 minutes",
    text: `**What failed**: building for linux/amd64 took longer than 60 minutes

**Where**: \`Dockerfile:3\`

**Fix**: Look whether the command there never ends or asks for input; operators can raise limits.buildTime

Last lines of the log:

\`\`\`text
Step 3/5 : RUN make   -j4
making
\`\`\``,
  },
  {
    name: "a build that fills the engine's disk",
    given: (world) => {
      world.files = { Dockerfile: `${dockerfile}RUN cp -r / /copy\n` };
      world.printed = "";
      world.outcome = { outcome: "disk-limit", step: 3 };
    },
    status: build,
    title: "Dockerfile:3: building for linux/amd64 wrote more than 20480 MiB on the engine's disk",
    text: `**What failed**: building for linux/amd64 wrote more than 20480 MiB on the engine's disk

**Where**: \`Dockerfile:3\`

**Fix**: Remove what is not needed in the RUN that makes it; operators can raise limits.disk`,
  },
  {
    name: "a build that prints a gigabyte",
    given: (world) => {
      world.files = { Dockerfile: `${dockerfile}RUN yes\n` };
      world.printed = "y\ny\n";
      world.outcome = { outcome: "log-limit", step: 3 };
    },
    status: build,
    title: "Dockerfile:3: building for linux/amd64 printed more than 64 MiB",
    text: `**What failed**: building for linux/amd64 printed more than 64 MiB

**Where**: \`Dockerfile:3\`

**Fix**: Make the command there quieter, for example with -q; operators can raise limits.log

Last lines of the log:

\`\`\`text
y
y
\`\`\``,
  },
  {
    name: "a failing test",
    given: (world) => {
      const message = "returned 1, expected 0";
      world.printed = "=== says hello: /bin/hello\nno such greeting\n";
      world.test = {
        outcome: "fail",
        message: `says hello: ${message}`,
        cases: [
          { name: "says hello", outcome: "fail", message, durationMs: 1 },
          { name: "is not root", outcome: "pass", message: "", durationMs: 1 },
        ],
      };
    },
    status: smoke,
    title: "Failed: says hello: returned 1, expected 0",
    text: `| outcome | case | suite | what happened |
|---|---|---|---|
| fail | says hello | smoke | returned 1, expected 0 |

- pass: is not root

Last lines of the log:

\`\`\`text
=== says hello: /bin/hello
no such greeting
\`\`\``,
  },
  {
    name: "a test that hangs",
    given: (world) => {
      const message = "did not end within 30 s";
      world.printed = "=== says hello: /bin/hello\n";
      world.test = {
        outcome: "error",
        message: `says hello: ${message}`,
        cases: [{ name: "says hello", outcome: "error", message, durationMs: 30_000 }],
      };
    },
    status: smoke,
    title: "Could not be carried out: says hello: did not end within 30 s",
    text: `| outcome | case | suite | what happened |
|---|---|---|---|
| error | says hello | smoke | did not end within 30 s |

Last lines of the log:

\`\`\`text
=== says hello: /bin/hello
\`\`\``,
  },
  {
    name: "a test that nobody can understand",
    given: (world) => {
      world.files = {
        ...goodFiles,
        "tests/commands.yaml": "smoke:\n  commands:\n    - name: a\n      run: x\n      expect: {output: (hello}\n",
      };
    },
    status: lint,
    title:
      "tests/commands.yaml:5: smoke.commands.0.expect.output: is no regular expression; put \\ before each ( ) [ ] { } + * ? . ^ $ | that is meant …",
    text: `**What failed**: smoke.commands.0.expect.output: is no regular expression; put \\\\ before each \\( \\) \\[ \\] \\{ \\} + \\* ? . ^ $ \\| that is meant as itself

**Where**: \`tests/commands.yaml:5\`

**Fix**: Correct the value`,
  },
];

test.each(cases)("$name is told with its place and the smallest fix", async ({ given, asked, status, title, text }) => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  await given(world);
  world.promoted.length = 0;
  await world.run("run-1", { ...request, ...asked });
  const said = world.statuses.get(status);
  const again = "\n\n**Try again**: push a commit, or use the re-run button where the forge has one";
  const link = "\n\n[Steps and log](http://flibs.example.test/builds/run-1)";
  expect(said?.title).toBe(title);
  // Where there is more after the link, the expected text has the link in it.
  expect(said?.summary).toBe(text.includes(link) ? text : text + again + link);
  expect(["failure", "error", "timed-out"]).toContain(said?.state);

  // Nothing stays open, nothing is released, and the service goes on: the next build is a good one.
  expect([...world.statuses.values()].filter((one) => one.state === "pending" || one.state === "running")).toEqual([]);
  expect(world.promoted).toEqual([]);
  Object.assign(world, { files: goodFiles, outcome: undefined, checkoutFault: undefined });
  Object.assign(world.ports.settings, { targets: [] });
  addParent(world.parents, "fedora", "42", ["linux/amd64", "linux/arm64"]);
  world.test = { outcome: "pass", message: "", cases: [] };
  expect(await world.run("run-2")).toBeUndefined();
});

test("warnings stop nothing and are shown", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  world.files = { ...goodFiles, "container.yaml": "compose: {packages: []}\n" };
  await world.run("run-1");
  expect(world.statuses.get(lint)).toMatchObject({
    state: "success",
    title: "Dockerfile and labels are in order; 1 warning",
    summary: expect.stringContaining(
      'warning: container.yaml:1: "compose" is not acted upon: no compose is made; packages come from the repositories of the base image, of the request and of the site\n  Leave it when other',
    ),
  });
});

test("a parent behind a mirror that refuses is asked for at its own registry", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  world.parents.trouble.findManifest = appError("registry.denied", "401");
  expect(await world.run("run-1")).toMatchObject({
    code: "builds.parent-unknown",
    message: expect.stringContaining("asked: mirror.example:5000/fedora (refused), registry.fedoraproject.org/fedora (not there)"),
  });
});

test("a mirror that does not answer is waited for, since only it may have the image", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  world.parents.trouble.findManifest = appError("registry.unreachable", "no answer");
  expect(await world.run("run-1")).toMatchObject({ code: "registry.unreachable", kind: "transient" });
});

test("what lies behind a mirror that answered is not waited for: it may be out of reach for good", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  world.upstream.trouble.findManifest = appError("registry.unreachable", "no answer");
  world.files = { Dockerfile: dockerfile.replace(":42", ":24") };
  expect(await world.run("run-1")).toMatchObject({
    code: "builds.parent-unknown",
    message: expect.stringContaining("registry.fedoraproject.org/fedora (no answer)"),
  });
});
