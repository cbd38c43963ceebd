import { source as axeSource } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

import { onPath } from "../tools/install";

/** Browsers that will do, the smallest first. */
const programs = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/** Starts a browser without a window. @throws Error when there is none: `scripts/setup` installs one. */
export function startBrowser(): Promise<Browser> {
  const program = programs.map(onPath).find((path) => path !== undefined);
  if (program === undefined) throw new Error(`none of ${programs.join(", ")} is on PATH: run scripts/setup`);
  return chromium.launch({ executablePath: program, args: ["--disable-gpu", "--disable-dev-shm-usage"] });
}

/** Something that whoever cannot see, or has no mouse, would stumble over. */
export interface Obstacle {
  readonly rule: string;
  readonly what: string;
  /** Where, as selectors. */
  readonly at: readonly string[];
}

/** The rules of WCAG 2.2, levels A and AA, and what axe calls good practice. */
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** The rules by which colours are judged: of all rules, what they find is alone in hanging on the scheme. */
const colourRules = ["color-contrast", "link-in-text-block"];

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly unknown[] }[];
  }[];
}

/** What axe finds on a page, of everything or of its colours alone. */
export async function obstaclesOn(
  page: Page,
  of: "everything" | "colours" = "everything",
): Promise<readonly Obstacle[]> {
  // Not as a script of the page's: its policy lets none in.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axeSource);
  const runOnly = of === "colours" ? { type: "rule", values: colourRules } : { type: "tag", values: tags };
  const options = JSON.stringify({ runOnly, resultTypes: ["violations"] });
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, ${options})`);
  return violations.map(({ id, help, nodes }) => ({
    rule: id,
    what: help,
    at: nodes.slice(0, 5).map(({ target }) => target.map(String).join(" ")),
  }));
}
