import { describe, expect, test } from "@jest/globals";
import { parseSettings } from "../../src/config-load.ts";

const least = `
forge: {kind: local, directory: git, hookSecrets: [{file: hook.secret}]}
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "127.0.0.1:5001"}, production: {endpoint: "127.0.0.1:5002"}}
signing: {gnupgHome: gpg, keys: {candidate: {openpgp: [{fingerprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]}, production: {openpgp: [{fingerprint: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB}]}}}
`;
const read = (text: string) => parseSettings(least + text, "flibs.yaml");

describe("what goes into images", () => {
  test("nothing when nothing is said", () => {
    const { labels, yumRepositories, sources, downloads } = read("");
    expect({ labels, yumRepositories, sources, downloads }).toEqual({
      labels: { image: {}, equal: [] },
      yumRepositories: { site: [], allowedHosts: [] },
      sources: {},
      downloads: { privateHosts: [] },
    });
  });

  test("labels, repositories, a lookaside cache, hosts", () => {
    const { labels, yumRepositories, sources, downloads } = read(`
labels:
  image: {vendor: Site, distribution-scope: public}
  equal: [[description, io.k8s.description]]
  infoUrlFormat: "https://images.example.test/{name}/{version}-{release}"
yumRepositories: {site: ["https://r.example.test/a.repo"], allowedHosts: [r.example.test, "10.0.0.1:8080"]}
sources: {url: "https://s.example.test/pkgs/{repository}/{file}/{hashType}/{hash}/{file}"}
downloads: {privateHosts: [localhost, "127.0.0.1:8080"]}
`);
    expect(labels.infoUrlFormat).toBe("https://images.example.test/{name}/{version}-{release}");
    expect(yumRepositories.allowedHosts).toEqual(["r.example.test", "10.0.0.1:8080"]);
    expect(sources.url).toMatch(/^https/);
    expect(downloads.privateHosts).toHaveLength(2);
  });

  test.each([
    ["labels: {image: {name: x}}", /the repository or the build decides com\.redhat\.component[\s\S]*at labels\.image/],
    ["labels: {image: {Release: x}}", /the repository or the build decides com\.redhat\.component[\s\S]*at labels\.image/],
    ['labels: {image: {"a b": x}}', /a label's name has letters, digits and \. _ \/ - only/],
    ["labels: {equal: [[description]]}", /Too small[\s\S]*at labels.equal/],
    ["labels: {infoUrlFormat: images}", /Invalid URL[\s\S]*at labels.infoUrlFormat/],
    ['labels: {infoUrlFormat: "https://i.test/{architecture}"}', /all platforms of an image have the same url/],
    ["yumRepositories: {site: [/etc/a.repo]}", /Invalid URL[\s\S]*at yumRepositories.site/],
    ["yumRepositories: {site: ['file:///etc/a.repo']}", /Invalid URL[\s\S]*at yumRepositories.site/],
    ["yumRepositories: {allowedHosts: ['https://r.test']}", /write host or host:port in lower case, without https:\/\//],
    ["yumRepositories: {allowedHosts: ['*.r.test']}", /write host or host:port in lower case/],
    ["yumRepositories: {allowedHosts: [R.test]}", /write host or host:port in lower case/],
    ["sources: {url: 'https://s.test/{file}'}", /must have \{hash\} in its path/],
    ["sources: {url: 'https://{repository}.test/{hash}'}", /write an http or https address with \{repository\}/],
    ["sources: {url: 'https://s.test/x?f={hash}'}", /write an http or https address with \{repository\}/],
    ["sources: {url: 'ftp://s.test/{hash}'}", /write an http or https address with \{repository\}/],
    ["sources: {url: 'https://s.test/{hash}/{user}'}", /write an http or https address with \{repository\}/],
    ["downloads: {privateHosts: ['10.0.0.0/8']}", /write host or host:port in lower case/],
  ])("%s is refused", (text, why) => {
    expect(() => read(`${text}\n`)).toThrow(why);
  });
});
