import { UserError } from "../../src/base/errors";
import type { DnsServer } from "../../src/dns/client/dns-client";
import { CommandError, run } from "../tools/run";

/** What dnsperf counted. */
export interface LoadReport {
  readonly sent: number;
  /** Answered, with whatever code. */
  readonly completed: number;
  /** Without an answer yet when it was interrupted. */
  readonly interrupted: number;
  /** Answers by their code, such as `NOERROR`. */
  readonly codes: ReadonlyMap<string, number>;
  readonly perSecond: number;
}

/** How dnsperf asks. */
export interface Load {
  readonly server: DnsServer;
  /** A file with a name and a type in each line, asked over and over. */
  readonly questions: string;
  readonly seconds: number;
  /** Questions a second. As many as the server answers when left out. */
  readonly rate?: number;
  /** @default "udp" */
  readonly transport?: "udp" | "tcp";
  /** Questions after which a connection gives way to a new one. All stay open when left out. */
  readonly perConnection?: number;
  /** Ends it before its time. */
  readonly until?: AbortSignal;
}

/**
 * Asks a server and waits for the last answers, unless it is to end before its time. Ten sockets are in use.
 *
 * @throws UserError when there is no dnsperf.
 */
export async function dnsperf(load: Load): Promise<LoadReport> {
  const { server, questions, seconds, rate, transport = "udp", perConnection, until } = load;
  const { address, port } = server;
  const renewed = perConnection === undefined ? [] : ["-O", `num-queries-per-conn=${perConnection}`];
  const paced = rate === undefined ? [] : ["-Q", String(rate)];
  const args = [
    "-m",
    transport,
    "-s",
    address,
    "-p",
    String(port),
    "-d",
    questions,
    "-l",
    String(seconds),
    "-c",
    "10",
    "-t",
    "2",
  ];
  const options = { timeoutMs: (seconds + 30) * 1000, ...(until && { interrupt: until }) };
  try {
    return readReport(await run("dnsperf", [...args, ...renewed, ...paced], options));
  } catch (error) {
    const isMissing = error instanceof CommandError && error.status === null && /ENOENT/.test(error.message);
    if (isMissing) throw new UserError("dnsperf is not on PATH: Debian's package is dnsperf (apt-get install dnsperf)");
    throw error;
  }
}

/**
 * Questions for {@link Load.questions}: of each zone so many hosts, its SOA, and, when wanted, a name that is not there. The
 * order is the same in each run, and not zone by zone.
 */
export function questions(load: {
  readonly zones: readonly string[];
  readonly hosts: number;
  readonly absent: boolean;
}): string {
  const lines = load.zones.flatMap((zone) => [
    ...Array.from({ length: load.hosts }, (_, i) => `host-${i}.${zone} A`),
    `${zone} SOA`,
    ...(load.absent ? [`absent.${zone} A`] : []),
  ]);
  // A prime: no number of lines that is less shares a divisor with it.
  const stride = 1_000_003;
  return `${lines.map((_, i) => lines[(i * stride) % lines.length] ?? "").join("\n")}\n`;
}

/** Reads what dnsperf prints in the end. @throws Error when a figure is missing. */
export function readReport(text: string): LoadReport {
  const figure = (label: string): number => {
    const found = new RegExp(`^\\s*${label}:\\s+([\\d.]+)`, "m").exec(text)?.[1];
    if (found === undefined) throw new Error(`dnsperf printed no "${label}":\n${text}`);
    return Number(found);
  };
  const codes = /^\s*Response codes:\s+(.*)$/m.exec(text)?.[1] ?? "";
  return {
    sent: figure("Queries sent"),
    completed: figure("Queries completed"),
    interrupted: Number(/^\s*Queries interrupted:\s+(\d+)/m.exec(text)?.[1] ?? 0),
    codes: new Map([...codes.matchAll(/([A-Z]\w*) (\d+) \(/g)].map(([, code = "", count]) => [code, Number(count)])),
    perSecond: figure("Queries per second"),
  };
}
