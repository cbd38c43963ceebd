/** What a figure is compared with: another one of the same run. */
export interface Rival {
  /** Of whom it is. */
  readonly name: string;
  readonly figure: string;
}

/** A call of a bench of which figures are kept. */
export interface Job {
  /** The bench, as in `npm run bench:NAME`. */
  readonly bench: string;
  readonly args: readonly string[];
  /** What takes its place with `--quick`. @default the bench's own smallest form */
  readonly smallest?: readonly string[];
  /** By figure. */
  readonly rivals?: Readonly<Record<string, Rival>>;
  /** Figures that are quotients of two of the same run. */
  readonly quotients?: Readonly<Record<string, readonly [dividend: string, divisor: string]>>;
}

function converge(sites: number, ...more: readonly string[]): Job {
  const args = ["--sites", `${sites}`, "--zones", `${sites}`, ...more];
  const secondaries = `BIND with ${sites - 1} secondaries`;
  return {
    bench: "converge",
    args,
    rivals: {
      "record.p50Ms": { name: `${secondaries} over TLS`, figure: "bind.p50Ms" },
      "record.p99Ms": { name: `${secondaries} over TLS`, figure: "bind.p99Ms" },
    },
    quotients: { "recordOnDisk.p99ToP50": ["recordOnDisk.p99Ms", "recordOnDisk.p50Ms"] },
  };
}

function pods(count: number, transport: string): Job {
  const few = ["--sites", "3", "--zones", "3", "--changes", "20", "--joins", "1", "--compare", "no"];
  return { bench: "converge", args: [...few, "--replicas", `${count}`, "--transport", transport] };
}

function links(transport: string): Job {
  const args = ["--transport", transport, "--trips", "1,20,80", "--loss", "0,1", "--changes", "20"];
  return { bench: "links", args };
}

function records(count: number, ...more: readonly string[]): Job {
  const { name, figure } = { name: "external-dns", figure: "externalDns" };
  return {
    bench: "records",
    args: ["--count", `${count}`, ...more],
    rivals: {
      perSecond: { name, figure: `${figure}.perSecond` },
      perSecondWithoutStatuses: { name, figure: `${figure}.perSecondWithoutStatuses` },
    },
  };
}

function zoneFiles(count: number): Job {
  const name = "named-checkzone, which writes nothing";
  return {
    bench: "zone-files",
    args: ["--records", `${count}`],
    rivals: {
      importCpuSeconds: { name, figure: "bindCpuSeconds" },
      exportCpuSeconds: { name, figure: "bindCpuSeconds" },
    },
  };
}

/** Figures of which more is better; of all others less is. */
export const moreIsBetter = (figure: string): boolean => /[pP]erSecond(?!AtRest)|qps/i.test(figure);

/** What `npm run bench` runs, in this order, by the name that tables call it by. */
export const jobs: Readonly<Record<string, Job>> = {
  "converge-3": converge(3, "--changes", "40", "--joins", "3"),
  "converge-20": converge(20, "--changes", "40", "--joins", "3"),
  "converge-100": converge(100, "--changes", "30", "--joins", "3"),
  stragglers: converge(3, "--changes", "300", "--joins", "1", "--compare", "no"),
  records: records(1000),
  "records-100": records(100, "--singles", "10"),
  "records-one-pod": records(1000, "--replicas", "1", "--compare", "no"),
  "records-10000": records(10_000, "--singles", "10", "--replicas", "1", "--compare", "no"),
  pass: {
    bench: "scale",
    args: ["--rows", "10,100,1000", "--traffic", "none"],
    rivals: Object.fromEntries(
      [10, 100, 1000].map((sites) => [
        `rows[${sites}].oneChange.cpuMs`,
        { name: "the seed's way", figure: `rows[${sites}].seedWayMs` },
      ]),
    ),
  },
  traffic: { bench: "scale", args: ["--rows", "none", "--traffic", "10,50,100,200"] },
  reconcile: { bench: "reconcile", args: [] },
  serve: {
    bench: "serve",
    args: [],
    rivals: {
      cpuMicros: { name: "a bare Knot", figure: "bareCpuMicros" },
      qps: { name: "a bare Knot", figure: "bareQps" },
    },
  },
  "zone-files": zoneFiles(100_000),
  "zone-files-10000": zoneFiles(10_000),
  failover: {
    bench: "failover",
    args: [],
    rivals: Object.fromEntries(
      ["killed", "blackholed", "slow"].flatMap((kind) =>
        ["p50Ms", "p99Ms"].map((figure) => [
          `events[${kind}].${figure}`,
          { name: "a script: curl each 10 s, and nsupdate", figure: `events[${kind}].script.${figure}` },
        ]),
      ),
    ),
  },
  pools: { bench: "failover", args: ["--tries", "0", "--pools", "1000"], smallest: ["--tries", "0", "--pools", "2"] },
  join: {
    bench: "join",
    args: [],
    rivals: { maxSeconds: { name: "the seed's way, at best", figure: "seedSeconds" } },
  },
  disrupt: { bench: "disrupt", args: [] },
  rotate: { bench: "rotate", args: [] },
  restore: { bench: "restore", args: [] },
  status: { bench: "status", args: [] },
  up: { bench: "up", args: [] },
  "up-50": { bench: "up", args: ["--sites", "50", "--rounds", "1"] },
  metrics: { bench: "metrics", args: [] },
  "metrics-1000": { bench: "metrics", args: ["--zones", "1000"] },
  "links-tls": links("tls"),
  "links-quic": links("quic"),
  "links-tcp": links("tcp"),
  "pods-1-tls": pods(1, "tls"),
  "pods-2-tls": pods(2, "tls"),
  "pods-3-tls": pods(3, "tls"),
  "pods-1-tcp": pods(1, "tcp"),
  "pods-2-tcp": pods(2, "tcp"),
  "pods-3-tcp": pods(3, "tcp"),
  readers: {
    bench: "converge",
    args: ["--sites", "3", "--zones", "3", "--changes", "20", "--readers", "only"],
    smallest: ["--sites", "3", "--zones", "3", "--changes", "2", "--readers", "only"],
  },
};

/** Benches of which no figure is kept, and why. They run with `--quick` only. */
export const withoutFigures: Readonly<Record<string, string>> = {
  alerts: "whether an alert fires, which is a test",
};

/** How a job is called, as people type it. */
export function commandOf({ bench, args }: Pick<Job, "bench" | "args">): string {
  return `npm run bench:${bench}${args.length === 0 ? "" : ` -- ${args.join(" ")}`}`;
}
