import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";

import { fuzz } from "../test/unit/dns/fuzz-run";

/** Fuzzes the DNS codec: `--messages N` (200,000) within `--seconds N` (300), from `--seed N` (a random one). */
function main(): void {
  const { values } = parseArgs({
    options: { messages: { type: "string" }, seconds: { type: "string" }, seed: { type: "string" } },
  });
  const seed = wholeNumber("seed", values.seed) ?? randomInt(1, 2 ** 31);
  const messages = wholeNumber("messages", values.messages) ?? 200_000;
  const seconds = wholeNumber("seconds", values.seconds) ?? 300;
  console.log(`seed ${seed}: up to ${messages} messages in up to ${seconds} s`);
  const report = fuzz({ seed, messages, milliseconds: seconds * 1000 });
  const perSecond = Math.round((report.messages / report.milliseconds) * 1000);
  console.log(
    `${report.messages} messages in ${(report.milliseconds / 1000).toFixed(1)} s, ${perSecond} messages/second; ` +
      `slowest ${report.slowestMs.toFixed(1)} ms, heap at most ${report.peakHeapMiB.toFixed(0)} MiB`,
  );
  for (const [outcome, count] of Object.entries(report.outcomes)) console.log(`${outcome.padEnd(12)}${count}`);
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Error(`--${name} must be a whole number from 1 on, got ${text}`);
  return Number(text);
}

main();
