import { eventually } from "../../harness/eventually";
import { freePort } from "../../harness/free-port";
import { startBind, startNsd } from "../../harness/other-servers/server";
import { Lab } from "../../lab";
import type { LabOptions } from "../../lab/lab-parts";
import { DnsClient } from "../../src/dns/client/dns-client";
import { randomKey } from "../../src/keyring/fresh-key";
import { recordChangeTimes } from "../baselines/baseline";
import { replicatedMesh } from "./mesh";
import { type Spread, spread } from "./statistics";
import { AnswerWatcher } from "./watch";

/** Times until servers outside the mesh answer a change, each by itself. */
export interface ReaderTimes {
  readonly bind: Spread;
  readonly nsd: Spread;
}

/**
 * Changes records at their owners and measures, from the moment that the owner has a change, until a BIND and an NSD that
 * are told of it (`readers` with `notify`) answer it. They never look by themselves meanwhile.
 */
export async function readerTimes(
  mesh: LabOptions,
  { changes, restMs }: { readonly changes: number; readonly restMs: number },
): Promise<ReaderTimes> {
  const address = "127.0.0.1";
  const ports = [await freePort(address), await freePort(address)] as const;
  const key = randomKey("told");
  const notify = ports.map((port) => `${address}@${port}`);
  await using lab = await Lab.create({ ...mesh, readers: [{ ...key, notify }] });
  await lab.upAll();
  await lab.converged(300);
  const { port } = lab.site("site-a").server;
  const options = { mesh: lab.mesh, key, port, refresh: 3600 };
  await using bind = await startBind({ ...options, listen: ports[0] });
  await using nsd = await startNsd({ ...options, listen: ports[1] });
  const zones = lab.zones().slice(2);
  const dns = new DnsClient({ timeoutMs: 500 });
  for (const { server } of [bind, nsd])
    for (const zone of zones)
      await eventually(120, async () => {
        await dns.querySoa(server, zone);
      });
  await using watcher = await AnswerWatcher.open();
  const target = replicatedMesh(lab, zones);
  const until = async ({ name, server }: typeof bind): Promise<Spread> => {
    // The mesh's pods say when they have a change; the server itself says nothing, and is asked all the time.
    const { ownerOf, replace, afterUpdate } = target;
    const asked = { servers: [{ name, server }], zones, ownerOf, replace, ...(afterUpdate && { afterUpdate }) };
    return spread(await recordChangeTimes(asked, { changes, watcher, restMs, countLate: true }));
  };
  return { bind: await until(bind), nsd: await until(nsd) };
}
