import { describeAskedSites } from "./asked-sites";

/** The short run; everything that may happen to a site is in `every-disruption.test.ts`. */
describeAskedSites(
  "sites that are asked all the time",
  ({ settings, disrupted, resized, there }) => [[[settings]], [[disrupted("delete pod 0", there), resized(2, 3)]]],
  { writes: "at the end" },
);
