import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

import { clockWords } from "../../../../src/base/clock";

const root = join(__dirname, "../../../..");
const rooms = ["src/agents", "src/kube"];
/** Names of the ConfigMap stand in them: two lines that say with other words what the API server's do. */
const withNames = [/^ConfigMap $/];

describe("the document of all messages", () => {
  const text = readFileSync(join(root, "docs/logs.md"), "utf8");
  const messages = text.slice(text.indexOf("\n## Messages"));
  const documented = [...messages.matchAll(/^\| (`+)(.+?)\1 \|/gm)].map(([, , message]) => message);

  it("has each that a program may write, and none besides", () => {
    const written = new Set([...rooms.flatMap(sources).flatMap(messagesIn), clockWords]);
    expect([...written].sort()).to.deep.equal([...documented].sort());
  });

  it("has each once", () => {
    expect(new Set(documented).size).to.equal(documented.length);
  });
});

function sources(room: string): string[] {
  return readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(root, room, file));
}

/** Texts that stand in the calls of loggers; what comes from elsewhere, such as an error's words, is none. */
function messagesIn(file: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isLogging(node.expression)) found.push(...textsOf(node.arguments[0]));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true));
  return found;
}

function isLogging(callee: ts.Expression): boolean {
  if (!ts.isPropertyAccessExpression(callee) || !["info", "warn", "error"].includes(callee.name.text)) return false;
  const { expression } = callee;
  return (ts.isIdentifier(expression) ? expression.text : ts.isPropertyAccessExpression(expression) && expression.name.text) === "log";
}

function textsOf(node: ts.Expression | undefined): string[] {
  if (node === undefined) return [];
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return [node.text];
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  if (ts.isTemplateExpression(node) && !withNames.some((pattern) => pattern.test(node.head.text)))
    return [node.getText()];
  return [];
}
