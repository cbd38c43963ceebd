import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { eventually } from "../harness/eventually";
import { run } from "../harness/tools/run";
import { UserError } from "../src/base/errors";
import { type CutDirection, type LabNetwork, type Link, plainLink, type SiteAddresses } from "./network";
import { LabProcess, Log } from "./process";

/** The router's address on every link; each site has its own link, so one is enough. */
const gateway = "169.254.1.1";

/** Order of the router's rules, as the kernel has it. */
const [cutPreference, localPreference] = [5, 10];

/** A delay line that runs, and how many orders it was given. */
interface DelayLine {
  readonly process: LabProcess;
  readonly log: Log;
  orders: number;
}

/** What is known of a site's link. */
interface Attached extends SiteAddresses {
  /** Number in the names of its devices: `sN`, its end of the site's cable; `mN`, `aN` and `bN` around a delay line. */
  readonly number: number;
  /** Holds the namespace. */
  readonly holder: LabProcess;
  line?: DelayLine;
  link: Link;
  cut?: CutDirection;
}

/**
 * Each site in a network namespace of its own, joined by a router in the lab's own, which must be private: nothing of it
 * touches the machine's network. The namespaces have no names; each is held by a process that ends with the lab.
 *
 * A router and no bridge: the kernel's neighbour table, 1,024 entries for all namespaces together, would not hold a full
 * mesh of 33 sites on one segment.
 */
export class Namespaces implements LabNetwork {
  readonly kind = "namespaces";
  readonly prefix = "10.77";
  readonly #sites = new Map<string, Attached>();
  #next = 1;
  #rules: Promise<void> | undefined;

  private constructor() {
    // Made by create().
  }

  /** @throws UserError when this process is not in a private network namespace. */
  static async create(): Promise<Namespaces> {
    if (!isInPrivateNetwork())
      throw new UserError("a lab of namespaces changes its network: run the program by way of rerunInPrivateNetwork()");
    writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
    withoutIpv6();
    await raiseLoopback();
    return new Namespaces();
  }

