/**
 * A table in a document. In its cells `{JOB:FIGURE}` is a figure, with the least and the greatest of several runs behind it;
 * `{JOB:FIGURE|rival}` what it is compared with, `{JOB:FIGURE|times}` how many times better ours is. `s` at the end, as in
 * `|rival s`, has milliseconds shown as seconds. A cell with a figure that was not measured says so, and nothing else.
 */
export interface Table {
  /** Relative to the repository. */
  readonly document: string;
  readonly rows: readonly (readonly string[])[];
}

const [performance, readme, pools, metrics] = ["docs/performance.md", "README.md", "docs/pools.md", "docs/metrics.md"];

const times = (job: string, figure: string): readonly string[] =>
  ["p50Ms", "p99Ms", "maxMs"].map((each) => `{${job}:${figure}.${each}}`);
const millisecondHeads = ["p50 ms", "p99 ms", "longest ms"];

const sizes = [3, 20, 100];
const perSize = (figure: string): readonly string[] => sizes.map((sites) => `{converge-${sites}:${figure}}`);

const disruptions: readonly (readonly [kind: string, what: string])[] = [
  ["delete pod 1", "`kubectl delete pod knot-1`"],
  ["delete pod 0", "`kubectl delete pod knot-0`"],
  ["rollout restart", "`kubectl rollout restart`"],
  ["drain", "`kubectl drain`"],
  ["up: new image", "`up` with another image of Knot"],
  ["up: new agent", "`up` with another agent"],
  ["up: three pods", "`up` with three pods"],
  ["up: two pods", "`up` with two pods again"],
  ["SIGKILL of knotd", "SIGKILL of one knotd"],
  ["SIGKILL of the agent", "SIGKILL of one agent"],
];

