import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { serveContents } from "../../support/served-files.ts";
import { realBuildWorld, request } from "./real-build-world.ts";

let world: Awaited<ReturnType<typeof realBuildWorld>>;
let served: Awaited<ReturnType<typeof serveContents>>;
beforeAll(async () => {
  world = await realBuildWorld();
  served = await serveContents(request.repository);
}, 60_000);
afterAll(async () => {
  await served.stop();
  await world.close();
}, 60_000);

test("an image has help, build information, labels and cached files, and a yum repository only while it is built", async () => {
  world.site = {
    labels: { values: { vendor: "Site" }, equal: [["summary", "description"]], infoUrlFormat: "https://i.example.test/{name}/{release}" },
    repositories: { site: [served.repositoryUrl], allowedHosts: [] },
    sourcesUrl: served.sourcesUrl,
  };
  world.files = {
    Dockerfile: [
      "FROM registry.fedoraproject.org/fedora:42 AS builder",
      'SHELL ["/bin/sh", "-e", "-c"]',
      "RUN cat /etc/yum.repos.d/flibs-1-site.repo >/seen-by-builder",
      "FROM registry.fedoraproject.org/fedora:42",
      'LABEL com.redhat.component=hello-container name=f42/hello version=1 maintainer="Alice" summary="Says hello"',
      "COPY --from=builder /seen-by-builder /etc/yum.repos.d/ /seen/",
      "COPY root/ /",
      "COPY data.txt /data.txt",
      "RUN cat /etc/yum.repos.d/flibs-1-site.repo >/seen/by-last-stage && test $REL = 1",
      "USER 65534:65534",
      'CMD ["/usr/libexec/hello-init"]',
      "",
    ].join("\n"),
    // Nothing that flibs adds is named here.
    ".dockerignore": "*\n!root\n",
    "container.yaml": "set_release_env: REL\n",
    "content_sets.yml": "x86_64: [a-rpms]\n",
    sources: served.sources,
    "tests/commands.yaml":
      "smoke:\n  commands:\n    - {name: help, run: test -r /help.1}\n    - {name: who, run: 'test \"$(id -u)\" = 65534'}\n",
  };
  expect(await world.run("contents")).toBeUndefined();
  const [image] = world.records.get("contents")?.images ?? [];
  if (image === undefined) throw new Error(world.logText("contents", "linux/amd64"));
  expect(image.config).toMatchObject({
    user: "65534:65534",
    cmd: ["/usr/libexec/hello-init"],
    labels: {
      ...{ vendor: "Site", Vendor: "Site", description: "Says hello", url: "https://i.example.test/f42/hello/1" },
      ...{ BZComponent: "hello-container", Release: "1", Architecture: "x86_64", architecture: "x86_64", "vcs-ref": request.commit },
    },
  });
  expect(image.config.env).toContain("REL=1");

  const texts = await world.filesOf("contents", ["/help.1", "/root/buildinfo", "/etc/yum.repos.d", "/seen", "/data.txt"]);
  expect(texts).toEqual({
    "/data.txt": served.data,
    "/help.1": expect.stringMatching(/^\.nh\n\.TH "F42\/HELLO" "1" ".* 20\d\d" "Alice" "Container Image Pages"\n\.SH "hello"\n/),
    "/root/buildinfo/Dockerfile-f42-hello-1-1": world.files.Dockerfile,
    "/root/buildinfo/content_manifests/hello-container-1-1.json": expect.stringContaining('"a-rpms"'),
    "/seen/seen-by-builder": served.repo,
    "/seen/by-last-stage": served.repo,
  });
  const manifest = JSON.parse(texts["/root/buildinfo/content_manifests/hello-container-1-1.json"] ?? "");
  const base = await world.docker.getImage(`${world.registry.endpoint}/fedora@${world.base.digest}`).inspect();
  expect(manifest.metadata.image_layer_index).toBe(base.RootFS.Layers?.length);
}, 90_000);

test("an image from nothing has them too", async () => {
  world.site = { ...world.site, sourcesUrl: undefined };
  world.files = {
    Dockerfile: "FROM scratch\nLABEL com.redhat.component=hello-container name=f42/hello version=1 summary=x\nCOPY root/ /\n",
    "tests/commands.yaml": "",
  };
  expect(await world.run("scratch")).toBeUndefined();
  const files = await world.filesOf("scratch", ["/help.1", "/root/buildinfo", "/etc/yum.repos.d"]);
  expect(Object.keys(files).toSorted()).toEqual([
    "/help.1",
    "/root/buildinfo/Dockerfile-f42-hello-1-2",
    "/root/buildinfo/content_manifests/hello-container-1-2.json",
  ]);
}, 60_000);

test.each(["classic", "buildkit"] as const)(
  "so has one whose /root is a link to what is not there yet, built by %s",
  async (builder) => {
    const own = await realBuildWorld([{ builder }]);
    try {
      own.files = {
        Dockerfile: [
          "FROM registry.fedoraproject.org/fedora:42",
          "LABEL com.redhat.component=hello-container name=f42/hello version=1 summary=x",
          "RUN rm -rf /root && ln -s var/roothome /root",
          "",
        ].join("\n"),
        "tests/commands.yaml": "",
      };
      expect(await own.run("link")).toBeUndefined();
      const files = await own.filesOf("link", ["/help.1", "/var/roothome"]);
      expect(Object.keys(files).toSorted()).toEqual([
        "/help.1",
        "/var/roothome/buildinfo/Dockerfile-f42-hello-1-1",
        "/var/roothome/buildinfo/content_manifests/hello-container-1-1.json",
      ]);
    } finally {
      await own.close();
    }
  },
  90_000,
);
