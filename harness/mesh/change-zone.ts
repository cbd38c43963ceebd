import { setTimeout as delay } from "node:timers/promises";

import { KnotControl } from "../../src/knot/control/knot-control";

/** Between two changes, milliseconds. */
const restMs = 20;

/**
 * Runs in an agent's container, which has Knot's control socket: changes an own zone for some seconds, and tells the agent
 * each time, as whoever changes an own zone does.
 */
async function main([zone = "", text = "", seconds = "0"]: readonly string[]): Promise<void> {
  const control = new KnotControl("/rundir/knot.sock");
  const end = Date.now() + Number(seconds) * 1000;
  for (let i = 0; Date.now() < end; i++) {
    await control.zoneReplace(zone, { owner: `t.${zone}`, ttl: 1, type: "TXT", data: `"${text} ${i}"` });
    const { ok, status } = await fetch("http://127.0.0.1:8053/announce", { method: "POST" });
    if (!ok) throw new Error(`the agent answered ${status}`);
    await delay(restMs);
  }
}

void main(process.argv.slice(1));
