import { eventually } from "../harness/eventually";
import { messageOf, UserError } from "../src/base/errors";
import { DnsClient } from "../src/dns/client/dns-client";
import { formatRdata } from "../src/dns/rdata";
import type { ResourceRecord } from "../src/dns/record";
import { rcodeName } from "../src/dns/types";
import type { Mesh, NameServers } from "../src/mesh/model";
import { nameServersOf } from "../src/mesh/name-servers";
import { LabAlerts } from "./alerts";
import { type Command, commandHelp, recordName, type Victim } from "./commands";
import type { Lab } from "./lab";
import { runMesh } from "./mesh-command";
import type { CutDirection } from "./network";
import { directoryZone, zoneNames } from "./plan";
import { checkCommand } from "./script";
import type { LabSite } from "./site";
import { isCurrent, type LabSiteView, type Snapshot, takeSnapshot } from "./snapshot";
import { type RecordSpread, watchSpread } from "./spread";

/** Seconds that a command waits for the mesh. */
const patience = 60;
/** Enough for the longest delay that anybody asks for by hand. */
const askMs = 1500;

type LinkCommand =
  Extract<Command, { kind: "cut" | "delay" | "loss" }> | { readonly kind: "heal"; readonly site: string };

function isOfLinks(command: Command): command is LinkCommand {
  return ["cut", "heal", "delay", "loss"].includes(command.kind);
}

type AlertCommand = Extract<Command, { kind: "watch" | "alerts" | "wait alert" | "wait quiet" }>;

function isOfAlerts(command: Command): command is AlertCommand {
  return ["watch", "alerts", "wait alert", "wait quiet"].includes(command.kind);
}

/** Carries commands out on a lab, one at a time, and tells what came of it. */
export class Session implements AsyncDisposable {
  /** How the last change went, for the table. */
  lastChange = "none yet";
  readonly #alerts: LabAlerts;

  constructor(
    private readonly lab: Lab,
    private readonly output: {
      readonly say: (line: string) => void;
      readonly show: (snapshot: Snapshot) => void;
    },
  ) {
    this.#alerts = new LabAlerts(lab);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#alerts[Symbol.asyncDispose]();
  }

  /** Returns whether the lab goes on. @throws UserError when it cannot be done, or did not come about in time. */
  async run(command: Command): Promise<boolean> {
    checkCommand(command, this.lab.plan, this.lab.network.kind);
    if (command.kind === "quit") return false;
    if (isOfLinks(command)) await this.#shape(command);
    else if (isOfAlerts(command)) await this.#watch(command);
    else await this.#run(command);
    return true;
  }

