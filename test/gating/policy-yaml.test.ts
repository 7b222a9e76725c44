import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { matchesGlob } from "../../src/gating/glob.ts";
import { maxPolicyBytes, type PolicyPlace, parsePolicies } from "../../src/gating/policy-yaml.ts";

const parse = (text: string, place: PolicyPlace = "repository") => parsePolicies(new TextEncoder().encode(text), place);

const handbook = `--- !Policy
id: image_release
product_versions: ["fedora-*"]
decision_contexts: [image_push_stable]
subject_type: koji_build
rules:
  - !PassingTestCaseRule {test_case_name: flibs.tests.yml.smoke}
  - !PassingTestCaseRule {test_case_name: flibs.structure}
`;

describe("policies in YAML", () => {
  test("the form of Greenwave's own documentation", () => {
    expect(parse(handbook, "site")).toEqual({
      faults: [],
      policies: [
        {
          id: "image_release",
          productVersions: ["fedora-*"],
          decisionContexts: ["image_push_stable"],
          subjectTypes: ["koji_build"],
          rules: [
            { kind: "test", testcase: "flibs.tests.yml.smoke" },
            { kind: "test", testcase: "flibs.structure" },
          ],
        },
      ],
    });
  });

  test("several documents, every field, dates with and without a time", () => {
    const text = `# ours
--- !Policy
product_versions: [fedora-40, "epel-*"]
decision_context: flibs_promote
subject_type: container-image
packages: ["cockpit*"]
excluded_packages: [cockpit-old]
rules:
  - !PassingTestCaseRule
    test_case_name: flibs.smoke
    scenario: fips
    valid_since: 2026-01-31
    valid_until: 2026-12-31 12:30:00+02:00
--- !Policy
product_versions: ["*"]
decision_contexts: [a, b]
blacklist: [x]
rules: []
`;
    expect(parse(text).policies).toEqual([
      {
        productVersions: ["fedora-40", "epel-*"],
        decisionContexts: ["flibs_promote"],
        subjectTypes: ["container-image"],
        packages: ["cockpit*"],
        excludedPackages: ["cockpit-old"],
        rules: [
          {
            ...{ kind: "test", testcase: "flibs.smoke", scenario: "fips" },
            ...{ validSince: "2026-01-31T00:00:00.000Z", validUntil: "2026-12-31T10:30:00.000Z" },
          },
        ],
      },
      { productVersions: ["*"], decisionContexts: ["a", "b"], subjectTypes: ["koji_build"], excludedPackages: ["x"], rules: [] },
    ]);
  });

  test("operators may point to the repository's gating.yaml, repositories may not", () => {
    const text = handbook.replace(/ {2}- !Pass[\s\S]*/, "  - !RemoteRule {required: true}\n");
    expect(parse(text, "site").policies[0]?.rules).toEqual([{ kind: "remote", required: true }]);
    expect(parse(text).faults).toEqual([
      { line: 7, message: "a gating.yaml cannot have a !RemoteRule: it is itself what such a rule reads", fix: "Remove the rule" },
    ]);
  });

  const policy = (changes: string, rules = "rules: []") =>
    `--- !Policy\nid: a\nproduct_versions: ["*"]\nsubject_type: koji_build\n${changes === "" ? "decision_context: c" : changes}\n${rules}\n`;
  const rule = (text: string) => policy("", `rules:\n  - ${text}`);
  test.each([
    { name: "nothing", text: "", line: 1, says: "the file has no policy" },
    { name: "a comment alone", text: "# nothing\n", line: 1, says: "the file has no policy" },
    { name: "an empty document", text: "---\n", line: 1, says: "the file has no policy" },
    { name: "no YAML", text: "--- !Policy\nid: [\n", line: 3, says: "not valid YAML" },
    { name: "a tab for blanks", text: "--- !Policy\nrules:\n\t- a\n", line: 3, says: "not valid YAML" },
    { name: "a key twice", text: `${policy("")}id: b\n`, line: 7, says: "not valid YAML: Map keys must be unique" },
    {
      name: "a key twice below",
      text: rule("!PassingTestCaseRule {test_case_name: a, test_case_name: b}"),
      line: 7,
      says: "keys must be unique",
    },
    { name: "a key twice once in quotes", text: `${policy("")}"id": b\n`, line: 7, says: "not valid YAML: Map keys must be unique" },
    { name: "no tag", text: "id: a\nrules: []\n", line: 1, says: "there is no tag where !Policy belongs" },
    { name: "another tag", text: "--- !SubjectType\nid: a\n", line: 2, says: "there is the tag !SubjectType where !Policy belongs" },
    {
      name: "a tag of Python's",
      text: "--- !!python/object/apply:os.system [ls]\n",
      line: 1,
      says: "there is the tag tag:yaml.org,2002:python",
    },
    { name: "a text with the tag", text: "--- !Policy hello\n", line: 1, says: "behind !Policy there must be keys and values" },
    { name: "an unknown key", text: policy("decision_context: c\nextra: 1"), line: 6, says: '"extra" is no key of !Policy' },
    { name: "a key that is a list", text: policy("decision_context: c\n? [a, b]\n: 1"), line: 6, says: '"" is no key of !Policy' },
    {
      name: "no product versions",
      text: policy("").replace(/product_versions.*\n/, ""),
      line: 2,
      says: "the policy has no product_versions",
    },
    {
      name: "product versions that are no list",
      text: policy("").replace('["*"]', "fedora-*"),
      line: 3,
      says: "product_versions is no list",
    },
    { name: "a number for a version", text: policy("").replace('"*"', "40"), line: 3, says: "product_versions is no such text" },
    { name: "no context", text: policy("packages: []"), line: 2, says: "the policy has no decision_context" },
    { name: "both contexts", text: policy("decision_context: c\ndecision_contexts: [d]"), line: 6, says: "both decision_context and" },
    { name: "an empty list of contexts", text: policy("decision_contexts: []"), line: 5, says: "decision_contexts is empty" },
    { name: "no rules", text: policy("", ""), line: 2, says: "the policy has no rules" },
    { name: "rules that are no list", text: policy("", "rules: {a: 1}"), line: 6, says: "rules is no list" },
    {
      name: "a rule without a tag",
      text: rule("{test_case_name: a}"),
      line: 7,
      says: "no tag where !PassingTestCaseRule or !RemoteRule belongs",
    },
    { name: "a rule of another kind", text: rule("!PackageSpecificBuild {}"), line: 7, says: "the tag !PackageSpecificBuild where" },
    { name: "a rule without a name", text: rule("!PassingTestCaseRule {}"), line: 7, says: "the rule has no test_case_name" },
    { name: "an empty name", text: rule('!PassingTestCaseRule {test_case_name: ""}'), line: 7, says: "test_case_name is no such text" },
    {
      name: "a name with a line end",
      text: rule('!PassingTestCaseRule {test_case_name: "a\\nb"}'),
      line: 7,
      says: "test_case_name is no such text",
    },
    {
      name: "a date that is none",
      text: rule("!PassingTestCaseRule {test_case_name: a, valid_since: soon}"),
      line: 7,
      says: "valid_since is no date",
    },
    {
      name: "30 February",
      text: rule("!PassingTestCaseRule {test_case_name: a, valid_until: 2026-02-30}"),
      line: 7,
      says: "valid_until is no date",
    },
    {
      name: "an end before the beginning",
      text: rule("!PassingTestCaseRule {test_case_name: a, valid_since: 2026-02-02, valid_until: 2026-02-01}"),
      ...{ line: 7, says: "valid_until is not after valid_since" },
    },
    { name: "an anchor", text: rule("!PassingTestCaseRule &a {test_case_name: a}"), line: 7, says: "anchors and aliases" },
    {
      name: "an alias",
      text: `${rule("!PassingTestCaseRule {test_case_name: &a x}")}packages: [*a]\n`,
      line: 7,
      says: "anchors and aliases",
    },
    { name: "an alias of nothing", text: policy("decision_context: *a"), line: 5, says: "anchors and aliases" },
    { name: "the same id twice", text: policy("") + policy(""), line: 1, says: "two policies have the id a" },
    { name: "too many rules", text: policy("", `rules:\n${"  - !RemoteRule {}\n".repeat(201)}`), line: 7, says: "more than 200 rules" },
    { name: "too many documents", text: policy("").repeat(51), line: 1, says: "more than 50 documents" },
    {
      name: "a pattern with four stars",
      text: policy('decision_context: c\npackages: ["*a*b*c*"]'),
      line: 6,
      says: "no pattern of at most",
    },
    {
      name: "a pattern of 101 letters",
      text: policy(`decision_context: c\nexcluded_packages: [${"x".repeat(101)}]`),
      ...{ line: 6, says: "no pattern of at most 100 letters" },
    },
    {
      name: "patterns that are slow to compare",
      text: policy(
        `decision_context: c\npackages: [${Array(90)
          .fill(`"*${"a".repeat(48)}*"`)
          .join(", ")}]`,
      ),
      ...{ line: 6, says: "more than 4000 letters together" },
    },
    { name: "too many bytes", text: `#${"x".repeat(maxPolicyBytes)}`, line: 1, says: "more than 64 KiB" },
  ])("wrong: $name", ({ text, line, says }) => {
    const { policies, faults } = parse(text);
    expect(policies).toEqual([]);
    expect(faults[0]?.message).toContain(says);
    expect(faults[0]).toMatchObject({ line, fix: expect.stringMatching(/\w/) });
  });

  test("a bomb of aliases is refused at once", () => {
    const text = `--- !Policy\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n`;
    expect(parse(text).faults[0]?.message).toBe("anchors and aliases (& and *) are not allowed");
  });

  test("10,000 keys are looked through in no time", () => {
    const text = Array.from({ length: 10_000 }, (_, n) => `k${n.toString(36)}:\n`).join("");
    const begun = performance.now();
    expect(parse(`--- !Policy\n${text}`).faults).toHaveLength(20);
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  test("what is no UTF-8 is refused", () => {
    expect(parsePolicies(Uint8Array.of(0xff, 0xfe, 0x00), "site").faults[0]?.message).toBe("file is not UTF-8 text");
  });

  test("whatever the bytes, an answer comes: policies, or faults with a line, never both", () => {
    const piece = fc.constantFrom(
      ...[
        "--- !Policy\n",
        "id: a\n",
        "rules:\n",
        "  - ",
        "!PassingTestCaseRule ",
        "!RemoteRule {}",
        "{test_case_name: a}\n",
        "[",
        "]",
        "&a ",
        "*a",
      ],
      ...[
        "product_versions: ['*']\n",
        "decision_context: c\n",
        "\n",
        "? ",
        ": ",
        "|\n",
        "\t",
        "!!binary ",
        "%YAML 1.2\n",
        "...\n",
        "\u2028",
        "null",
      ],
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 30 }).map((parts) => parts.join("")),
      fc.string({ unit: "binary", maxLength: 200 }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom<PolicyPlace>("site", "repository"), (written, place) => {
        const { policies, faults } = parse(written, place);
        expect(policies.length === 0).toBe(faults.length > 0);
        for (const { line, message, fix } of faults) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(written.split("\n").length + 1);
          expect(`${message}${fix}`.length).toBeLessThan(700);
        }
      }),
    );
  });
});

test("a pattern fits as a regular expression would say, in linear time", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "-"), maxLength: 8 });
  fc.assert(
    fc.property(letters, letters, (pattern, text) => {
      const expression = [...pattern].map((one) => (one === "*" ? "[\\s\\S]*" : one === "?" ? "[\\s\\S]" : one)).join("");
      expect(matchesGlob(pattern, text)).toBe(new RegExp(`^(?:${expression})$`, "u").test(text));
    }),
  );
  expect(matchesGlob(`${"*a".repeat(2000)}b`, "a".repeat(20_000))).toBe(false);
});
