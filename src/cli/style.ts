/** Colours for people, where somebody sees them: on a terminal, and not with NO_COLOR (https://no-color.org). */
export interface Style {
  readonly bad: (text: string) => string;
  readonly doubtful: (text: string) => string;
  readonly good: (text: string) => string;
  readonly faint: (text: string) => string;
}

const codes = { bad: 31, doubtful: 33, good: 32, faint: 2 } as const;

/** The style for a stream. */
export function styleFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Style {
  const isColoured = stream.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  const paint = (code: number) => (text: string) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    bad: paint(codes.bad),
    doubtful: paint(codes.doubtful),
    good: paint(codes.good),
    faint: paint(codes.faint),
  };
}
