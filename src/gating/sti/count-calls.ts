import type { TestContainer } from "../../engines/engine.ts";

/** The same container, and how often it was asked for something: a command, or a file. */
export function countCalls(container: TestContainer): { readonly container: TestContainer; readonly calls: () => number } {
  let calls = 0;
  return {
    calls: () => calls,
    container: {
      ended: () => container.ended(),
      exec: (...call) => {
        calls += 1;
        return container.exec(...call);
      },
      readFile: (...call) => {
        calls += 1;
        return container.readFile(...call);
      },
      close: () => container.close(),
    },
  };
}
