/** One value, with the labels that tell it from others of its family. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** A metric with its values. Names end in their unit, those of counters in `_total`; times are timestamps, never ages. */
export type Family = { readonly name: string; readonly help: string } & (
  | { readonly type: "gauge" | "counter"; readonly samples: number | readonly Sample[] }
  | { readonly type: "histogram"; readonly histogram: Histogram }
);

/** How many values were no larger than each bound, and their sum. */
export class Histogram {
  readonly #within: number[];
  #count = 0;
  #sum = 0;

  /** @param bounds - Upper bounds of the buckets, ascending. */
  constructor(private readonly bounds: readonly number[]) {
    this.#within = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#count += 1;
    this.#sum += value;
    this.bounds.forEach((bound, i) => {
      if (value <= bound) this.#within[i] = (this.#within[i] ?? 0) + 1;
    });
  }

  /** Lines of the text format, but for the heading. */
  lines(name: string): readonly string[] {
    const buckets = this.bounds.map((bound, i) =>
      line(`${name}_bucket`, [{ le: String(bound) }, this.#within[i] ?? 0]),
    );
    return [
      ...buckets,
      line(`${name}_bucket`, [{ le: "+Inf" }, this.#count]),
      line(`${name}_sum`, [{}, this.#sum]),
      line(`${name}_count`, [{}, this.#count]),
    ];
  }
}

/** Metrics in the text format of Prometheus, version 0.0.4. The prefix comes before each name. */
export function renderMetricFamilies(prefix: string, families: readonly Family[]): string {
  return families.map((family) => renderFamily(`${prefix}${family.name}`, family)).join("");
}

function renderFamily(name: string, family: Family): string {
  const heading = `# HELP ${name} ${escapeText(family.help)}\n# TYPE ${name} ${family.type}\n`;
  return heading + linesOf(name, family).join("");
}

function linesOf(name: string, family: Family): readonly string[] {
  if (family.type === "histogram") return family.histogram.lines(name);
  const { samples } = family;
  const all: readonly Sample[] = typeof samples === "number" ? [[{}, samples]] : samples;
  return all.map((sample) => line(name, sample));
}

function line(name: string, [labels, value]: Sample): string {
  const text = Object.entries(labels).map(
    ([label, content]) => `${label}="${escapeText(content).replace(/"/g, '\\"')}"`,
  );
  return `${name}${text.length > 0 ? `{${text.join(",")}}` : ""} ${value}\n`;
}

function escapeText(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
}