  async #watch(command: AlertCommand): Promise<void> {
    const say = (line: string): void => {
      this.#tell(line);
    };
    switch (command.kind) {
      case "watch":
        this.#tell(`a Prometheus watches the lab, at ${await this.#alerts.start(say)}`);
        return;
      case "alerts": {
        const alerts = await this.#alerts.list();
        this.#tell(alerts.length === 0 ? "no alert" : alerts.join("\n"));
        return;
      }
      case "wait alert":
        this.#tell(await this.#alerts.fires(command.alert, command.site, command.seconds));
        return;
      case "wait quiet":
        await this.#alerts.quiet(command.seconds);
        this.#tell("no alert fires");
        return;
    }
  }

  async #shape(command: LinkCommand): Promise<void> {
    const { lab } = this;
    switch (command.kind) {
      case "cut":
        await lab.network.cut(command.site, command.direction);
        this.#tell(cutText(command.site, command.direction));
        return;
      case "heal":
        await lab.network.heal(command.site);
        this.#tell(`${command.site} is connected again`);
        return;
      case "delay":
        await lab.network.shape(command.site, { delayMs: command.ms, jitterMs: command.jitterMs });
        this.#tell(`packets from and to ${command.site} take ${command.ms} ms longer`);
        return;
      case "loss":
        await lab.network.shape(command.site, { lossPercent: command.percent });
        this.#tell(`${command.percent} % of the packets from and to ${command.site} are lost`);
        return;
    }
  }

  async #run(command: Exclude<Command, LinkCommand | AlertCommand | { kind: "quit" }>): Promise<void> {
    const { lab } = this;
    switch (command.kind) {
      case "add site":
        return this.#addSite(command.site);
      case "remove site":
        return this.#removeSite(command.site);
      case "kill":
        await kill(lab.site(command.site), command.victim);
        this.#tell(`${command.site}: ${command.victim} killed`);
        return;
      case "start":
        return this.#start(command.site);
      case "change":
        return this.#change(command);
      case "add zone":
        return this.#addZone(command.zone, command.site);
      case "remove zone":
        return this.#removeZone(command.zone);
      case "ask":
        return this.#ask(command);
      case "wait":
        return this.#wait(command.seconds);
      case "name servers":
        return this.#nameThem(command.servers);
      case "wait name servers":
        return this.#waitNamed(command.seconds);
      case "status":
        this.output.show(await takeSnapshot(lab));
        return;
      case "mesh":
        return this.#mesh(command.args);
      case "help":
        this.#tell(commandHelp());
    }
  }

  #tell(line: string): void {
    this.output.say(line);
  }

  async #addSite(name: string | undefined): Promise<void> {
    const listed = this.lab.plan.addNamed(name);
    await this.lab.up();
    const site = await this.lab.upSite(listed.name);
    await site.ready(patience);
    const zone = zoneNames(listed)[0] ?? directoryZone;
    const spread = await this.#spread(site, { name: zone, type: "SOA" });
    this.#tellSpread(`${listed.name} at ${site.address} is ready; ${zone} from then on`, spread);
    await this.#followAlerts();
  }

  async #mesh(args: readonly string[]): Promise<void> {
    const { status, said } = await runMesh([...args, "--access", await this.lab.writeAccess()]);
    this.#tell(`${said.trimEnd()}\nmesh ${args.join(" ")} ended with ${status}`);
  }

  /** First it is marked as retired, since the others hold a removal of many zones back otherwise. */
  async #removeSite(name: string): Promise<void> {
    const { lab } = this;
    const listed = lab.plan.listed(name);
    if (listed.role === "primary-catalog") lab.plan.remove(name);
    const retired = new Date().toISOString().slice(0, 10);
    listed.retired = retired;
    listed.zones = zoneNames(listed).map((zone) => ({ name: zone, retired }));
    await this.#upAndFollow();
    lab.plan.remove(name);
    const ms = await this.#upAndFollow(name);
    await lab.drop(name);
    this.#tell(`${name} has left; every reachable site forgot it within ${ms} ms`);
    await this.#followAlerts();
  }

  #followAlerts(): Promise<void> {
    return this.#alerts.follow((line) => {
      this.#tell(line);
    });
  }

  async #start(name: string): Promise<void> {
    const site = this.lab.site(name);
    await site.start();
    const isCut = this.lab.network.isCut(name);
    if (!isCut) await site.ready(patience);
    this.#tell(isCut ? `${name} runs, cut off` : `${name} is ready`);
  }

  async #change(record: { zone: string; name: string; type: string; value: string }): Promise<void> {
    const name = recordName(record.name, record.zone);
    const owner = this.#running(this.lab.plan.owner(record.zone) ?? "");
    const spread = await this.lab.change(record.zone, { name, type: record.type, value: record.value }, patience);
    this.#tellSpread(`${name} ${record.type} changed at ${owner.name}`, spread);
  }

  async #addZone(zone: string, name: string): Promise<void> {
    const began = performance.now();
    this.lab.plan.addZone(zone, name);
    await this.lab.up();
    const owner = await this.lab.upSite(name);
    await eventually(patience, () => owner.soa(zone), 20);
    const spread = await this.#spread(owner, { name: zone, type: "SOA" }, began);
    this.#tellSpread(`${zone} added at ${name}`, spread);
  }

  async #removeZone(text: string): Promise<void> {
    const zone = this.lab.plan.ownZone(text);
    const owner = this.lab.plan.removeZone(zone);
    const ms = await this.#upAndFollow();
    await this.lab.upSite(owner);
    this.#tell(`${zone} has left; every reachable site knows within ${ms} ms`);
  }

  async #ask({ site, name, type }: { site: string; name: string; type: string }): Promise<void> {
    const dns = new DnsClient({ timeoutMs: askMs });
    const began = performance.now();
    try {
      const { rcode, answers } = await dns.query(this.#running(site).server, name, type);
      const ms = (performance.now() - began).toFixed(1);
      const said = answers.length === 0 ? "no record" : answers.map(recordText).join("; ");
      this.#tell(`${site} answers ${name} ${type}: ${rcodeName(rcode)}, ${said}, after ${ms} ms`);
    } catch (error) {
      this.#tell(`${site} does not answer ${name} ${type}: ${messageOf(error)}`);
    }
  }

  async #wait(seconds: number): Promise<void> {
    const began = performance.now();
    const reachable = this.lab.reachable().map(({ name }) => name);
    const look = async (): Promise<void> => {
      const { sites } = await takeSnapshot(this.lab);
      const open = sites.filter((site) => site.state === "up" && !isCurrent(site));
      if (open.length > 0) throw new Error(open.map(describeOpen).join("; "));
    };
    try {
      await eventually(seconds, look);
      await this.lab.converged(Math.max(1, seconds - (performance.now() - began) / 1000), { sites: reachable });
    } catch (error) {
      throw new UserError(`not converged after ${seconds} s: ${messageOf(error)}`);
    }
    this.#tell(`converged after ${Math.round(performance.now() - began)} ms: ${reachable.length} sites answer alike`);
  }

  async #nameThem(servers: NameServers): Promise<void> {
    this.lab.plan.nameThem(servers);
    const ms = await this.#upAndFollow();
    this.#tell(
      `NS records follow the list from now on (${String(servers)}); every reachable site knows within ${ms} ms`,
    );
  }

  /** Waits until every reachable site answers each zone's NS records as the list says. */
  async #waitNamed(seconds: number): Promise<void> {
    const began = performance.now();
    const wanted = wantedServers(this.lab.mesh);
    const dns = new DnsClient({ timeoutMs: askMs });
    const look = async (): Promise<void> => {
      for (const { name, server } of this.lab.reachable())
        for (const [zone, servers] of wanted) {
          const { answers } = await dns.query(server, zone, "NS");
          const found = answers.flatMap((each) => (each.type === "NS" ? [each.target] : [])).sort();
          if (found.join(" ") !== servers.join(" "))
            throw new Error(`${name} has ${zone} with ${found.join(", ")}, and not with ${servers.join(", ")}`);
        }
    };
    try {
      await eventually(seconds, look, 50);
    } catch (error) {
      throw new UserError(`NS records are others after ${seconds} s: ${messageOf(error)}`);
    }
    const ms = Math.round(performance.now() - began);
    this.#tell(`every site answers the NS records of ${wanted.size} zones as the list says, after ${ms} ms`);
  }

  /** Brings the primary up and waits until every reachable agent has applied the new directory. Returns milliseconds. */
  async #upAndFollow(except?: string): Promise<number> {
    const primary = this.#running(this.lab.plan.primary);
    const before = (await primary.soa(directoryZone)).serial;
    const began = performance.now();
    await this.lab.up();
    const look = async (): Promise<void> => {
      const { serial } = await primary.soa(directoryZone);
      if (serial === before) throw new Error("the primary has not taken the list");
      for (const site of this.lab.reachable()) {
        if (site.name === except || site.pids.agent === undefined) continue;
        const { applied } = await site.status();
        if (applied?.directorySerial !== serial) throw new Error(`${site.name} does not follow`);
      }
    };
    try {
      await eventually(patience, look, 50);
    } catch (error) {
      throw new UserError(`the list was not followed within ${patience} s: ${messageOf(error)}`);
    }
    return Math.round(performance.now() - began);
  }

  #spread(owner: LabSite, question: { name: string; type: string }, began = performance.now()): Promise<RecordSpread> {
    return watchSpread({ sites: this.lab.reachable(), owner, question, began, seconds: patience });
  }

  /** @throws UserError when a site's Knot is away. */
  #running(name: string): LabSite {
    const site = this.lab.site(name);
    if (site.pids.knot === undefined) throw new UserError(`the Knot of ${name} does not run; start ${name} first`);
    return site;
  }

  #tellSpread(what: string, { reached, missing }: RecordSpread): void {
    const times = [...reached.values()].sort((a, b) => a - b);
    const [median = 0, last = 0] = [times[Math.floor((times.length - 1) / 2)], times.at(-1)];
    this.lastChange = `${what}: answered by ${times.length} sites, half within ${median.toFixed(0)} ms, all within ${last.toFixed(0)} ms`;
    if (missing.length > 0) {
      this.lastChange += `, not by ${missing.join(", ")}`;
      throw new UserError(`${this.lastChange}, after ${patience} s`);
    }
    this.#tell(this.lastChange);
  }
}