  async attach(site: string, { pods, shared }: SiteAddresses): Promise<void> {
    if (this.#sites.has(site)) return;
    const number = this.#next++;
    const holder = await holdNamespace();
    this.#sites.set(site, { pods, ...(shared !== undefined && { shared }), number, holder, link: plainLink });
    await ip(
      [],
      [
        `link add s${number} type veth peer name eth0 netns ${holder.pid}`,
        `addr add ${gateway}/32 dev s${number}`,
        `link set s${number} up`,
        ...pods.flatMap((address) => [
          // What is sent to a cut site is lost without a word, as on a real network.
          `route add blackhole ${address}/32 metric 4096`,
          `route add ${address}/32 dev s${number}`,
        ]),
        // Behind the link is who answers, and at its near end who hands on.
        ...(shared === undefined ? [] : [`addr add ${shared}/32 dev lo`]),
      ],
    );
    await ip(this.enter(site), [
      ...pods.map((address) => `addr add ${address}/32 dev eth0`),
      "link set eth0 up",
      `route add default via ${gateway} dev eth0 onlink`,
    ]);
  }

  async detach(site: string): Promise<void> {
    const attached = this.#sites.get(site);
    if (attached === undefined) return;
    this.#sites.delete(site);
    const { number, line, holder, pods, shared } = attached;
    await line?.process.end("SIGKILL");
    await ip(
      [],
      [
        `link del s${number}`,
        ...(line === undefined ? [] : [`link del m${number}`]),
        ...pods.map((address) => `route flush exact ${address}/32 type blackhole`),
        ...(shared === undefined ? [] : [`addr del ${shared}/32 dev lo`]),
      ],
    );
    await holder.end("SIGKILL");
  }

  enter(site: string): readonly string[] {
    return ["nsenter", `--net=/proc/${this.#of(site).holder.pid}/ns/net`, "--"];
  }

  isCut(site: string): boolean {
    return this.#sites.get(site)?.cut !== undefined;
  }

  async cut(site: string, direction: CutDirection = "both"): Promise<void> {
    const attached = this.#of(site);
    const { number, pods } = attached;
    if (direction === "both") await ip([], [`link set s${number} down`]);
    // What is left for the address is the black hole.
    if (direction === "in")
      await ip(
        [],
        pods.map((address) => `route del ${address}/32 dev ${routerEnd(attached)}`),
      );
    if (direction === "out") await ip([], await this.#ruleAgainst("add", attached));
    attached.cut = direction;
  }

  async heal(site: string): Promise<void> {
    const attached = this.#of(site);
    const { number, pods, cut } = attached;
    const rule = cut === "out" ? await this.#ruleAgainst("del", attached) : [];
    const routes = pods.map((address) => `route replace ${address}/32 dev ${routerEnd(attached)}`);
    await ip([], [...rule, `link set s${number} up`, ...routes]);
    delete attached.cut;
  }

  async shape(site: string, change: Partial<Link>): Promise<void> {
    const attached = this.#of(site);
    attached.link = { ...attached.link, ...change };
    attached.line ??= await this.#layLine(site, attached);
    const { delayMs, jitterMs, lossPercent, overtakenPercent } = attached.link;
    await orderOf(attached.line, `${delayMs} ${jitterMs} ${lossPercent} ${overtakenPercent}`);
  }

  packets(site: string): { sent: number; received: number } | undefined {
    const { number } = this.#of(site);
    const line = new RegExp(`^ *s${number}:(.*)$`, "m").exec(readFileSync("/proc/net/dev", "utf8"));
    const fields = (line?.[1] ?? "").trim().split(/\s+/).map(Number);
    return { sent: fields[1] ?? 0, received: fields[9] ?? 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const attached = [...this.#sites.values()];
    this.#sites.clear();
    const processes = attached.flatMap(({ line, holder }) => (line === undefined ? [holder] : [line.process, holder]));
    await Promise.all(processes.map((each) => each.end("SIGKILL")));
  }

  /** Puts a delay line between a site's cable and the router. It stays, since one that delays nothing costs little. */
  async #layLine(site: string, { number, pods }: Attached): Promise<DelayLine> {
    const log = new Log();
    const script = join(__dirname, "delay_line.py");
    const command = ["python3", script, `a${number}`, `b${number}`] as const;
    const line = new LabProcess({ command: [...command], log, listens: true });
    await isReady(line, log, "the delay line");
    const laid = { process: line, log, orders: 0 };
    await ip(
      [],
      [
        `link add m${number} type bridge`,
        `addr del ${gateway}/32 dev s${number}`,
        ...pods.map((address) => `route flush exact ${address}/32 dev s${number}`),
        `link set s${number} master m${number}`,
        `link set a${number} master m${number} up`,
        // The kernel answers for an address at any device: so the bridge would, and the site's packets would go by the line.
        `link set m${number} up arp off`,
        `addr add ${gateway}/32 dev b${number}`,
        `link set b${number} up`,
        ...pods.map((address) => `route add ${address}/32 dev b${number}`),
      ],
    );
    await ip(this.enter(site), ["neigh flush dev eth0"]);
    return laid;
  }

  /** Drops what comes from a site, also on its way to the router itself: so the local table must come after such rules. */
  async #ruleAgainst(action: "add" | "del", attached: Attached): Promise<string[]> {
    this.#rules ??= ip([], [`rule add pref ${localPreference} lookup local`, "rule del pref 0"]);
    await this.#rules;
    return [`rule ${action} pref ${cutPreference} iif ${routerEnd(attached)} blackhole`];
  }

  #of(site: string): Attached {
    const attached = this.#sites.get(site);
    if (attached === undefined) throw new Error(`${site} has no link`);
    return attached;
  }
}

/** The router's device that a site's packets come in by. */
function routerEnd({ number, line }: Attached): string {
  return line === undefined ? `s${number}` : `b${number}`;
}

/** What a private network begins without: servers of this machine that are reached at 127.0.0.1. */
export async function raiseLoopback(): Promise<void> {
  await ip([], ["link set lo up"]);
}

/** Names, in the environment of a program that was run again, the network namespace that it has left. */
const leftVariable = "DNS_MESH_LAB_LEFT_NETWORK";

/** Whether {@link rerunInPrivateNetwork} started this process, and thus nothing that it does to its network is the machine's. */
export function isInPrivateNetwork(): boolean {
  const left = process.env[leftVariable];
  return left !== undefined && left !== readlinkSync("/proc/self/ns/net");
}

/** Runs this very program again in a network of its own, with mounts of its own, and returns its exit status when it ended. Needs root. */
export async function rerunInPrivateNetwork(): Promise<number> {
  const child = startApart([process.execPath, ...process.execArgv, ...process.argv.slice(1)], "inherit");
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** Runs a program in a network of its own, with mounts of its own, and returns its exit status and all that it wrote. Needs root. */
export async function runInPrivateNetwork(
  command: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  const child = startApart(command, "pipe");
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? 1, output };
}

/** Should this process be killed, the other one gets a signal and cleans up. */
function startApart(command: readonly string[], stdio: "inherit" | "pipe"): ChildProcess {
  const apart = ["--net", "--mount", "--", "setpriv", "--pdeathsig", "TERM", "--", ...command];
  const env = { ...process.env, [leftVariable]: readlinkSync("/proc/self/ns/net") };
  return spawn("unshare", apart, { stdio, env });
}

async function holdNamespace(): Promise<LabProcess> {
  const log = new Log();
  const script = "ip link set lo up && echo ready && exec sleep infinity";
  const holder = new LabProcess({ command: ["unshare", "--net", "--", "sh", "-c", script], log });
  await isReady(holder, log, "a network namespace");
  return holder;
}

/** Has a delay line follow an order, and waits until it does: what comes then takes the new way. */
async function orderOf(line: DelayLine, order: string): Promise<void> {
  const number = (line.orders += 1);
  line.process.tell(`${order}\n`);
  await said(line.log, `followed ${number}`, `the delay line did not follow: ${order}`);
}

/** Waits until a process says that it is ready, and ends it when it does not. */
async function isReady(process: LabProcess, log: Log, what: string): Promise<void> {
  try {
    await said(log, "ready", `${what} is not there`);
  } catch (error) {
    await process.end("SIGKILL");
    throw error;
  }
}

/** Waits until a line stands in a log. @throws Error that begins with `problem` and ends with the log. */
async function said(log: Log, line: string, problem: string): Promise<void> {
  const check = (): void => {
    if (!log.text.includes(`${line}\n`)) throw new Error(`${problem}: ${log.text}`);
  };
  await eventually(20, check, 5);
}

/** Its neighbour discovery would be counted among the mesh's packets. */
function withoutIpv6(): void {
  for (const which of ["all", "default"]) {
    try {
      writeFileSync(`/proc/sys/net/ipv6/conf/${which}/disable_ipv6`, "1");
    } catch {
      return;
    }
  }
}

async function ip(enter: readonly string[], commands: readonly string[]): Promise<void> {
  const command: readonly string[] = [...enter, "ip", "-batch", "-"];
  const [program = "ip", ...args] = command;
  await run(program, args, { input: `${commands.join("\n")}\n` });
}
