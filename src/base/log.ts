/** One thing that happened, for people and for log collectors. Never give it a secret. */
export interface LogFields {
  readonly [field: string]: unknown;
}

/** Writes one JSON object a line. */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/**
 * A logger of JSON lines.
 *
 * @param options.now - Milliseconds since 1970.
 * @param options.common - Fields of every line.
 */
export function createLogger(options: {
  readonly write: (line: string) => void;
  readonly now: () => number;
  readonly common?: LogFields;
}): Logger {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      options.write(
        `${JSON.stringify({ time: new Date(options.now()).toISOString(), level, message, ...options.common, ...fields })}\n`,
      );
    };
  return { info: at("info"), warn: at("warn"), error: at("error") };
}
