import { markdown } from "../support/markdown";
import { type Aim, aims } from "./aims";
import type { Figure, Figures, Measurement, Middle } from "./file";
import { jobs } from "./jobs";
import type { Table } from "./tables";

const notMeasured = "not measured";
const placeholder = /\{([\w-]+):([^{}|]+)(?:\|([\w ]+))?\}/g;

/** A figure that a cell names. */
export interface Named {
  readonly job: string;
  readonly figure: string;
}

/** The figures that a table has a place for. */
export function namedIn({ rows }: Pick<Table, "rows">): readonly Named[] {
  return rows
    .flat()
    .flatMap((cell) => [...cell.matchAll(placeholder)].map(([, job = "", figure = ""]) => ({ job, figure })));
}

/** A table with its figures, and below it of which runs they are. */
export function tableText(table: Table, figures: Figures): string {
  const rows = table.rows.map((row) => row.map((cell) => filled(cell, figures)));
  const names = [...new Set(namedIn(table).map(({ job }) => job))];
  return `${markdown(rows)}\n\n${originText(names, figures)}`;
}

function filled(cell: string, figures: Figures): string {
  const texts = [...cell.matchAll(placeholder)].map(([place, job = "", name = "", side = ""]) => ({
    place,
    text: placeText(figures[job], name, side),
  }));
  if (texts.some(({ text }) => text === undefined)) return notMeasured;
  return texts.reduce((before, { place, text = "" }) => before.replace(place, text), cell);
}

/** @param side - what of the figure, and "s" where milliseconds are shown as seconds: "", "s", "rival", "rival s", "times" */
function placeText(measurement: Measurement | undefined, name: string, side: string): string | undefined {
  const [, of = "", inSeconds] = /^(rival|times)? ?(s)?$/.exec(side) ?? [];
  const middle = sideOf(measurement?.figures[name], of);
  if (middle === undefined) return undefined;
  return middleText(middle, measurement?.runs ?? 1, inSeconds === undefined ? 1 : 1000);
}

function sideOf(figure: Figure | undefined, side: string | undefined): Middle | undefined {
  if (side === undefined || side === "") return figure;
  return side === "times" ? figure?.rival?.times : figure?.rival;
}

/** The middle, and between which two it lies unless there was one run only, or all were the same. */
function middleText({ median, min, max }: Middle, runs: number, unit: number): string {
  const [middle, least, greatest] = [median, min, max].map((value) => numberText(value / unit)) as [
    string,
    string,
    string,
  ];
  return runs === 1 || least === greatest ? middle : `${middle} (${least} to ${greatest})`;
}

/** With as many digits as say something. */
export function numberText(value: number): string {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** Of which runs some jobs' figures are; jobs of the same origin together. */
export function originText(names: readonly string[], figures: Figures): string {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const measurement = figures[name];
    const origin = measurement === undefined ? notMeasured : runsText(measurement);
    groups.set(origin, [...(groups.get(origin) ?? []), `\`${name}\``]);
  }
  const texts = [...groups].map(([origin, of]) => `${of.join(", ")}: ${origin}`);
  const several = names.some((name) => (figures[name]?.runs ?? 1) > 1);
  const explained = several ? ". Of several runs the median, and in brackets the least and the greatest" : "";
  return `*${texts.join("; ")}${explained}.*`;
}

/** Loads above this are said: something else had the machine too. */
const quietLoad = 0.7;

/** Such as "3 runs, commit `0123abc`, 2026-11-30". */
function runsText({ runs, commit, date, release, note, machine }: Measurement): string {
  return [
    runs === 1 ? "one run" : `${runs} runs`,
    commit === "unknown" ? "commit unknown" : `commit \`${commit}\``,
    date === "unknown" ? "date unknown" : date,
    ...(release === undefined ? [] : [`release ${release}`]),
    ...((machine?.load ?? 0) > quietLoad ? [`${numberText(machine?.load ?? 0)} cores busy before it began`] : []),
    ...(note === undefined ? [] : [note]),
  ].join(", ");
}

/** All aims with what was measured beside each. */
export function aimsText(figures: Figures): string {
  const names = [...new Set(aims.flatMap(({ of }) => (of === undefined ? [] : [of[0]])))];
  return `${markdown([["", "aim", "measured", ""], ...aims.map((aim) => aimRow(aim, figures))])}\n\n${originText(names, figures)}`;
}

function aimRow(aim: Aim, figures: Figures): readonly string[] {
  const { what, of, atMost, atLeast, unit } = aim;
  const [job = "", name = "", side] = of ?? [];
  const middle = sideOf(figures[job]?.figures[name], side);
  const bound = atMost === undefined ? `at least ${numberText(atLeast ?? 0)}` : `at most ${numberText(atMost)}`;
  const wanted = aim.text ?? withUnit(bound, unit);
  if (middle === undefined) return [what, wanted, notMeasured, ""];
  const isMet = atMost === undefined ? middle.median >= (atLeast ?? 0) : middle.median <= atMost;
  const measured = withUnit(middleText(middle, figures[job]?.runs ?? 1, 1), unit);
  return [what, wanted, measured, isMet ? "met" : "**missed**"];
}

const withUnit = (text: string, unit: string | undefined): string => (unit === undefined ? text : `${text} ${unit}`);

/** Every job with its command and of which runs its figures are. */
export function measurementsText(figures: Figures): string {
  const rows = Object.keys(jobs).map((name) => {
    const measurement = figures[name];
    if (measurement === undefined) return [`\`${name}\``, "", notMeasured, ""];
    return [`\`${name}\``, `\`${measurement.command}\``, runsText(measurement), machineText(measurement)];
  });
  return markdown([["name", "command", "of", "machine"], ...rows]);
}

function machineText({ machine, versions = {} }: Measurement): string {
  if (machine === undefined) return "";
  const { cpu, cores, memoryGiB, kernel } = machine;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [`${cores} cores of ${cpu}`, `${memoryGiB} GiB`, `kernel ${kernel}`, ...programs].join(", ");
}
