import { describeAskedSites } from "./asked-sites";

describeAskedSites("sites that are hurt in every way while they are asked", (events) => {
  const { killed, interrupted, comesBack, disrupted, here, there } = events;
  return [
    [
      [interrupted, disrupted("up: agent that crashes, and back", here)],
      ["delete pod 1", "drain"].map((kind) => disrupted(kind, there)),
    ],
    // The `up` after a restart by hand leaves its pods alone.
    [[killed, comesBack], [disrupted("rollout restart", there)]],
  ];
});
