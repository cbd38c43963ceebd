import { randomInt } from "node:crypto";

import { fuzz } from "../harness/dns/fuzz-run";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";

const options = {
  seed: wholeNumber(randomInt(1, 2 ** 31)),
  messages: wholeNumber(200_000),
  seconds: wholeNumber(300),
};

/** Fuzzes the DNS codec. */
function fuzzing({ seed, messages, seconds }: Values<typeof options>): object {
  console.log(`seed ${seed}: up to ${messages} messages in up to ${seconds} s`);
  const report = fuzz({ seed, messages, milliseconds: seconds * 1000 });
  const perSecond = Math.round((report.messages / report.milliseconds) * 1000);
  console.log(
    `${report.messages} messages in ${(report.milliseconds / 1000).toFixed(1)} s, ${perSecond} messages/second; ` +
      `slowest ${report.slowestMs.toFixed(1)} ms, heap at most ${report.peakHeapMiB.toFixed(0)} MiB`,
  );
  for (const [outcome, count] of Object.entries(report.outcomes)) console.log(`${outcome.padEnd(12)}${count}`);
  return { seed, ...report };
}

export const bench = defineBench(module, {
  about:
    "Feeds the DNS codec with so many messages from a seed (--seed, a random one), within so many seconds at most.",
  options,
  seconds: ({ messages, seconds }) => Math.min(seconds, messages / 5000),
  smallest: ["--messages", "100", "--seconds", "5"],
  run: fuzzing,
});
