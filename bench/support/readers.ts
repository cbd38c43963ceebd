import { eventually } from "../../harness/eventually";
import { freePort } from "../../harness/free-port";
import { startBind, startNsd, startPowerDns } from "../../harness/other-servers/server";
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
  /** As the guide sets it up. */
  readonly bind: Spread;
  /** With its own `serial-query-rate`. */
  readonly bindStock: Spread;
  readonly nsd: Spread;
  readonly powerDns: Spread;
}

/**
 * Changes records at their owners and measures, from the moment that the owner has a change, until a BIND, an NSD and a
 * PowerDNS that are told of it (`readers` with `notify`) answer it. They never look by themselves meanwhile.
 */
export async function readerTimes(
  mesh: LabOptions,
  { changes, restMs }: { readonly changes: number; readonly restMs: number },
): Promise<ReaderTimes> {
  const address = "127.0.0.1";
  const ports = await freePorts(4);
  const key = randomKey("told");
  const notify = ports.map((port) => `${address}@${port}`);
  await using lab = await Lab.create({ ...mesh, readers: [{ ...key, notify }] });
  await lab.upAll();
  await lab.converged(300);
  const { server } = lab.site("site-a");
  const options = { mesh: lab.mesh, key, port: server.port, refresh: 3600 };
  const [bindAt = 0, stockAt = 0, nsdAt = 0, powerDnsAt = 0] = ports;
  await using bind = await startBind({ ...options, listen: bindAt });
  await using bindStock = await startBind({ ...options, listen: stockAt, queryRate: 20 });
  await using nsd = await startNsd({ ...options, listen: nsdAt });
  const zones = lab.zones().slice(2);
  // It looks once a minute which zones are due, as its guide has it; theirs are due after 300 s.
  await using powerDns = await startPowerDns({ zones, key, from: [server], listen: powerDnsAt, cycle: 60 });
  const dns = new DnsClient({ timeoutMs: 500 });
  for (const other of [bind, bindStock, nsd, powerDns])
    for (const zone of zones)
      await eventually(120, async () => {
        await dns.querySoa(other.server, zone);
      });
  await using watcher = await AnswerWatcher.open();
  const target = replicatedMesh(lab, zones);
  const until = async ({ name, server: at }: typeof bind): Promise<Spread> => {
    // The mesh's pods say when they have a change; the server itself says nothing, and is asked all the time.
    const { ownerOf, replace, afterUpdate } = target;
    const asked = { servers: [{ name, server: at }], zones, ownerOf, replace, ...(afterUpdate && { afterUpdate }) };
    return spread(await recordChangeTimes(asked, { changes, watcher, restMs, countLate: true }));
  };
  return {
    bind: await until(bind),
    bindStock: await until(bindStock),
    nsd: await until(nsd),
    powerDns: await until(powerDns),
  };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = await freePort("127.0.0.1");
    if (!ports.includes(port)) ports.push(port);
  }
  return ports;
}
