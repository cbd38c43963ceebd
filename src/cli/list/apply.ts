import { UserError } from "../../base/errors";
import { printableText } from "../../base/text";
import { reviewRemovals } from "../../preflight/zone-removal";
import { parseShared } from "../../settings/shared-settings";
import { findShared, noStack, stackOf, type StackReader } from "../stacks/reader";
import { asSettings, stackText } from "../stacks/stack-file";
import { diffOf } from "./diff";
import type { ListEdit } from "./edits";
import { type ListFile, readList } from "./list-file";
import { rewrite } from "./write";

/** What a command that edits the list is asked for beside the edit itself. */
export interface EditRequest {
  readonly file: string;
  /** Shows what would be written, and writes nothing. */
  readonly dryRun: boolean;
  edit(list: ListFile): ListEdit;
  /** By which a removal is judged; left out where nothing is removed. */
  readonly removal?: { readonly stacks: StackReader; readonly today: string };
}

/** What came of it, as `--json` has it. */
export interface EditOutcome {
  readonly file: string;
  readonly changed: boolean;
  readonly dryRun: boolean;
  readonly said: string;
  /** The lines that differ, as `diff -u` has them. */
  readonly diff: string;
  readonly warnings: readonly string[];
  /** Commands to run next. */
  readonly next: readonly string[];
  readonly hints: readonly string[];
}

/**
 * Edits the one list: the rules are checked first, and what `up` would refuse is refused here in the same words.
 *
 * @throws UserError with the cure; nothing was written then.
 */
export async function applyEdit(request: EditRequest): Promise<EditOutcome> {
  const { file, dryRun } = request;
  const text = stackText(file);
  const list = readList(file, text);
  const edit = request.edit(list);
  const changed = edit.text !== text;
  const warnings = changed && request.removal !== undefined ? await judged(list, edit, request.removal) : [];
  if (changed && !dryRun) await rewrite({ file, before: text, text: edit.text });
  const { said, hints } = edit;
  const next = edit.next.map((stack) => `pulumi up -s ${stack}`);
  return { file, changed, dryRun, said, diff: diffOf(text, edit.text), warnings, next, hints };
}

/** The lines of an outcome for a reader. */
export function outcomeLines({ changed, dryRun, said, diff, warnings, next, hints }: EditOutcome): readonly string[] {
  if (!changed) return [said];
  return [
    printableText(diff),
    "",
    dryRun ? `${said}: this would be written` : said,
    ...warnings.map((warning) => `warning: ${warning}`),
    `Nothing in a cluster has changed yet. Next:`,
    ...next.map((command) => `  ${command}`),
    ...hints,
  ];
}

async function judged(
  { file }: ListFile,
  { text, mesh }: ListEdit,
  { stacks, today }: NonNullable<EditRequest["removal"]>,
): Promise<readonly string[]> {
  const stack = stackOf(file);
  const { emptied } = parseShared(asSettings(readList(file, text).settings), stack);
  const shared = await findShared(stacks, stack);
  if (shared.kind === "missing")
    throw new UserError(
      `${noStack(stack)}, so that nothing says what may leave. Nothing was written; log in to the one that has it (pulumi login). ` +
        `Of a mesh that was never brought up, edit ${file} by hand, or make the stack first: pulumi stack init ${stack}`,
    );
  const found = await reviewRemovals(
    { mesh, emptied },
    { former: shared.outputs, today, find: (name) => stacks.find(name) },
  );
  if (found.refused.length > 0) throw new UserError(`${found.refused.join("\n")}\nNothing was written.`);
  return found.warnings;
}
