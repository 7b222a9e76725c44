import type { BuildRecord, BuiltImage } from "../builds/build-record.ts";
import { resultName } from "../builds/verdict.ts";
import { formatBytes, formatDuration } from "../domain/amounts.ts";
import { formatNvr } from "../domain/nvr.ts";
import type { JournalEntry, Run } from "../workflow/run.ts";
import { plain, type Terminal, type Tone, tint } from "./terminal.ts";

const outcomes: Readonly<Record<string, Tone>> = { pass: "good", fail: "bad", error: "bad", skip: "faint" };

/** `flibs show`: one build on one screen. */
export function formatBuild(
  terminal: Terminal,
  build: BuildRecord,
  run: Run | undefined,
  journal: readonly JournalEntry[],
  publicName: string,
  documents: readonly { readonly name: string }[],
): string {
  const line = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`${tint(terminal, "faint", name.padEnd(12))}${plain(value).replaceAll("\n", `\n${" ".repeat(12)}`)}`];
  const image = build.digest && build.plan ? `${publicName}/${build.plan.imageRepository}@${build.digest}` : undefined;
  return [
    tint(terminal, "strong", `${build.nvr ? formatNvr(build.nvr) : `${build.id} (${build.scratch ? "scratch" : "no NVR yet"})`}`),
    ...line("state", run?.status === "waiting" ? `waiting for ${run.waitingFor}` : build.state),
    ...line("build", build.id),
    ...line("source", `${build.repository} ${build.branch} ${build.commit}`),
    ...line("asked by", build.requestedBy),
    ...line("asked for", formatAsked(build)),
    ...line("target", build.plan?.target && `${build.plan.target.name}, tagged into ${build.plan.target.destinationTag}`),
    ...line("started", build.createdAt),
    ...line("ended", build.finishedAt),
    ...line("image", image),
    ...line("tags", build.plan ? [build.plan.primaryTag, ...build.plan.floatingTags].filter(Boolean).join(", ") : undefined),
    ...(build.plan?.parents ?? []).flatMap((parent) =>
      line("parent", `${parent.written} = ${parent.digest}${parent.nvr === undefined ? "" : ` (${parent.nvr})`}`),
    ),
    ...build.images.flatMap((built) => line("platform", formatImage(built))),
    ...line("documents", documents.length === 0 ? undefined : documents.map((one) => one.name).join(", ")),
    ...line("promotion", build.promotion ? `${build.promotion.repository} #${build.promotion.number}` : undefined),
    ...line("error", build.error?.message),
    ...line("fix", build.error?.hint),
    ...build.tests.map((test) => {
      const outcome = tint(terminal, outcomes[test.outcome] ?? "strong", test.outcome.padEnd(6));
      const flaky = test.flaky ? tint(terminal, "busy", " flaky") : "";
      return `${tint(terminal, "faint", "test".padEnd(12))}${outcome}${plain(resultName(build, test))}${flaky} ${plain(test.message)}`;
    }),
    tint(terminal, "faint", "steps"),
    ...journal.map((entry) => {
      const took = formatDuration(Date.parse(entry.finishedAt) - Date.parse(entry.startedAt));
      return `  ${took.padStart(8)}  ${plain(entry.step)}`;
    }),
    "",
  ].join("\n");
}

/** What a person asked for beside the commit; undefined when that was nothing. */
function formatAsked({
  isolated,
  release,
  architectures,
  yumRepositories,
  parentBuild,
  target,
  userdata,
}: BuildRecord): string | undefined {
  const asked = [
    ...(isolated === true ? ["isolated"] : []),
    ...(release === undefined ? [] : [`release ${release}`]),
    ...(architectures === undefined ? [] : [`for ${architectures.join(", ")}`]),
    ...(parentBuild === undefined ? [] : [`on ${parentBuild}`]),
    ...(target === undefined ? [] : [`target ${target}`]),
    ...(yumRepositories ?? []).map((url) => `repository ${url}`),
    ...(userdata === undefined ? [] : [`userdata ${JSON.stringify(userdata)}`]),
  ];
  return asked.length === 0 ? undefined : asked.join("\n");
}

function formatImage(image: BuiltImage): string {
  const rpms = image.rpms.length === 0 ? "" : `, ${image.rpms.length} RPMs`;
  const compressed = image.parts && formatBytes(image.parts.layers.reduce((sum, layer) => sum + layer.compressedBytes, 0));
  const size = `${formatBytes(image.sizeBytes)}${compressed === undefined ? "" : ` (${compressed} compressed)`}`;
  return `${image.platform} ${image.digest ?? image.imageId}, ${size}, ${image.diffIds.length} layers${rpms}`;
}
