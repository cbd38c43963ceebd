import { type Axis, axisFor, type Scale } from "./axis";

/** One line of a chart. */
export interface Series {
  readonly label: string;
  /** From left to right. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** A line chart. Values are positive; zero only on linear axes. */
export interface Chart {
  readonly title: string;
  readonly x: { readonly label: string; readonly scale?: Scale };
  readonly y: { readonly label: string; readonly scale?: Scale };
  readonly series: readonly Series[];
}

const size = { width: 760, height: 440 };
/** Where the lines are; the rest is for words. */
const frame = { left: 78, top: 54, right: 570, bottom: 376 };

/** Of Okabe and Ito: told apart by those who see colours otherwise, and legible on white and on black. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
/** A second mark of each line beside its colour. */
const dashes = ["none", "7 4", "2 3", "10 3 2 3", "4 4", "12 4"];

const style = `
  text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #24292f; }
  .ground { fill: #ffffff; }
  .title { font-size: 16px; font-weight: 600; }
  .tick { font-size: 12px; fill: #57606a; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .frame { stroke: #57606a; stroke-width: 1; fill: none; }
  .line { fill: none; stroke-width: 2.25; stroke-linejoin: round; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; }
    text { fill: #e6edf3; }
    .tick { fill: #9198a1; }
    .grid { stroke: #30363d; }
    .frame { stroke: #9198a1; }
  }
`;

/**
 * The chart as SVG, light or dark as the reader has set it. It brings its ground, since a page may be the other way.
 *
 * @throws RangeError for a chart without points, or with values that have no place on its axes.
 */
export function renderChart(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points);
  const axes = {
    x: axisFor(
      points.map(({ x }) => x),
      chart.x.scale ?? "linear",
    ),
    y: axisFor(
      points.map(({ y }) => y),
      chart.y.scale ?? "linear",
    ),
  };
  const title = escape(chart.title);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img" aria-label="${title}">
<title>${title}</title>
<style>${style}</style>
<rect class="ground" width="${size.width}" height="${size.height}" rx="6"/>
<text class="title" x="${frame.left}" y="28">${title}</text>
${axes.x.ticks.map((tick) => verticalLine(across(axes.x, tick), tick)).join("\n")}
${axes.y.ticks.map((tick) => horizontalLine(up(axes.y, tick), tick)).join("\n")}
<rect class="frame" x="${frame.left}" y="${frame.top}" width="${frame.right - frame.left}" height="${frame.bottom - frame.top}"/>
<text x="${(frame.left + frame.right) / 2}" y="${frame.bottom + 44}" text-anchor="middle">${escape(chart.x.label)}</text>
<text transform="translate(20 ${(frame.top + frame.bottom) / 2}) rotate(-90)" text-anchor="middle">${escape(chart.y.label)}</text>
${chart.series.map((series, i) => renderSeries(series, { axes, index: i })).join("\n")}
${renderLegend(chart.series, axes)}
</svg>
`;
}

function across(axis: Axis, value: number): number {
  return pixel(frame.left + axis.place(value) * (frame.right - frame.left));
}

function up(axis: Axis, value: number): number {
  return pixel(frame.bottom - axis.place(value) * (frame.bottom - frame.top));
}

function pixel(value: number): number {
  return Math.round(value * 10) / 10;
}

function verticalLine(x: number, tick: number): string {
  return `<line class="grid" x1="${x}" y1="${frame.top}" x2="${x}" y2="${frame.bottom}"/><text class="tick" x="${x}" y="${frame.bottom + 19}" text-anchor="middle">${tickText(tick)}</text>`;
}

function horizontalLine(y: number, tick: number): string {
  return `<line class="grid" x1="${frame.left}" y1="${y}" x2="${frame.right}" y2="${y}"/><text class="tick" x="${frame.left - 8}" y="${y + 4}" text-anchor="end">${tickText(tick)}</text>`;
}

function tickText(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 6 });
}

interface Place {
  readonly axes: { readonly x: Axis; readonly y: Axis };
  readonly index: number;
}

function renderSeries({ points }: Series, { axes, index }: Place): string {
  const colour = colours[index % colours.length] ?? "";
  const dash = dashes[index % dashes.length] ?? "";
  const at = points.map(({ x, y }) => [across(axes.x, x), up(axes.y, y)] as const);
  const line = at.map(([x, y]) => `${x},${y}`).join(" ");
  return [
    `<polyline class="line" stroke="${colour}" stroke-dasharray="${dash}" points="${line}"/>`,
    ...at.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`),
  ].join("\n");
}

/** Each line's name stands where the line ends, as far as the names leave room for one another. */
function renderLegend(series: readonly Series[], axes: Place["axes"]): string {
  const lineHeight = 18;
  const wanted = series.map(({ points }, index) => ({ index, y: up(axes.y, points.at(-1)?.y ?? axes.y.least) }));
  wanted.sort((a, b) => a.y - b.y);
  let next = frame.top + 6;
  const down = wanted.map(({ index, y }) => {
    const at = Math.max(y, next);
    next = at + lineHeight;
    return { index, y: at };
  });
  const surplus = Math.max(0, next - lineHeight - frame.bottom);
  return down
    .map(({ index, y }) => {
      const colour = colours[index % colours.length] ?? "";
      const dash = dashes[index % dashes.length] ?? "";
      const [x, at] = [frame.right + 10, pixel(y - surplus)];
      return `<line class="line" stroke="${colour}" stroke-dasharray="${dash}" x1="${x}" y1="${at}" x2="${x + 22}" y2="${at}"/><text x="${x + 28}" y="${at + 4}">${escape(series[index]?.label ?? "")}</text>`;
    })
    .join("\n");
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
