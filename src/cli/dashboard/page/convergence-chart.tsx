import { scaleLinear, scaleTime } from "d3-scale";
import { area, curveStepAfter, line } from "d3-shape";
import { useRef } from "preact/hooks";

import type { HistoryPoint, HistoryView } from "../history";
import { DataTable } from "./data-table";
import { Moment } from "./moment";
import { secondsBetween } from "./texts";
import { useWidth } from "./use-width";

/** What one of the charts shows. */
interface Series {
  readonly title: string;
  /** In words what it comes to. */
  readonly summary: string;
  readonly values: readonly { readonly at: Date; readonly value: number | undefined }[];
  /** Single events in place of a course. */
  readonly isDots?: true;
}

const height = 92;
const margin = { top: 8, right: 12, bottom: 22, left: 40 } as const;
/** Half of what a time takes. */
const halfTime = 30;
/** Rows of the table of looks. */
const tableRows = 20;

interface ConvergenceChartProps {
  readonly history: HistoryView;
  /** At which sites a change is seen. */
  readonly where: string;
}

/** How far the mesh was from agreeing, over the time that this page was served. */
export function ConvergenceChart({ history, where }: ConvergenceChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const { points } = history;
  const span = [new Date(points[0]?.at ?? 0), new Date(points.at(-1)?.at ?? 0)] as const;
  return (
    <div class="charts" ref={frame}>
      {width > 0 &&
        points.length > 0 &&
        seriesOf(history, where).map((series) => (
          <Chart key={series.title} series={series} span={span} width={width} />
        ))}
      <details>
        <summary>The last looks as a table</summary>
        <DataTable
          label="Looks"
          rows={[...points].reverse().slice(0, tableRows)}
          keyOf={({ at }) => at}
          columns={[
            { title: "look", cell: ({ at }) => <Moment at={at} />, isHeading: true },
            { title: "copies asked", cell: (point) => known(point, point.asked), isNumber: true },
            { title: "behind", cell: (point) => known(point, point.behind), isNumber: true },
            { title: "not served", cell: (point) => known(point, point.missing), isNumber: true },
            { title: "silent sites", cell: (point) => known(point, point.silent), isNumber: true },
            { title: "findings", cell: (point) => known(point, point.findings), isNumber: true },
          ]}
        />
      </details>
    </div>
  );
}

function known({ failed }: HistoryPoint, value: number): number | string {
  return failed ? "failed" : value;
}

function seriesOf({ points, changes }: HistoryView, where: string): readonly Series[] {
  const course = (title: string, of: (point: HistoryPoint) => number): Series => {
    const values = points.map((point) => ({ at: new Date(point.at), value: point.failed ? undefined : of(point) }));
    const numbers = values.flatMap(({ value }) => value ?? []);
    return { title, values, summary: `${numbers.at(-1) ?? "not known"} now, at most ${Math.max(0, ...numbers)}` };
  };
  const times = changes.flatMap(({ seenAt, everywhereAt }) =>
    everywhereAt === undefined ? [] : [{ at: new Date(seenAt), value: secondsBetween(seenAt, everywhereAt) }],
  );
  const longest = Math.max(0, ...times.map(({ value }) => value));
  return [
    course("Copies that are behind or not served", ({ behind, missing }) => behind + missing),
    course("Sites that do not answer", ({ silent }) => silent),
    {
      title: `Seconds until a change was ${where}`,
      values: times,
      summary: times.length === 0 ? "no change yet" : `${times.length} changes, at most ${longest} s`,
      isDots: true,
    },
  ];
}

interface ChartProps {
  readonly series: Series;
  readonly span: readonly [Date, Date];
  readonly width: number;
}

function Chart({ series, span, width }: ChartProps) {
  const { title, summary, values, isDots } = series;
  const [from, to] = span;
  const end = to.getTime() > from.getTime() ? to : new Date(from.getTime() + 60_000);
  const x = scaleTime([from, end], [margin.left, width - margin.right]);
  const highest = Math.max(1, ...values.flatMap(({ value }) => value ?? []));
  const y = scaleLinear([0, highest], [height - margin.bottom, margin.top]).nice(2);
  // One whose text would not fit is left out.
  const ticks = x.ticks(Math.max(2, Math.floor(width / 130))).filter((tick) => x(tick) < width - halfTime);
  const isShort = end.getTime() - from.getTime() < 600_000;
  return (
    <figure>
      <figcaption>
        {title}: <strong>{summary}</strong>
      </figcaption>
      <svg width={width} height={height} role="img" aria-label={`${title}: ${summary}`}>
        {y
          .ticks(2)
          .filter(Number.isInteger)
          .map((tick) => (
            <g key={tick} class="grid">
              <line x1={margin.left} x2={width - margin.right} y1={y(tick)} y2={y(tick)} />
              <text x={margin.left - 6} y={y(tick)} dy="0.32em">
                {tick}
              </text>
            </g>
          ))}
        {ticks.map((tick) => (
          <text key={tick.getTime()} class="time" x={x(tick)} y={height - 6}>
            {tick.toLocaleTimeString("en-GB", isShort ? {} : { hour: "2-digit", minute: "2-digit" })}
          </text>
        ))}
        {isDots ? (
          values.map(({ at, value = 0 }, i) => <circle key={i} class="dot" cx={x(at)} cy={y(value)} r={4} />)
        ) : (
          <Course values={values} x={(at) => x(at)} y={(value) => y(value)} />
        )}
      </svg>
    </figure>
  );
}

interface CourseProps {
  readonly values: Series["values"];
  readonly x: (at: Date) => number;
  readonly y: (value: number) => number;
}

/** A value that holds until the next look; nothing where a look failed. */
function Course({ values, x, y }: CourseProps) {
  type Value = Series["values"][number];
  const isKnown = ({ value }: Value): boolean => value !== undefined;
  const at = (each: Value): number => x(each.at);
  const top = ({ value = 0 }: Value): number => y(value);
  const below = area<Value>().defined(isKnown).curve(curveStepAfter).x(at).y0(y(0)).y1(top);
  const along = line<Value>().defined(isKnown).curve(curveStepAfter).x(at).y(top);
  return (
    <>
      <path class="area" d={below([...values]) ?? ""} />
      <path class="course" d={along([...values]) ?? ""} />
    </>
  );
}
