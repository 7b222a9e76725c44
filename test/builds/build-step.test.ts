import { expect, test } from "@jest/globals";
import { stepOf } from "../../src/builds/build-step.ts";

const dockerfile = `ARG V=1
FROM registry.example.test/base:$V AS Tools
ENV A=1
WORKDIR /src
RUN make \\
    all
FROM scratch
COPY --from=tools /src /
FROM tools
LABEL a=b
RUN <<EOF
two
EOF
RUN three
`;

test.each([
  ["what the classic builder counts", { step: 4 }, 4],
  ["a line of the file", { line: 6 }, 5],
  ["a line within a here-document", { line: 12 }, 10],
  ["FROM of an image", { layer: { stage: "tools", number: 1, keyword: "FROM" } }, 2],
  ["the third of a stage with an image", { layer: { stage: "tools", number: 3, keyword: "RUN" } }, 5],
  ["another case of the stage's name", { layer: { stage: "Tools", number: 2, keyword: "WORKDIR" } }, 4],
  ["a stage without a name and an image", { layer: { stage: "stage-1", number: 1, keyword: "COPY" } }, 7],
  ["a stage upon an earlier one", { layer: { stage: "stage-2", number: 2, keyword: "RUN" } }, 11],
  ["another keyword than stands there", { layer: { stage: "stage-2", number: 2, keyword: "COPY" } }, undefined],
  ["a stage that is not there", { layer: { stage: "stage-7", number: 1, keyword: "RUN" } }, undefined],
  ["no stage, though there are several", { layer: { number: 1, keyword: "RUN" } }, undefined],
  ["nothing", {}, undefined],
])("%s", (_, place, step) => {
  expect(stepOf(dockerfile, place)).toBe(step);
});

test("the only stage needs no name", () => {
  expect(stepOf("FROM scratch\nCOPY a /\nUSER 1\nRUN b\n", { layer: { number: 2, keyword: "RUN" } })).toBe(4);
});
