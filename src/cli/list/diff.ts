/** Lines around what differs. */
const around = 2;

/** What one edit changes in a text, as `diff -u` has it: the lines that differ, with those around them. Empty when none does. */
export function diffOf(before: string, after: string): string {
  if (before === after) return "";
  const [old, now] = [before.split("\n"), after.split("\n")];
  const most = Math.min(old.length, now.length);
  let head = 0;
  while (head < most && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < most - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const from = Math.max(0, head - around);
  const end = Math.max(0, tail - around);
  const common = (lines: readonly string[]): readonly string[] => lines.map((line) => ` ${line}`);
  return [
    `@@ line ${from + 1} @@`,
    ...common(old.slice(from, head)),
    ...old.slice(head, old.length - tail).map((line) => `-${line}`),
    ...now.slice(head, now.length - tail).map((line) => `+${line}`),
    ...common(old.slice(old.length - tail, old.length - end)),
  ].join("\n");
}
