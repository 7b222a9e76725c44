import type { Content } from "../../support/commit-files.ts";

export const path = "images/f40/cockpit.yaml";

/** What the edits are made of. */
export interface Texts {
  /** Main's file, and the promotion that flibs proposed. */
  readonly base: string;
  readonly good: string;
  readonly policy: string;
  /** Digest of a build's manifest list, and that of one platform of the build `child`. */
  digest(build: string): string;
  readonly child: string;
  /** Main's file with one more release, floating tags left where they are. */
  added(tag: string, build: string, digest?: string): string;
}

export interface BadPromotion {
  readonly name: string;
  readonly files: (texts: Texts) => Readonly<Record<string, Content>>;
  /** The status on the pull request's head. */
  readonly title: string;
  readonly faults: readonly string[];
  /** On the merge commit, when it is merged all the same: the same faults and `nothing` released, or these lines. */
  readonly merged: "nothing" | readonly string[];
  /** Of the status on the merge commit; a failure when left out. */
  readonly state?: "success";
}

export const badPromotions: readonly BadPromotion[] = [
  {
    name: "CK7 the digest of another build",
    files: ({ good, digest }) => ({ [path]: good.replace(digest("two"), digest("child")) }),
    title: "1 fault: build two made <two>, not <child>",
    faults: ["- `images/f40/cockpit.yaml:11`: build two made <two>, not <child>. Fix: write digest: <two>. (CK7)"],
    merged: [
      "| `323-2.fc40` | **refused** | `<child>` |  | build two made <two>, not <child> (CK7) |",
      "| `323` | **refused** | `<child>` |  | its release 323-2.fc40 is refused |",
      "| `latest` | **refused** | `<child>` |  | its release 323-2.fc40 is refused |",
    ],
  },
  {
    name: "CK3 a digest that is not in the candidate registry",
    files: ({ good, digest }) => ({ [path]: good.replace(digest("two"), `sha256:${"a".repeat(64)}`) }),
    title: "2 faults: aaaaaaaaaaaa is neither in candidate nor in production",
    faults: [
      "- `images/f40/cockpit.yaml:11`: sha256:<absent> is neither in candidate nor in production. Fix: build again and promote the new build; a candidate may have expired. (CK3)",
      "- `images/f40/cockpit.yaml:11`: build two made <two>, not sha256:<absent>. Fix: write digest: <two>. (CK7)",
    ],
    merged: [
      "| `323-2.fc40` | **lost** | `aaaaaaaaaaaa` |  | sha256:<absent> is in neither registry, or misses a platform |",
      "| `323` | **lost** | `aaaaaaaaaaaa` |  | sha256:<absent> is in neither registry, or misses a platform |",
      "| `latest` | **lost** | `aaaaaaaaaaaa` |  | sha256:<absent> is in neither registry, or misses a platform |",
    ],
  },
  {
    name: "CK2 a moved immutable tag",
    files: ({ base, digest }) => ({ [path]: base.replace(digest("one"), digest("two")) }),
    title: '1 fault: the immutable tag "323-1.fc40" would move from <one> to <two>',
    faults: [
      '- `images/f40/cockpit.yaml:7`: the immutable tag "323-1.fc40" would move from <one> to <two>. Fix: write digest: <one>, and release the other as a new tag. (CK2)',
    ],
    merged: [
      "| `323-1.fc40` | **tag-move** | `<two>` |  | 323-1.fc40 is immutable and stands at <one> |",
      "| `323` | **refused** | `<two>` |  | its release 323-1.fc40 is refused |",
      "| `latest` | **refused** | `<two>` |  | its release 323-1.fc40 is refused |",
    ],
  },
  {
    name: "CK1 an unknown key",
    files: ({ good }) => ({ [path]: `${good}colour: red\n` }),
    title: '1 fault: unknown field "colour"',
    faults: ['- `images/f40/cockpit.yaml:16`: unknown field "colour". Fix: remove it. (CK1)'],
    merged: "nothing",
  },
  {
    name: "CK1 a YAML alias bomb",
    files: ({ good }) => ({ [path]: `${good}${bomb}` }),
    title: "2 faults: the anchor &loa is set",
    faults: [
      "- `images/f40/cockpit.yaml:16`: the anchor &#38;loa is set. Fix: remove it and write values out. (CK1)",
      "- `images/f40/cockpit.yaml:17`: the alias &#42;loa is used. Fix: write the value out. (CK1)",
    ],
    merged: "nothing",
  },
  {
    name: "CK2 a deleted file",
    files: () => ({ [path]: null }),
    title: "1 fault: the file is deleted, releases are append-only",
    faults: [
      "- `images/f40/cockpit.yaml`: the file is deleted, releases are append-only. Fix: put it back; withdraw releases that nobody may use. (CK2)",
    ],
    merged: [
      "- `images/f40/cockpit.yaml`: the file is deleted, its tags stay in the registries and nobody looks after them. Fix: put it back; withdraw releases that nobody may use. (CK2)",
    ],
  },
  {
    name: "CK2 a deleted release",
    files: ({ base }) => ({ [path]: base.replace(/ {2}"323-0.fc40":\n.*\n.*\n/, "") }),
    title: '1 fault: the release "323-0.fc40" is gone, releases are append-only',
    faults: [
      '- `images/f40/cockpit.yaml:3`: the release "323-0.fc40" is gone, releases are append-only. Fix: put it back; to roll back change floating only, to stop its use add it to withdrawn. (CK2)',
    ],
    state: "success",
    merged: [
      "| `323-0.fc40` | unmanaged | `<zero>` |  | no registry manifest speaks of it |",
      "| `323-0.fc40-amd64` | unmanaged | `<zero/0>` |  | no registry manifest speaks of it |",
      "| `323-0.fc40-arm64` | unmanaged | `<zero/1>` |  | no registry manifest speaks of it |",
    ],
  },
  {
    name: "CK1, DG12 policy.yaml together with an image",
    files: ({ good, policy }) => ({ [path]: good, "policy.yaml": policy.replace("gates: [signature]", "gates: [nothing]") }),
    title: "1 fault: the policy is changed together with images/f40/cockpit.yaml",
    faults: [
      "- `policy.yaml`: the policy is changed together with images/f40/cockpit.yaml. Fix: make two pull requests, the one for the policy first. (CK1)",
    ],
    merged: [
      "| `323-2.fc40` | **refused** | `<two>` |  | the test nothing of build two was not run (CK7) |",
      "| `323` | **refused** | `<two>` |  | its release 323-2.fc40 is refused |",
      "| `latest` | **refused** | `<two>` |  | its release 323-2.fc40 is refused |",
    ],
  },
  {
    name: "CK1 an unquoted tag 1.10",
    files: ({ good }) => ({ [path]: good.replace('"323":', "1.10:") }),
    title: "1 fault: the key 1.10 is not text",
    faults: ['- `images/f40/cockpit.yaml:14`: the key 1.10 is not text. Fix: write it in quotes: "1.10". (CK1)'],
    merged: "nothing",
  },
  {
    name: "CK1 no YAML at all",
    files: () => ({ [path]: "<html>\n<body>{{ not yaml: [</body>\n" }),
    title: "2 faults: this is not YAML: Implicit keys need to be on a single line",
    faults: [
      "- `images/f40/cockpit.yaml:1`: this is not YAML: Implicit keys need to be on a single line. Fix: write it as docs/registry-manifest.md shows. (CK1)",
      "- `images/f40/cockpit.yaml:3`: this is not YAML: Flow sequence in block collection must be sufficiently indented and end with a &#93;. Fix: write it as docs/registry-manifest.md shows. (CK1)",
    ],
    merged: "nothing",
  },
  {
    name: "CK1 a file of 5 MB",
    files: ({ good }) => ({ [path]: `${good}${"# much ado\n".repeat(500_000)}` }),
    title: "1 fault: the file has 5500451 bytes, at most 1048576 are read",
    faults: ["- `images/f40/cockpit.yaml`: the file has 5500451 bytes, at most 1048576 are read. Fix: make it smaller. (CK1)"],
    merged: "nothing",
  },
  {
    name: "CK1 a symbolic link in place of the file",
    files: () => ({ [path]: { linkTo: "../../policy.yaml" } }),
    title: "1 fault: the file has no fields; a symbolic link is read as the name it points to",
    faults: [
      "- `images/f40/cockpit.yaml:1`: the file has no fields; a symbolic link is read as the name it points to. Fix: write it as docs/registry-manifest.md shows, in a plain file. (CK1)",
    ],
    merged: "nothing",
  },
  {
    name: "CK1 a file that is not UTF-8",
    files: ({ good }) => ({ [path]: Buffer.concat([Buffer.from(good), Buffer.from("# caf\xe9\n", "latin1")]) }),
    title: "1 fault: the file is not UTF-8 text",
    faults: ["- `images/f40/cockpit.yaml`: the file is not UTF-8 text. Fix: save it as UTF-8. (CK1)"],
    merged: "nothing",
  },
  {
    name: "CK1 a file in the wrong place",
    files: ({ good }) => ({ "images/f41/Cockpit.yaml": good }),
    title: "1 fault: the file is no image file",
    faults: ["- `images/f41/Cockpit.yaml`: the file is no image file. Fix: name it images/NAMESPACE/NAME.yaml, in lower case. (CK1)"],
    merged: ["- `images/f41/Cockpit.yaml`: the file is no image file. Fix: name it images/NAMESPACE/NAME.yaml, in lower case. (CK1)"],
  },
  {
    name: "CK1 a file that says to be another's",
    files: ({ good }) => ({ "images/f41/cockpit.yaml": good }),
    title: '1 fault: repository is "f40/cockpit" and the file stands for "f41/cockpit"',
    faults: [
      '- `images/f41/cockpit.yaml:2`: repository is "f40/cockpit" and the file stands for "f41/cockpit". Fix: write repository: f41/cockpit. (CK1)',
    ],
    merged: "nothing",
  },
  {
    name: "CK1 a floating tag to an unknown release",
    files: ({ good }) => ({ [path]: good.replace('latest: "323-2.fc40"', 'latest: "323-9.fc40"') }),
    title: '1 fault: latest points to "323-9.fc40", which is not among the releases',
    faults: [
      '- `images/f40/cockpit.yaml:15`: latest points to "323-9.fc40", which is not among the releases. Fix: point it to a key of releases. (CK1)',
    ],
    merged: "nothing",
  },
  {
    name: "CK4 the image of one platform in place of the index",
    files: ({ added, child }) => ({ [path]: added("323-3.fc40", "child", child) }),
    title: "3 faults: <child/0> is the image of one platform, the release before it is a manifest list",
    faults: [
      "- `images/f40/cockpit.yaml:11`: <child/0> is the image of one platform, the release before it is a manifest list. Fix: write the digest of the manifest list, as the build's page shows it. (CK4)",
      "- `images/f40/cockpit.yaml:11`: the image has no linux/arm64, only linux/amd64. Fix: build it for linux/arm64. (CK5)",
      "- `images/f40/cockpit.yaml:11`: build child made <child>, not <child/0>. Fix: write digest: <child>. (CK7)",
    ],
    merged: [
      "| `323-3.fc40` | **refused** | `<child/0>` |  | <child/0> is the image of one platform, the release before it is a manifest list (CK4); the image has no linux/arm64, only linux/amd64 (CK5); build child made <child>, not <child/0> (CK7) |",
    ],
  },
  {
    name: "CK5 a platform is missing",
    files: ({ added }) => ({ [path]: added("323-4.fc40", "narrow") }),
    title: "1 fault: the image has no linux/arm64, only linux/amd64",
    faults: ["- `images/f40/cockpit.yaml:11`: the image has no linux/arm64, only linux/amd64. Fix: build it for linux/arm64. (CK5)"],
    merged: ["| `323-4.fc40` | **refused** | `<narrow>` |  | the image has no linux/arm64, only linux/amd64 (CK5) |"],
  },
  {
    name: "CK6 an unsigned candidate",
    files: ({ added }) => ({ [path]: added("323-5.fc40", "unsigned") }),
    title: "1 fault: <unsigned> has no valid signature of the candidate key (index, linux/amd64, linux/arm64)",
    faults: [
      "- `images/f40/cockpit.yaml:11`: <unsigned> has no valid signature of the candidate key (index, linux/amd64, linux/arm64). Fix: promote a build that flibs made, by its digest. (CK6)",
    ],
    merged: [
      "| `323-5.fc40` | **refused** | `<unsigned>` |  | <unsigned> has no valid signature of the candidate key (index, linux/amd64, linux/arm64) (CK6) |",
    ],
  },
  {
    name: "CK7 a failed gate",
    files: ({ added }) => ({ [path]: added("323-6.fc40", "failing") }),
    title: "2 faults: the test smoke of build failing failed on x86_64: 1 of 3 failed: answers on port 9090",
    faults: [
      "- `images/f40/cockpit.yaml:11`: the test smoke of build failing failed on x86_64: 1 of 3 failed: answers on port 9090. Fix: promote a build that passed, test this one again, or waive the test. (CK7)",
      "- `images/f40/cockpit.yaml:11`: the test smoke of build failing failed on aarch64: 1 of 3 failed: answers on port 9090. Fix: promote a build that passed, test this one again, or waive the test. (CK7)",
    ],
    merged: [
      "| `323-6.fc40` | **refused** | `<failing>` |  | the test smoke of build failing failed on x86_64: 1 of 3 failed: answers on port 9090 (CK7); the test smoke of build failing failed on aarch64: 1 of 3 failed: answers on port 9090 (CK7) |",
    ],
  },
  {
    name: "CK9 one tag for two builds",
    files: ({ digest, added }) => ({
      [path]: added("1.0_a-1", "tilde").replace("floating:", `  "1.0_a-1":\n    digest: ${digest("caret")}\n    build: "caret"\nfloating:`),
    }),
    title: "1 fault: this key is there twice",
    faults: ["- `images/f40/cockpit.yaml:13`: this key is there twice. Fix: keep one of the two. (CK1)"],
    merged: "nothing",
  },
  {
    name: "CK9 two tags that differ in case only",
    files: ({ digest, added }) => ({
      [path]: added("1.0_a-1", "tilde").replace("floating:", `  "1.0_A-1":\n    digest: ${digest("caret")}\n    build: "caret"\nfloating:`),
    }),
    title: '1 fault: "1.0_A-1" and "1.0_a-1" differ in case only',
    faults: ['- `images/f40/cockpit.yaml:13`: "1.0_A-1" and "1.0_a-1" differ in case only. Fix: rename one. (CK9)'],
    merged: "nothing",
  },
];

/** Ten lines that stand for 9^10 words; flibs never gets as far as writing them out. */
const bomb = [..."abcdefghij"]
  .map(
    (letter, i, all) =>
      `lo${letter}: &lo${letter} [${Array(9)
        .fill(i === 0 ? "lol" : `*lo${all[i - 1]}`)
        .join(", ")}]\n`,
  )
  .join("");
