/** Edits of the agent's program: a key's life in seconds, so that a roll-over is over while somebody looks. */
export const secondsForKeys = [
  ["signature: 28 * day", "signature: 600"],
  ["refresh: 14 * day", "refresh: 200"],
  ["keyTtl: hour", "keyTtl: 1"],
  ["propagation: hour", "propagation: 3"],
].map(([from = "", to = ""]) => ({ file: "src/knot/config/site-runtime.ts", from, to }));
