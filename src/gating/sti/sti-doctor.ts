import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appError } from "../../domain/errors.ts";
import { ansibleEnvironment } from "./ansible-call.ts";
import { runClosed } from "./closed-process.ts";
import { demandPrograms, programs } from "./programs.ts";
import { layOutWorkspace } from "./workspace.ts";

/**
 * Asks Ansible for its version in a closed workspace, as suites run in one. Throws `gating.program-missing`, and `gating.workspace-open` where this
 * machine does not let flibs make one.
 */
export async function lookAtAnsible(): Promise<string> {
  await demandPrograms();
  const directory = await mkdtemp(join(tmpdir(), "flibs-doctor-"));
  try {
    await layOutWorkspace(directory, { tree: join(directory, "nothing"), subject: "docker:none", branch: undefined });
    let said = "";
    const take = (bytes: Uint8Array) => {
      said = (said + Buffer.from(bytes).toString()).slice(0, 4000);
    };
    const env = ansibleEnvironment("none");
    const run = { workspace: directory, program: programs.ansible, args: ["--version"], env, take };
    const end = await runClosed(run, AbortSignal.timeout(60_000));
    const line =
      said
        .replaceAll(/\p{C}+/gu, "\n")
        .split("\n")[0]
        ?.slice(0, 200) ?? "";
    if (end.kind === "exited" && end.exitCode === 0) return `${line}, in a closed workspace`;
    throw appError("gating.workspace-open", `ansible-playbook does not run in a closed workspace: ${line}`, {
      hint: "bubblewrap 0.8 and user namespaces are needed; docs/test-sti.md says what a container needs that flibs runs in",
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
