import { describe, expect, test } from "@jest/globals";
import { parseDockerfile } from "../../src/distgit/dockerfile.ts";
import { heredocDialect } from "./dialects.ts";

/** Instructions with their lines, and what lint says; below a FROM on line 1. */
function read(text: string, heredocs = true) {
  const { dockerfile, findings } = parseDockerfile(`FROM r.example.test/a:1\n${text}`, heredocDialect(heredocs));
  const instructions = (dockerfile?.instructions ?? []).slice(1).map((one) => `${one.keyword} ${one.line}-${one.lastLine}`);
  return { instructions, said: findings.map((one) => `${one.line} ${one.message} | ${one.fix}`) };
}

describe("lines that belong to an instruction", () => {
  test.each([
    ["a script", "RUN cat <<EOF\nFROM a\nEOF\nRUN x", ["RUN 2-4", "RUN 5-5"]],
    ["two files, tabs in front of one", "COPY <<a <<-b /x/\nhi\na\n\tx\n\tb\nRUN x", ["COPY 2-6", "RUN 7-7"]],
    ["a name in quotes, lines continued before and behind", "RUN cat <<'EOF' | sh \\\n  && x\n a \\\\\n# b\nEOF\n", ["RUN 2-6"]],
    ["Windows line ends", "RUN cat <<A\r\nb\r\nA\r\nRUN y\r\n", ["RUN 2-4", "RUN 5-5"]],
    ["behind ONBUILD", "ONBUILD RUN <<EOF\nfoo\nEOF", ["ONBUILD 2-4"]],
    ["an end that only looks like one", "RUN <<EOF\n EOF\nEOF \nEOF\n", ["RUN 2-5"]],
    ["words that look like directives", "RUN <<EOF\n# escape=`\nx \\\nEOF\n", ["RUN 2-5"]],
  ])("%s", (_, text, instructions) => {
    expect(read(text)).toEqual({ instructions, said: [] });
  });
});

describe("what is none", () => {
  test.each([
    ["within a word", "RUN a b<<c", ["RUN 2-2"]],
    ["a here-string", "RUN a <<<x", ["RUN 2-2"]],
    ["a here-string of a variable", "RUN a <<<$x it's", ["RUN 2-2"]],
    ["in quotes", "RUN sh -c 'x <<EOF'", ["RUN 2-2"]],
    ["in a list", 'RUN ["a", "<<EOF"]', ["RUN 2-2"]],
    ["of another instruction", "ENV A=<<EOF\nRUN x", ["ENV 2-2", "RUN 3-3"]],
  ])("%s", (_, text, instructions) => {
    expect(read(text)).toEqual({ instructions, said: [] });
    expect(read(text, false)).toEqual({ instructions, said: [] });
  });
});

describe("bad input", () => {
  const unclear = (word: string) =>
    `2 "${word}" can be read as a here-document or as something else | Use a plain name with a space behind it, as in <<EOF, or write << in quotes`;
  const quote = "2 << can be read in two ways beside a quote that is not closed | Close the quote, or put a \\ in front of it";
  const dollar =
    "2 << can be read in two ways beside a $ | Write << in quotes, or leave $ to the lines of the here-document or to a script";
  const space = "2 << can be read in two ways beside unusual white space | Use plain blanks and tabs";
  test.each([
    ["RUN echo $((1 <<2))", unclear("<<2))")],
    ["RUN cat <<EOF>/x", unclear("<<EOF>/x")],
    ["RUN cat <<EOF;", unclear("<<EOF;")],
    ["RUN cat <<$NAME", unclear("<<$NAME")],
    ["RUN cat <<\\EOF", unclear("<<\\EOF")],
    ["COPY <<é /x", unclear("<<é")],
    // BuildKit drops what its lexer has to complain of, and the here-documents with it: these lines would be instructions.
    ["RUN true # <<EOF it's\nADD http://169.254.169.254/x /x\nFROM 10.0.0.5:5000/any\nRUN echo \\\nEOF", quote],
    ['RUN true <<EOF "\nADD a b\nEOF', quote],
    ["ONBUILD RUN <<EOF it's\nx\nEOF", quote],
    ["COPY <<EOF /it's\nx\nEOF", quote],
    ["RUN echo ' <<EOF", quote],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of shells
    ["RUN true # <<EOF ${a!b}\nADD http://169.254.169.254/x /x\nRUN echo \\\nEOF", dollar],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of shells
    ["RUN x ${a:-b <<EOF c}\nx\nEOF", dollar],
    ["RUN x $a<<EOF\nRUN x \\\nEOF", dollar],
    ["ADD <<EOF $x\nx\nEOF", dollar],
    ["RUN echo $((1<<2))", dollar],
    // Newer releases take the next word for the name.
    ["RUN true # << EOF\nFROM scratch\nRUN echo \\\nEOF", unclear("<< EOF")],
    ["RUN true # <<- EOF\nRUN x \\\nEOF", unclear("<<-")],
    ["RUN true # << 'EOF'\nRUN x \\\nEOF", unclear('<< ""')],
    ["RUN x <<", unclear("<<")],
    ["RUN true\uFEFF<<EOF\nADD a b\nEOF", space],
    ["RUN true\u0085<<EOF\nADD a b \\\nEOF", space],
    ["RUN 3<<EOF cat\nfoo\nEOF", "2 the instruction can be read in two ways | Write it on one line, with plain quotes and no << in it"],
    ["RUN cat <<EOF\nFROM x", "2 the here-document <<EOF never ends | Add a line with EOF alone after its last line"],
    [`RUN ${"<<A ".repeat(21)}\n`, "2 RUN has more than 20 here-documents | Put the texts into files"],
  ])("%j", (text, expected) => {
    expect(read(text).said).toEqual([expected]);
  });

  test.each(["RUN true # \\ <<EOF\nADD x /x\nRUN echo `\nEOF", "COPY <<EOF /x\nx\nEOF"])("%j under another escape sign", (text) => {
    const { findings } = parseDockerfile(`# escape=\`\nFROM r.example.test/a:1\n${text}`, heredocDialect(true));
    expect(findings.map((one) => `${one.line} ${one.code}: ${one.message} | ${one.fix}`)).toEqual([
      "3 distgit.dockerfile-ambiguous: << can be read in two ways where ` is the escape sign | Remove # escape=, or write << in quotes",
    ]);
  });

  test("lines without an end are bounded", () => {
    expect(read(`RUN <<A\n${"x\n".repeat(6000)}A\n`).said).toEqual([
      "2 the here-documents have more than 5000 lines | Put the texts into files and COPY them",
    ]);
  });

  test("a builder that knows none gets none", () => {
    expect(read("RUN <<EOF\nFROM evil.example.test/x\nEOF\nRUN y", false)).toEqual({
      instructions: ["RUN 2-4", "RUN 5-5"],
      said: ["2 a here-document (<<) needs BuildKit, and images are built by the classic builder | Put the text into a file and COPY it"],
    });
  });
});
