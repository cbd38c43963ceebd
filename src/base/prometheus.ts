/** One value, with the labels that tell it from others of its family. */
export type Sample = readonly [labels: Labels, value: number];

type Labels = Readonly<Record<string, string>>;

/** What a metric is. Names end in their unit, those of counters in `_total`; times are timestamps, never ages. */
export interface Metric {
  /** `untyped` for names that another program chose, and that a type would forbid. */
  readonly type: "gauge" | "counter" | "histogram" | "untyped";
  readonly help: string;
  /** Labels that its values may have. */
  readonly labels?: readonly string[];
}

/** A metric's values; none where there is nothing to be said. */
export type Values =
  number | readonly Sample[] | Histogram | readonly (readonly [labels: Labels, histogram: Histogram])[] | undefined;

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
  lines(name: string, labels: Labels = {}): readonly string[] {
    const buckets = this.bounds.map((bound, i) =>
      line(`${name}_bucket`, [{ ...labels, le: String(bound) }, this.#within[i] ?? 0]),
    );
    return [
      ...buckets,
      line(`${name}_bucket`, [{ ...labels, le: "+Inf" }, this.#count]),
      line(`${name}_sum`, [labels, this.#sum]),
      line(`${name}_count`, [labels, this.#count]),
    ];
  }
}

/** Metrics in the text format of Prometheus, version 0.0.4. What has no value is left out, with its heading. */
export function renderMetricFamilies<Name extends string>(
  metrics: Readonly<Record<Name, Metric>>,
  values: Readonly<Record<Name, Values>>,
): string {
  const names = Object.keys(metrics) as Name[];
  return names.map((name) => renderFamily(name, metrics[name], values[name])).join("");
}

function renderFamily(name: string, { type, help }: Metric, values: Values): string {
  const lines = linesOf(name, values);
  if (lines.length === 0) return "";
  return `# HELP ${name} ${escapeText(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function linesOf(name: string, values: Values): readonly string[] {
  if (values === undefined) return [];
  if (typeof values === "number") return [line(name, [{}, values])];
  if (values instanceof Histogram) return values.lines(name);
  return values.flatMap(([labels, value]) =>
    typeof value === "number" ? [line(name, [labels, value])] : value.lines(name, labels),
  );
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
