const { reporters } = require("mocha");
const { writeFileSync } = require("node:fs");
const { relative } = require("node:path");

/** How long what tests began may go on after the last of them. */
const leftoverMs = 60_000;

/**
 * Mocha's spec reporter that also writes to the file that TIER_COUNTS names, as JSON, what it counted, which tests failed and
 * how long each file took, its hooks included. A run that something keeps from ending after its last test fails, and says by what.
 */
module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const failures = [];
    const seconds = {};
    let began = 0;
    runner.on("fail", (test, error) => {
      const [message = ""] = String(error?.message ?? error).split("\n");
      failures.push({ test: test.fullTitle(), message });
    });
    runner.on("suite", (suite) => {
      if (suite.parent?.root) began = Date.now();
    });
    runner.on("suite end", (suite) => {
      if (!suite.parent?.root) return;
      const file = relative(process.cwd(), suite.file ?? "");
      seconds[file] = (seconds[file] ?? 0) + (Date.now() - began) / 1000;
    });
    runner.once("end", () => {
      const { passes, pending } = this.stats;
      const counts = { passed: passes, failed: this.stats.failures, skipped: pending, failures, seconds };
      const file = process.env.TIER_COUNTS;
      if (file) writeFileSync(file, JSON.stringify(counts));
      const leftover = setTimeout(() => {
        const test = `something is left that keeps the run from ending: ${process.getActiveResourcesInfo().join(", ")}`;
        console.error(test);
        failures.push({ test, message: `for ${leftoverMs / 1000} s after the last test` });
        if (file) writeFileSync(file, JSON.stringify({ ...counts, failed: counts.failed + 1 }));
        process.exit(1);
      }, leftoverMs);
      leftover.unref();
    });
  }
};
