const { reporters } = require("mocha");
const { writeFileSync } = require("node:fs");

/** Mocha's spec reporter that also writes its counts as JSON to the file that TIER_COUNTS names. */
module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      const file = process.env.TIER_COUNTS;
      if (file) writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
};