/** All generated tables of figures, by the name of their place in the document. */
export const tables: Readonly<Record<string, Table>> = {
  figures: {
    document: readme,
    rows: [
      ["what", "measured", "beside it", "printed by"],
      [
        "a new site's pod is ready → the last pod of every existing site answers its zone, three sites with two pods each",
        "{join:maxSeconds} s",
        "the seed's way: {join:maxSeconds|rival} s at best, its reconciler's period; {join:maxSeconds|times} times as long",
        "`npm run bench:join`",
      ],
      [
        "a pass of the agent without a change, 3 sites, 100 zones",
        "{reconcile:idle.dnsQueries} SOA queries, no API read or write, {reconcile:idle.cpuMs} ms CPU, {reconcile:idle.peakMiB} MiB",
        "",
        "`npm run bench:reconcile`",
      ],
      [
        "the pass that takes up one new zone",
        "{reconcile:oneChange.dnsQueries} queries and transfers, no API read or write, {reconcile:oneChange.cpuMs} ms CPU, {reconcile:oneChange.peakMiB} MiB",
        "",
        "`npm run bench:reconcile`",
      ],
      [
        "the same at 1,000 sites and 10,000 zones",
        "{pass:rows[1000].oneChange.cpuMs} ms CPU, {pass:rows[1000].oneChange.peakMiB} MiB",
        "the seed's way: {pass:rows[1000].oneChange.cpuMs|rival s} s CPU, {pass:rows[1000].oneChange.cpuMs|times} times as much",
        "`npm run bench:scale`",
      ],
      [
        "a record is changed → the last of 100 sites on this machine answers it, over TLS",
        "p50 {converge-100:record.p50Ms} ms, p99 {converge-100:record.p99Ms} ms",
        "BIND with 99 secondaries over TLS: p50 {converge-100:record.p50Ms|rival} ms, {converge-100:record.p50Ms|times} times as long; one Knot and one secondary as they come: {converge-100:knotPairStock.p50Ms} ms",
        "`npm run bench:converge`",
      ],
      [
        "a query at a mesh site",
        "{serve:cpuMicros} µs CPU; of {serve:asked} answers {serve:lostDuringReloads} lost in {serve:reloads} reloads",
        "a bare Knot: {serve:cpuMicros|rival} µs",
        "`npm run bench:serve`",
      ],
      [
        "a zone, a site is added → the last of 100 sites serves it",
        "p50 {converge-100:zone.p50Ms|s} s, {converge-100:site.p50Ms|s} s",
        "",
        "`npm run bench:converge`",
      ],
      [
        "a DnsRecord is made → its writer, every pod of three sites with two pods each answers it",
        "p50 {records:writerMs.p50} ms, {records:allSitesMs.p50} ms",
        "",
        "`npm run bench:records`",
      ],
      [
        "the same with one pod at each site",
        "p50 {records-one-pod:writerMs.p50} ms, {records-one-pod:allSitesMs.p50} ms",
        "",
        "`npm run bench:records`",
      ],
      [
        "DnsRecords that an operator finds when it starts → live at every site, statuses written",
        "{records:perSecond} a second",
        "external-dns with statuses to write: {records:perSecond|rival}, {records:perSecond|times} times as long",
        "`npm run bench:records`",
      ],
      [
        "the same with no statuses to write",
        "{records:perSecondWithoutStatuses} a second",
        "external-dns: {records:perSecondWithoutStatuses|rival}",
        "`npm run bench:records`",
      ],
      [
        "10,000 DnsRecords, one pod at each site",
        "{records-10000:seconds} s, {records-10000:peakMiB} MiB",
        "",
        "`npm run bench:records`",
      ],
      [
        "a pod of two is deleted, a node drained, `up` with another image",
        "of {disrupt:events[delete pod 0 (udp)].tried}, {disrupt:events[drain (udp)].tried} and {disrupt:events[up: new image (udp)].tried} questions over UDP {disrupt:events[delete pod 0 (udp)].lost}, {disrupt:events[drain (udp)].lost} and {disrupt:events[up: new image (udp)].lost} lost, of as many over TCP {disrupt:events[delete pod 0 (tcp)].lost}, {disrupt:events[drain (tcp)].lost} and {disrupt:events[up: new image (tcp)].lost}",
        "",
        "`npm run bench:disrupt`",
      ],
      [
        "three rotations of the key at full load, three sites",
        "of {rotate:transfers.tried} transfers, {rotate:notifies.tried} NOTIFYs and {rotate:answers.tried} answers {rotate:transfers.failed}, {rotate:notifies.refused} and {rotate:answers.lost} failed",
        "",
        "`npm run bench:rotate`",
      ],
    ],
  },
  change: {
    document: performance,
    rows: [
      ["100 sites", ...millisecondHeads],
      ["record, journals on tmpfs", ...times("converge-100", "record")],
      ["the same, journals on disk", ...times("converge-100", "recordOnDisk")],
      ["BIND 9.18 with 99 secondaries over TLS, UPDATE", ...times("converge-100", "bind")],
      ["the same over plain TCP", ...times("converge-100", "bindTcp")],
      ["one Knot and one secondary, as they come", ...times("converge-100", "knotPairStock")],
      ["one Knot and one secondary, NOTIFY at once (the floor)", ...times("converge-100", "knotPairAtOnce")],
      ["zone added to the catalog", ...times("converge-100", "zone")],
      ["site added to the directory", ...times("converge-100", "site")],
    ],
  },
  sizes: {
    document: performance,
    rows: [
      ["p50 ms", ...sizes.map((sites) => `${sites} sites`)],
      ["record, journals on tmpfs", ...perSize("record.p50Ms")],
      ["the same, journals on disk", ...perSize("recordOnDisk.p50Ms")],
      ["BIND with as many servers, over TLS", ...perSize("record.p50Ms|rival")],
      ["times as long as ours", ...perSize("record.p50Ms|times")],
      ["zone added", ...perSize("zone.p50Ms")],
      ["site added", ...perSize("site.p50Ms")],
    ],
  },
  pods: {
    document: performance,
    rows: [
      ["pods a site", "TLS, p50 ms", "p99 ms", "TCP, p50 ms", "p99 ms"],
      ...[1, 2, 3].map((count) => [
        `${count}`,
        ...["tls", "tcp"].flatMap((transport) =>
          ["p50Ms", "p99Ms"].map((each) => `{pods-${count}-${transport}:record.${each}}`),
        ),
      ]),
    ],
  },
  readers: {
    document: performance,
    rows: [
      ["", ...millisecondHeads],
      ["BIND", ...times("readers", "readers.bind")],
      ["BIND with its own `serial-query-rate`", ...times("readers", "readers.bindStock")],
      ["NSD", ...times("readers", "readers.nsd")],
      ["PowerDNS", ...times("readers", "readers.powerDns")],
    ],
  },
  links: {
    document: performance,
    rows: [
      ["there and back, lost", "TLS, p50 ms", "p99 ms", "QUIC, p50 ms", "p99 ms", "TCP, p50 ms", "p99 ms"],
      ...[1, 20, 80].flatMap((trip) =>
        [0, 1].map((loss) => [
          `${trip} ms, ${loss} %`,
          ...["tls", "quic", "tcp"].flatMap((transport) =>
            ["p50Ms", "p99Ms"].map((each) => `{links-${transport}:links[${trip} ${loss}].${each}}`),
          ),
        ]),
      ),
    ],
  },
  pass: {
    document: performance,
    rows: [
      [
        "sites",
        "zones",
        "no change: CPU ms",
        "queries",
        "one change: CPU ms",
        "peak MiB",
        "the seed's way: CPU ms",
        "ratio",
      ],
      ...[10, 100, 1000].map((sites) => {
        const row = `pass:rows[${sites}]`;
        return [
          sites.toLocaleString("en-US"),
          (10 * sites).toLocaleString("en-US"),
          ...[`{${row}.idle.cpuMs}`, `{${row}.idle.dnsQueries}`, `{${row}.oneChange.cpuMs}`],
          ...[`{${row}.oneChange.peakMiB}`, `{${row}.oneChange.cpuMs|rival}`, `{${row}.oneChange.cpuMs|times}`],
        ];
      }),
    ],
  },
  traffic: {
    document: performance,
    rows: [
      ["sites", "topology", "packets/s at rest", "messages a change", "of them to and from the owner's server"],
      ...[10, 50, 100, 200].flatMap((sites) =>
        ["full", "hub"].map((topology) => [
          `${sites}`,
          topology,
          ...["packetsPerSecondAtRest", "messagesPerChange", "ownersMessages"].map(
            (each) => `{traffic:traffic[${sites} ${topology}].${each}}`,
          ),
        ]),
      ),
    ],
  },
  records: {
    document: performance,
    rows: [
      ["", "measured", "external-dns"],
      ["an object is made → the writer answers it", "p50 {records:writerMs.p50} ms, p99 {records:writerMs.p99} ms", ""],
      [
        "→ every pod of all three sites answers it",
        "p50 {records:allSitesMs.p50} ms, p99 {records:allSitesMs.p99} ms",
        "",
      ],
      [
        "one pod a site: the writer",
        "p50 {records-one-pod:writerMs.p50} ms, p99 {records-one-pod:writerMs.p99} ms",
        "",
      ],
      [
        "one pod a site: every site",
        "p50 {records-one-pod:allSitesMs.p50} ms, p99 {records-one-pod:allSitesMs.p99} ms",
        "",
      ],
      ["10,000 records live at every site, with their statuses", "{records-10000:seconds} s", ""],
      ["the operator's memory then, at most", "{records-10000:peakMiB} MiB", ""],
      [
        "with statuses to write",
        "{records:perSecond} a second, {records:perSecond|times} times",
        "{records:perSecond|rival}",
      ],
      [
        "with none to write",
        "{records:perSecondWithoutStatuses} a second, {records:perSecondWithoutStatuses|times} times",
        "{records:perSecondWithoutStatuses|rival}",
      ],
      ["writes to the API for a record", "{records:apiWrites}", ""],
      [
        "at rest, a minute: API calls for records",
        "{records:idle.apiReads} reads, {records:idle.apiWrites} writes",
        "",
      ],
      ["for the Lease", "{records:idle.leaseRequests}", ""],
      ["DNS requests", "{records:idle.dnsRequests}", ""],
    ],
  },
  "zone files": {
    document: performance,
    rows: [
      ["100,000 records", "s", "CPU s"],
      ["`mesh import`: a zone file as YAML", "{zone-files:importSeconds}", "{zone-files:importCpuSeconds}"],
      ["`mesh export`: YAML as a zone file", "{zone-files:exportSeconds}", "{zone-files:exportCpuSeconds}"],
      [
        "`named-checkzone`, which reads the zone file and writes nothing",
        "{zone-files:bindSeconds}",
        "{zone-files:bindCpuSeconds}",
      ],
    ],
  },
  disruptions: {
    document: performance,
    rows: [
      ["event", "asked over UDP", "lost", "asked over TCP", "lost", "over TCP kept open", "lost"],
      ...disruptions.map(([kind, what]) => [
        what,
        ...["udp", "tcp"].flatMap((way) =>
          ["tried", "lost"].map((each) => `{disrupt:events[${kind} (${way})].${each}}`),
        ),
        ...["tried", "lost"].map((each) => `{disrupt:keptOpen[${kind}].${each}}`),
      ]),
    ],
  },
  serving: {
    document: performance,
    rows: [
      ["", "queries/s", "CPU µs per query"],
      ["mesh site, 5 sites and 200 zones", "{serve:qps}", "{serve:cpuMicros}"],
      ["bare Knot", "{serve:qps|rival}", "{serve:cpuMicros|rival}"],
      ["times better", "{serve:qps|times}", "{serve:cpuMicros|times}"],
    ],
  },
  restore: {
    document: performance,
    rows: [
      ["zones", "backup", "restore", "differences"],
      ["{restore:zones}", "{restore:backupSeconds} s", "{restore:seconds} s", "{restore:differences}"],
    ],
  },
  status: {
    document: performance,
    rows: [
      ["", "measured", "aim"],
      ["`mesh --version`", "{status:startMs|s} s", "0.3 s"],
      ["`mesh status`", "{status:statusMs|s} s", "3 s"],
      ["its CPU, Knot's included", "{status:statusCpuMs|s} s", ""],
      ["`mesh verify`: {status:copies} copies over TLS", "{status:verifyMs|s} s", "60 s"],
      ["its CPU, Knot's included", "{status:verifyCpuMs|s} s", ""],
    ],
  },
  up: {
    document: performance,
    rows: [
      ["", "time", "CPU"],
      ["`pulumi preview` of a site", "{up:previewMs|s} s", "{up:previewCpuMs|s} s"],
      ["`pulumi up --skip-preview`, which `mesh up` runs", "{up:upMs|s} s", "{up:upCpuMs|s} s"],
      ["`pulumi up`", "{up:upWithPreviewMs|s} s", "{up:upWithPreviewCpuMs|s} s"],
      [
        "`mesh up` of 50 sites with one zone more: {up-50:touched} stacks touched, of {up-50:stacks}",
        "{up-50:changeMs|s} s",
        "{up-50:changeCpuMs|s} s",
      ],
    ],
  },
  failover: {
    document: pools,
    rows: [
      ["a target is", "p50", "p99", "aims", "a script's p50, p99", "wrong, empty answers"],
      ...[
        ["killed", "killed: its port refuses connections"],
        ["blackholed", "blackholed: packets are lost"],
        ["slow", "slow: answers come after the timeout"],
        ["half-cut", "half-cut: out of reach for two of the three sites, the owner not among them"],
      ].map(([kind = "", what = ""]) => {
        const event = `failover:events[${kind}]`;
        const counts = `{${event}.wrong}, {${event}.empty} of {${event}.asked}`;
        const script = `{${event}.script.p50Ms|s} s, {${event}.script.p99Ms|s} s`;
        const besides = kind === "half-cut" ? "sees nothing" : script;
        return [what, `{${event}.p50Ms|s} s`, `{${event}.p99Ms|s} s`, "3 s, 6 s", besides, counts];
      }),
    ],
  },
  "many pools": {
    document: pools,
    rows: [
      ["1,000 pools, 3,000 targets", ""],
      ["probes a second from each site", "{pools:many.probesPerSecond}"],
      ["an operator's CPU, the most of three", "{pools:many.most.cpuPercent} % of a core"],
      ["an operator's memory, the most of three", "{pools:many.most.peakMiB} MiB"],
      ["packets over a site's link", "{pools:many.most.packetsPerSecond} a second"],
      ["KiB over a site's link", "{pools:many.most.kibPerSecond} a second"],
      ["all are answered after", "{pools:many.readySeconds} s"],
    ],
  },
  "zones cost": {
    document: metrics,
    rows: [
      ["zones with series", "series of Knot's", "octets", "CPU ms of the agent", "CPU ms of Knot"],
      ...[
        ["none, of 10,000 zones", "metrics:off"],
        ["1,000", "metrics-1000:all"],
        ["10,000", "metrics:all"],
      ].map(([what = "", of = ""]) => [
        what,
        ...["series", "octets", "agentCpuMs", "knotCpuMs"].map((each) => `{${of}.${each}}`),
      ]),
    ],
  },
};
