/** What something is to cost or to take. */
export interface Aim {
  readonly what: string;
  /** The aim in words where there is no bound, or where the words say more. */
  readonly text?: string;
  /** The job and its figure, and whether the figure itself counts or how many times better it is than its rival's. */
  readonly of?: readonly [job: string, figure: string, side?: "times"];
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly unit?: string;
}

const inEncrypted = "over the encrypted default";

/** All aims, in the order of the table. Whoever has no figure is not measured by any bench. */
export const aims: readonly Aim[] = [
  { what: `a record, 3 sites, ${inEncrypted}, p50`, of: ["converge-3", "record.p50Ms"], atMost: 12, unit: "ms" },
  { what: "the same, p99", of: ["converge-3", "record.p99Ms"], atMost: 40, unit: "ms" },
  { what: "a record, 20 sites, p50", of: ["converge-20", "record.p50Ms"], atMost: 35, unit: "ms" },
  { what: "a record, 100 sites, p50", of: ["converge-100", "record.p50Ms"], atMost: 120, unit: "ms" },
  {
    what: "the same, to BIND over TLS in the same run",
    of: ["converge-100", "record.p50Ms", "times"],
    ...{ atLeast: 1.8, unit: "times as fast" },
  },
  ...[1, 20, 80].flatMap((trip) =>
    [0, 1].map((loss) => ({
      what: `a record over ${trip} ms there and back, ${loss} % lost, p50`,
      text: `2.5 round trips and 15 ms: at most ${2.5 * trip + 15} ms`,
      of: ["links-tls", `links[${trip} ${loss}].p50Ms`] as const,
      ...{ atMost: 2.5 * trip + 15, unit: "ms" },
    })),
  ),
  {
    what: "p99 of 300 changes to their p50, journals on disk",
    of: ["stragglers", "recordOnDisk.p99ToP50"],
    ...{ atMost: 3, unit: "times" },
  },
  {
    what: "a DnsRecord is made → its writer answers it, p50",
    of: ["records-one-pod", "writerMs.p50"],
    ...{ atMost: 10, unit: "ms" },
  },
  {
    what: "→ all three sites answer it, one pod each, p50",
    of: ["records-one-pod", "allSitesMs.p50"],
    ...{ atMost: 25, unit: "ms" },
  },
  { what: "a zone is added, 3 sites, p50", of: ["converge-3", "zone.p50Ms"], atMost: 300, unit: "ms" },
  { what: "a zone is added, 20 sites, p50", of: ["converge-20", "zone.p50Ms"], atMost: 300, unit: "ms" },
  { what: "a zone is added, 100 sites, p50", of: ["converge-100", "zone.p50Ms"], atMost: 1500, unit: "ms" },
  { what: "a site is added, 3 sites, p50", of: ["converge-3", "site.p50Ms"], atMost: 500, unit: "ms" },
  { what: "a site is added, 20 sites, p50", of: ["converge-20", "site.p50Ms"], atMost: 500, unit: "ms" },
  { what: "a site is added, 100 sites, p50", of: ["converge-100", "site.p50Ms"], atMost: 1500, unit: "ms" },
  {
    what: "a pass with one change, 1,000 sites and 10,000 zones",
    of: ["pass", "rows[1000].oneChange.cpuMs"],
    ...{ atMost: 40, unit: "ms of CPU" },
  },
  {
    what: "the same, to the seed's way",
    of: ["pass", "rows[1000].oneChange.cpuMs", "times"],
    ...{ atLeast: 50, unit: "times less" },
  },
  { what: "the agent's memory then", of: ["pass", "rows[1000].oneChange.peakMiB"], atMost: 96, unit: "MiB" },
  { what: "a pass with one change, 100,000 zones", text: "at most 100 ms of CPU and 200 MiB" },
  { what: "a pod at rest", text: "at most 0.1 % of a core" },
  { what: "10,000 own zones and 200 peers: memory and time of pending work", text: "printed" },
  {
    what: "10,000 DnsRecords live at every site, with their statuses",
    of: ["records-10000", "seconds"],
    ...{ atMost: 35, unit: "s" },
  },
  { what: "the operator's memory then, at most", of: ["records-10000", "peakMiB"], atMost: 140, unit: "MiB" },
  { what: "writes to the API server for a record", of: ["records", "apiWrites"], atMost: 2 },
  {
    what: "DnsRecords with statuses to write, to external-dns, start included",
    of: ["records", "perSecond", "times"],
    ...{ atLeast: 50, unit: "times as fast" },
  },
  {
    what: "with none to write, start included",
    of: ["records", "perSecondWithoutStatuses", "times"],
    ...{ atLeast: 1, unit: "times as fast" },
  },
  { what: "the same two without the start of either process", text: "at least 50 and 1 times as fast" },
  { what: "DNS UPDATEs a second through Knot, beside nsupdate and knsupdate", text: "printed" },
  { what: "import of 100,000 records", of: ["zone-files", "importSeconds"], atMost: 3, unit: "s" },
  { what: "export of 100,000 records", of: ["zone-files", "exportSeconds"], atMost: 3, unit: "s" },
  {
    what: "one change of a zone of 100,000 records",
    text: "at most 1 KB on the wire, the time to three sites printed",
  },
  { what: "`pulumi preview` of a site without a change", of: ["up", "previewMs"], atMost: 2500, unit: "ms" },
  { what: "its `up` as `mesh up` runs it, without a preview before it", of: ["up", "upMs"], atMost: 2500, unit: "ms" },
  {
    what: "`mesh up` of 50 sites with one zone more in the list: what is touched",
    of: ["up-50", "touched"],
    ...{ atMost: 3, unit: "stacks: shared, the primary, the owner" },
  },
];
