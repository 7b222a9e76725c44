import fc from "fast-check";

/** Dockerfiles that parse, in the styles that people write: several stages, comments, blank lines, continuations, here-documents, both line ends. */
export function dockerfileText(): fc.Arbitrary<string> {
  const plain = fc.constantFrom(
    "RUN dnf -y install a && dnf clean all",
    "run   echo  'a b'",
    "RUN a \\\n  && b \\\n# why\n  && c",
    "RUN <<EOF\nFROM x\nUSER y\nEOF",
    "RUN <<-A <<B\n\tx\n\tA\n# no\nB",
    'RUN ["a", "b c"]',
    "COPY a /a",
    "COPY --chown=1 a b /c/",
    "ADD a.tar.gz /",
    "ENV A=1 B=\"2 3\" C='$D'",
    "ENV A the rest",
    "ARG A",
    "ARG B=app",
    'LABEL name="x" version=1 \\\n      summary="a b"',
    "LABEL old style value",
    "USER app",
    "USER 1001:0",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Dockerfiles
    "USER ${A:-other}",
    "USER root",
    "USER $MISSING",
    "WORKDIR /x",
    'CMD ["a"]',
    "ENTRYPOINT a",
    "EXPOSE 80/tcp",
    "VOLUME /v",
    'SHELL ["/bin/bash", "-c"]',
    "HEALTHCHECK --interval=5s CMD true",
    "ONBUILD RUN x",
    "STOPSIGNAL SIGTERM",
    "# comment",
    "  # indented comment",
    "",
    "   ",
  );
  const stage = fc.record({ kind: fc.nat(3), lines: fc.array(plain, { maxLength: 8 }) });
  return fc
    .record({
      head: fc.constantFrom("", "\uFEFF", "# syntax=docker/dockerfile:1\n", "ARG V=1\n\n"),
      stages: fc.array(stage, { minLength: 1, maxLength: 4 }),
      windows: fc.boolean(),
      end: fc.boolean(),
    })
    .map(({ head, stages, windows, end }) => {
      const blocks = stages.flatMap(({ kind, lines }, index) => [fromLine(kind, index), ...lines]);
      const text = head + blocks.join("\n") + (end ? "\n" : "");
      return windows ? text.replaceAll("\n", "\r\n") : text;
    });
}

function fromLine(kind: number, index: number): string {
  if (kind === 0) return `FROM scratch AS s${index}`;
  if (kind === 1 && index > 0) return `from s${index - 1} as s${index}`;
  return kind === 2 ? `FROM --platform=linux/amd64 \\\n  r.x/f:2 AS s${index}` : `FROM r.x/f:1 AS s${index}`;
}