/** Names of servers that zones should have, by zone; without those of which the list says nothing. */
function wantedServers({ directoryZone: directory, nameServers, sites }: Mesh): ReadonlyMap<string, readonly string[]> {
  const view = { directorySerial: 0, catalogSerial: 0, sites, zones: [], ...(nameServers && { nameServers }) };
  const zones = sites.flatMap((site) => site.zones);
  return new Map(
    zones.flatMap((zone) => {
      const servers = nameServersOf(zone, { view, directory });
      return servers === undefined ? [] : [[zone.name, servers.map(({ name }) => name).sort()] as const];
    }),
  );
}

function cutText(site: string, direction: CutDirection): string {
  if (direction === "both") return `${site} is cut off`;
  return direction === "in" ? `nothing reaches ${site}` : `nothing comes out of ${site}`;
}

async function kill(site: LabSite, victim: Victim): Promise<void> {
  if (victim !== "knot") await site.stopAgent("SIGKILL");
  if (victim !== "agent") await site.stopKnot("SIGKILL");
}

function describeOpen({ name, agent, lagging, empty }: LabSiteView): string {
  const some = (zones: readonly string[], how: string): string[] =>
    zones.length === 0 ? [] : [`${zones.length} zones ${how} (${zones[0] ?? ""}${zones.length > 1 ? ", …" : ""})`];
  return `${name}: ${[...(agent?.ready === true ? [] : ["not ready"]), ...some(lagging, "lag"), ...some(empty, "empty")].join(", ")}`;
}

/** The RDATA of a record for people, who want to know an SOA's serial and nothing else of it. */
function recordText(record: ResourceRecord): string {
  return record.type === "SOA" ? `serial ${record.serial}` : formatRdata(record);
}
