import { readFileSync } from "node:fs";
import { basename } from "node:path";

import { type Document, parseDocument } from "yaml";

import { messageOf, UserError } from "../../base/errors";
import { fields } from "../../base/json";
import type { Settings } from "../../settings/reading";

/** The text of a stack's file. @throws UserError when it cannot be read. */
export function stackText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(
      `${file} cannot be read: ${messageOf(error)}; run this in the project's folder, or name the file`,
      { cause: error },
    );
  }
}

/** A stack by the path of its settings: `shared` of `Pulumi.shared.yaml`; undefined for a file that is not called so. */
export function stackNameIn(file: string): string | undefined {
  return /^Pulumi\.(.+)\.ya?ml$/.exec(basename(file))?.[1];
}

/**
 * The settings under `config` of a stack's file, as they are written there: `dns-mesh:context` and so on.
 *
 * @throws UserError when it is not YAML.
 */
export function settingsIn(file: string, text: string): Readonly<Record<string, unknown>> {
  return fields(fields(contentOf(file, documentIn(file, text)))["config"]);
}

/** A YAML file. @throws UserError with the place of what is wrong, and no line of the file: it may have secrets. */
export function documentIn(file: string, text: string): Document.Parsed {
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error === undefined) return document;
  const line = text.slice(0, error.pos[0]).split("\n").length;
  throw new UserError(`${file}: line ${line} is not YAML: ${error.message}`);
}

/** What a YAML file says. @throws UserError when it refers to what it does not have. */
export function contentOf(file: string, document: Document.Parsed): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new UserError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Settings of a file as Pulumi hands them to the program. A secret one is covered there, and counts as not set. */
export function asSettings(config: Readonly<Record<string, unknown>>): Settings {
  return {
    get: (key) => {
      const value = config[`dns-mesh:${key}`];
      const isSecret = typeof fields(value)["secure"] === "string";
      if (value === undefined || isSecret) return undefined;
      return typeof value === "string" ? value : JSON.stringify(value);
    },
  };
}
