import { eventually } from "../harness/eventually";
import type { Alert } from "../harness/monitoring/prometheus";
import { WatchedLab } from "../harness/monitoring/watched-lab";
import { ensureTools } from "../harness/tools";
import { messageOf, UserError } from "../src/base/errors";
import { defaultAges } from "../src/monitoring/alert-rule";
import { alertRules } from "../src/monitoring/alert-rules";
import type { Lab } from "./lab";

/** Minutes of the rules are seconds here: nobody waits for five minutes to see one alert. */
const timeFactor = 1 / 60;

/** What the rules are called. */
export const alertNames: readonly string[] = alertRules({ sites: ["any"], isOnlyThese: false, ages: defaultAges })
  .map(({ alert }) => alert)
  .sort();

/** A Prometheus with the mesh's alert rules beside a lab, once somebody asks for it. */
export class LabAlerts implements AsyncDisposable {
  #watched: WatchedLab | undefined;

  constructor(private readonly lab: Lab) {}

  /** Starts it, or starts it anew. Returns where it answers. @throws UserError while a site is away. */
  async start(say: (line: string) => void): Promise<string> {
    const reachable = this.lab.reachable();
    const away = [...this.lab.sites.values()].find(
      (site) => !reachable.includes(site) || site.pids.agent === undefined,
    )?.name;
    if (away !== undefined) throw new UserError(`${away} is away; start or heal it first`);
    await ensureTools(["prometheus"], say);
    await this[Symbol.asyncDispose]();
    this.#watched = await WatchedLab.start(this.lab, { timeFactor });
    return `http://127.0.0.1:${this.#watched.prometheus.port}`;
  }

  /** Starts it anew with the sites that there are now, if it runs. */
  async follow(say: (line: string) => void): Promise<void> {
    if (this.#watched !== undefined) await this.start(say);
  }

  /** What fires and what is about to, a line each. */
  async list(): Promise<readonly string[]> {
    return (await this.#running().alerts()).map(alertLine).sort();
  }

  /** Waits until an alert of a site fires. Returns its line. @throws UserError when it does not in time. */
  async fires(alert: string, site: string, seconds: number): Promise<string> {
    const watched = this.#running();
    const look = async (): Promise<string> => {
      const alerts = await watched.alerts();
      const found = alerts.find(
        ({ state, labels }) => state === "firing" && labels["alertname"] === alert && labels["site"] === site,
      );
      if (found === undefined) throw new Error(alerts.map(alertLine).join("; ") || "no alert at all");
      return alertLine(found);
    };
    return eventually(seconds, look).catch((error: unknown) => {
      throw new UserError(`${alert} of ${site} does not fire after ${seconds} s: ${messageOf(error)}`);
    });
  }

  /** Waits until none fires and none is about to. @throws UserError when that takes longer. */
  async quiet(seconds: number): Promise<void> {
    const watched = this.#running();
    const look = async (): Promise<void> => {
      const alerts = await watched.alerts();
      if (alerts.length > 0) throw new Error(alerts.map(alertLine).join("; "));
    };
    await eventually(seconds, look).catch((error: unknown) => {
      throw new UserError(`not quiet after ${seconds} s: ${messageOf(error)}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const watched = this.#watched;
    this.#watched = undefined;
    await watched?.[Symbol.asyncDispose]();
  }

  #running(): WatchedLab {
    if (this.#watched === undefined) throw new UserError('no Prometheus watches the lab; type "watch" first');
    return this.#watched;
  }
}

/** `firing   critical  DnsMeshSiteDown site-d: No pod … (docs/runbooks/site-down.md)`. */
function alertLine({ state, labels, annotations }: Alert): string {
  const name = `${labels["alertname"] ?? ""} ${labels["site"] ?? ""}`.trim();
  const { summary = "", runbook_url: runbook = "" } = annotations;
  return `${state.padEnd(7)}  ${(labels["severity"] ?? "").padEnd(8)}  ${name}: ${summary} (${runbook})`;
}
