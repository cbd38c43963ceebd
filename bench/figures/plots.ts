import { type Chart, renderChart, type Series } from "../support/plot";
import type { Figures, Middle } from "./file";

/** Where plots are, relative to the repository. */
export const plotsFolder = "docs/plots";

interface Point {
  readonly x: number;
  readonly job: string;
  readonly figure: string;
  readonly side?: "rival";
  /** What is drawn, where it is not the figure. */
  readonly y?: (value: number) => number;
}

interface Plot extends Omit<Chart, "series"> {
  readonly lines: Readonly<Record<string, readonly Point[]>>;
}

const bySize = (figure: string, side?: "rival"): readonly Point[] =>
  [3, 20, 100].map((sites) => ({ x: sites, job: `converge-${sites}`, figure, ...(side && { side }) }));
const byRow = (figure: string, side?: "rival"): readonly Point[] =>
  [10, 100, 1000].map((sites) => ({
    x: sites,
    job: "pass",
    figure: `rows[${sites}].${figure}`,
    ...(side && { side }),
  }));
const byTraffic = (topology: string, figure: string): readonly Point[] =>
  [10, 50, 100, 200].map((sites) => ({ x: sites, job: "traffic", figure: `traffic[${sites} ${topology}].${figure}` }));
const byFile = (figure: string): readonly Point[] => [
  { x: 10_000, job: "zone-files-10000", figure },
  { x: 100_000, job: "zone-files", figure },
];
/** Seconds for all records, by how many there are in a second. */
const byRate = (x: number, job: string, figure: string): Point => ({ x, job, figure, y: (rate) => x / rate });

/** What has a shape, by file name. */
const plots: Readonly<Record<string, Plot>> = {
  "change.svg": {
    title: "Until every site answers a change, p50",
    x: { label: "sites", scale: "log" },
    y: { label: "ms", scale: "log" },
    lines: {
      "record, over TLS": bySize("record.p50Ms"),
      "journals on disk": bySize("recordOnDisk.p50Ms"),
      "BIND over TLS": bySize("record.p50Ms", "rival"),
      "zone added": bySize("zone.p50Ms"),
      "site added": bySize("site.p50Ms"),
    },
  },
  "records.svg": {
    title: "DnsRecords until all are answered",
    x: { label: "records", scale: "log" },
    y: { label: "s", scale: "log" },
    lines: {
      "statuses, 2 pods": [byRate(100, "records-100", "perSecond"), byRate(1000, "records", "perSecond")],
      "statuses, 1 pod": [
        byRate(1000, "records-one-pod", "perSecond"),
        { x: 10_000, job: "records-10000", figure: "seconds" },
      ],
      "no statuses": [
        byRate(100, "records-100", "perSecondWithoutStatuses"),
        byRate(1000, "records", "perSecondWithoutStatuses"),
      ],
      "external-dns, statuses": [byRate(100, "records", "externalDns.perSecond")],
      "external-dns, none": [
        byRate(100, "records-100", "externalDns.perSecondWithoutStatuses"),
        byRate(1000, "records", "externalDns.perSecondWithoutStatuses"),
      ],
    },
  },
  "zone-files.svg": {
    title: "Zone files, CPU of one command",
    x: { label: "records", scale: "log" },
    y: { label: "s of CPU", scale: "log" },
    lines: {
      "mesh import": byFile("importCpuSeconds"),
      "mesh export": byFile("exportCpuSeconds"),
      "named-checkzone": byFile("bindCpuSeconds"),
    },
  },
  "pass.svg": {
    title: "CPU of a pass, ten zones a site",
    x: { label: "sites", scale: "log" },
    y: { label: "ms", scale: "log" },
    lines: {
      "seed's way, change": byRow("oneChange.cpuMs", "rival"),
      "agent, one change": byRow("oneChange.cpuMs"),
      "agent, no change": byRow("idle.cpuMs"),
    },
  },
  "messages.svg": {
    title: "Messages of one change",
    x: { label: "sites" },
    y: { label: "messages" },
    lines: {
      "full, all": byTraffic("full", "messagesPerChange"),
      "hub, all": byTraffic("hub", "messagesPerChange"),
      "full, to owner": byTraffic("full", "ownersMessages"),
      "hub, to owner": byTraffic("hub", "ownersMessages"),
    },
  },
};

/** All plots of which at least one point was measured, by file name. */
export function plotTexts(figures: Figures): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(plots).flatMap(([name, { lines, ...chart }]) => {
      const series = Object.entries(lines).flatMap(([label, points]) => measured(label, points, figures));
      return series.length === 0 ? [] : [[name, renderChart({ ...chart, series })] as const];
    }),
  );
}

function measured(label: string, points: readonly Point[], figures: Figures): readonly Series[] {
  const found = points.flatMap(({ x, job, figure, side, y = (value) => value }) => {
    const of = figures[job]?.figures[figure];
    const middle: Middle | undefined = side === undefined ? of : of?.rival;
    // Nothing has no place on a scale of powers.
    return middle === undefined || middle.median <= 0 ? [] : [{ x, y: y(middle.median) }];
  });
  return found.length === 0 ? [] : [{ label, points: found }];
}

/** The figures that plots have a place for. */
export function plotted(): readonly { readonly job: string; readonly figure: string }[] {
  return Object.values(plots).flatMap(({ lines }) => Object.values(lines).flat());
}
