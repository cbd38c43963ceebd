import { describeAskedSites } from "./asked-sites";

describeAskedSites("sites that are hurt in every way while they are asked", (events) => {
  const { killed, interrupted, comesBack, disrupted, resized, here, there } = events;
  return [
    [
      [interrupted, disrupted("up: agent that crashes, and back", here)],
      ["delete pod 1", "drain"].map((kind) => disrupted(kind, there)),
    ],
    // The `up` after a restart by hand leaves its pods alone.
    [[killed, comesBack], [disrupted("rollout restart", there)]],
    [[disrupted("up: new image", here)], [resized(2, 3), resized(3, 1), resized(1, 2)]],
  ];
});
