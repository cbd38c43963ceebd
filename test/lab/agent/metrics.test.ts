import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";

import { apexTexts } from "../../../harness/dnssec/validators";
import { eventually } from "../../../harness/eventually";
import { checkListed, type Printed, promtoolComplaints, readMetrics } from "../../../harness/metrics";
import { Lab, type LabSite } from "../../../lab";
import { MeshVault } from "../../../lab/mesh-vault";
import { AgentClient } from "../../../src/agents/sidecar/http/agent-client";
import { agentMetrics, knotMetrics, knotStats, programMetrics } from "../../../src/contract/metrics";
import { reportToken } from "../../../src/contract/reconciler-report";
import { DnsClient } from "../../../src/dns/client/dns-client";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { randomKey } from "../../../src/keyring/fresh-key";

const records = randomKey("records");
const stranger: TsigKey = randomKey("stranger");
const [zone, signed] = ["site-b.example", "signed.site-b.example"];
const zoneFile = "$TTL 5\n@ SOA a. b. 1 60 10 3600 5\n@ NS a.\n";

/** Faults of one mesh, in order: what they make the agents print is gathered. */
describe("metrics of a mesh", function () {
  this.timeout(120_000);
  const dns = new DnsClient({ timeoutMs: 1000 });
  const listed = { ...programMetrics, ...agentMetrics, ...knotMetrics, ...knotStats };
  const seen = new Set<string>();
  let vault: MeshVault;
  let lab: Lab;
  let owner: LabSite;

  before(async () => {
    vault = await MeshVault.start();
    const guard = { least: 1, share: 0.1 };
    lab = await Lab.create({ sites: 3, vault, recordsKey: records, disagreeMs: 2000, guard, logsAsPod: true });
    lab.replicas.set("site-c", [lab.address(2), lab.address(22)]);
    lab.list[1]!.zones.push({ name: signed, zoneFile, dnssec: true });
    await lab.upAll();
    await (await lab.upReplica("site-c", 1)).ready();
    await lab.converged(40);
    owner = lab.site("site-b");
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs().slice(-12_000));
  });

  /** What an agent prints, with all of it listed as it is. */
  const printed = async (site: LabSite): Promise<Printed> => {
    const { status, text } = await site.http("GET", "/metrics");
    expect(status).to.equal(200);
    const found = readMetrics(text);
    for (const name of checkListed(found, listed, site.podName)) seen.add(name);
    return found;
  };
  const value = (found: Printed, name: string, labels = ""): number | undefined => found.get(name)?.values.get(labels);

  it("are text that promtool has no complaint about, at each pod", async () => {
    for (const site of lab.sites.values()) {
      await eventually(20, async () => {
        const found = await printed(site);
        expect(value(found, "dns_mesh_agent_ready"), site.podName).to.equal(1);
        expect(found.has("knot_stats_zone_count"), site.podName).to.equal(true);
      });
      expect(await promtoolComplaints((await site.http("GET", "/metrics")).text), site.podName).to.equal("");
    }
  });

  it("say which releases run, and count what Knot answers under knot-exporter's names", async () => {
    const queries = 'module="mod-stats",type="query"';
    const before = value(await printed(owner), "knot_stats_server_operation_total", queries) ?? 0;
    for (let i = 0; i < 20; i++) await dns.querySoa(owner.server, zone);
    await eventually(15, async () => {
      const found = await printed(owner);
      expect(value(found, "knot_stats_server_operation_total", queries)).to.be.at.least(before + 20);
      expect(value(found, "knot_stats_server_operation", queries)).to.be.at.least(before + 20);
      expect([...found.get("dns_mesh_build_info")!.values.keys()].join()).to.match(
        /^program="agent",version="[\d.]+",site="site-b",knot_version="3\.\d+\.\d+"$/,
      );
      expect(value(found, "knot_memory_usage_bytes", `pid="${owner.pids.knot}"`)).to.be.greaterThan(1_000_000);
    });
  });

  it("have each own zone, or every zone of the mesh, as its Knot has it", async () => {
    const { serial } = await owner.soa(zone);
    const own = await printed(owner);
    expect(value(own, "knot_zone_serial", `zone="${zone}."`)).to.equal(serial);
    expect(own.get("knot_zone_serial")!.values.size).to.equal(2);
    expect(own.has("knot_zone_status_expiration_seconds")).to.equal(false);
    await owner.settle({ zoneSeries: { zones: "all", most: 3 } });
    await eventually(15, async () => {
      const all = await printed(owner);
      expect(all.get("knot_zone_serial")!.values.size).to.equal(3);
      expect(value(all, "dns_mesh_agent_zones_without_series")).to.equal(3);
      expect(value(all, "knot_zone_status_expiration_seconds", 'zone="dns.internal."')).to.be.greaterThan(3_000_000);
      expect(value(all, "knot_zone_status_refresh_seconds", 'zone="dns.internal."')).to.be.at.least(0);
    });
  });

  it("follow a change to each site, and see that all peers are there and lack nothing", async () => {
    await lab.change(zone, { name: `t.${zone}`, type: "TXT", value: '"one"' });
    await eventually(20, async () => {
      const found = await printed(owner);
      for (const peer of ["site-a", "site-c"]) {
        const labels = `peer="${peer}"`;
        expect(value(found, "dns_mesh_agent_peer_up", labels), peer).to.equal(1);
        expect(value(found, "dns_mesh_agent_peer_answer_seconds", labels), peer).to.be.within(0, 3);
        expect(value(found, "dns_mesh_agent_peer_lagging_zones", labels), peer).to.equal(0);
        expect(value(found, "dns_mesh_agent_peer_disagreeing_zones", labels), peer).to.equal(0);
        expect(value(found, "dns_mesh_agent_publication_seconds", `${labels},le="+Inf"`), peer).to.be.at.least(1);
      }
      expect(value(found, "dns_mesh_agent_answer_seconds", 'le="+Inf"')).to.be.at.least(1);
    });
    const ofPods = (await printed(lab.site("site-c"))).get("dns_mesh_agent_peer_up");
    expect([...(ofPods?.values.keys() ?? [])]).to.include('peer="site-c",peer_pod="1"');
  });

  it("count a transfer that was refused, and say in the log which, whose and why", async () => {
    const refused = async () =>
      value(await printed(owner), "dns_mesh_agent_refused_requests_total", 'action="transfer"') ?? 0;
    const before = await refused();
    await dns.transfer(owner.server, zone, stranger).catch(() => undefined);
    await eventually(15, async () => {
      expect(await refused()).to.be.greaterThan(before);
      expect(owner.log()).to.match(
        new RegExp(`"from":"knot","zone":"${zone}","action":"transfer","remote":"[\\d.]+","key":"${stranger.name}"`),
      );
    });
  });

  it("compare a parent's DS record with what the zone asks for", async () => {
    const [cds] = await eventually(10, async () => {
      const found = await apexTexts(owner.server, signed, "CDS");
      expect(found).to.have.length(1);
      return found;
    });
    expect((await printed(owner)).has("dns_mesh_agent_ds_matches")).to.equal(false);
    await lab.change(zone, { name: signed, type: "DS", value: cds! });
    await owner.stopAgent();
    owner.startAgent();
    await owner.ready();
    await eventually(20, async () => {
      const found = await printed(owner);
      expect(value(found, "dns_mesh_agent_ds_matches", `zone="${signed}"`)).to.equal(1);
      expect(value(found, "dns_mesh_agent_signature_expiry_timestamp_seconds", `zone="${signed}"`)).to.be.greaterThan(
        Date.now() / 1000 + 86_400,
      );
    });
  });

  it("have what the reconciler and the backup's jobs report", async () => {
    const { agent } = owner;
    const client = new AgentClient();
    expect(value(await printed(owner), "dns_mesh_agent_reconciler_success_timestamp_seconds")).to.equal(0);
    await client.reportPass(agent, { seconds: 0.5, findings: {} }, reportToken(owner.localKey));
    await client.reportPass(agent, { seconds: 0.7, findings: { lagging: 1 } }, reportToken(owner.localKey));
    const reported = await printed(owner);
    for (const what of ["run", "success"])
      expect(value(reported, `dns_mesh_agent_reconciler_${what}_timestamp_seconds`)).to.be.closeTo(
        Date.now() / 1000,
        30,
      );
    expect(value(reported, "dns_mesh_agent_reconciler_findings", 'kind="lagging"')).to.equal(1);

    const token = randomBytes(32).toString("hex");
    await writeFile(owner.path("etc", "backup-token"), token);
    const backup = {
      ...{ kind: "backup", at: new Date().toISOString(), repository: "r", snapshot: "s" },
      ...{ zones: 2, size: 100, added: 10, seconds: 1 },
    };
    const posted = await fetch(`http://${agent.address}:${agent.port}/backup/report`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(backup),
    });
    expect(posted.status).to.equal(200);
    expect(value(await printed(owner), "dns_mesh_agent_backup_zones")).to.equal(2);
  });

  it("show a change that is held", async () => {
    await lab.change(zone, { name: `more.${zone}`, type: "TXT", value: '"one"' });
    const changes = ["t", "more"].map(
      (name) => ({ kind: "deleteRrset", name: `${name}.${zone}`, type: "TXT" }) as const,
    );
    await new DnsClient({ timeoutMs: 10_000 }).update(owner.server, { zone, changes }, records).catch(() => undefined);
    await eventually(10, async () => {
      expect((await printed(owner)).has("dns_mesh_agent_changes_held")).to.equal(true);
    });
  });

  it("show a site that is away, which zones it lacks, and for how long", async () => {
    await lab.site("site-a").stop();
    const record = { name: `u.${zone}`, type: "TXT", value: '"two"' };
    await lab.change(zone, record, 5).catch(() => undefined);
    await eventually(60, async () => {
      const found = await printed(owner);
      expect(value(found, "dns_mesh_agent_peer_up", 'peer="site-a"')).to.equal(0);
      expect(value(found, "dns_mesh_agent_peer_lag_seconds", 'peer="site-a"')).to.be.greaterThan(0);
      expect(value(found, "dns_mesh_agent_peer_lagging_zones", 'peer="site-a"')).to.equal(1);
      expect(value(found, "dns_mesh_agent_zone_lag_seconds", `zone="${zone}",peer="site-a"`)).to.be.greaterThan(0);
      expect(value(found, "dns_mesh_agent_peer_up", 'peer="site-c"')).to.equal(1);
    });
    await lab.site("site-a").start();
    await lab.site("site-a").ready();
  });

  it("show central zones that are refused, as a problem with its begin", async () => {
    const text =
      "$ORIGIN dns.internal.\n@ 60 SOA site-a.dns.internal. h.invalid. 1 60 10 3628800 60\n@ 60 NS site-a.dns.internal.\n";
    await lab.site("site-a").mountCentral(lab.mesh, { directory: text });
    await eventually(20, async () => {
      const found = await printed(owner);
      expect(value(found, "dns_mesh_agent_problem", 'kind="refused"')).to.equal(1);
      const began = value(found, "dns_mesh_agent_problem_began_timestamp_seconds", 'kind="refused"');
      expect(began).to.be.closeTo(Date.now() / 1000, 60);
      expect(
        [...found.get("dns_mesh_agent_central_refusals_total")!.values.values()].some((count) => count > 0),
      ).to.equal(true);
    });
    await lab.up();
  });

  it("were all of those in the list, of which none is printed by nobody", () => {
    const missing = Object.keys(listed).filter((name) => !seen.has(name));
    expect(missing).to.deep.equal([]);
  });
});
