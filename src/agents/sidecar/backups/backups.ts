import { existsSync } from "node:fs";

import { messageOf } from "../../../base/errors";
import { readText } from "../../../base/files";
import type { HttpAnswer, HttpCall, HttpRoutes } from "../../../base/http-server";
import { parseJson } from "../../../base/json";
import { type BackupFacts, type BackupMade, parseReport } from "../../../contract/backups";
import { isWriter, type SiteRuntime } from "../../../knot/config/site-runtime";
import { controlSocket, KnotVolume } from "../../../knot/config/volume";
import { KnotControl } from "../../../knot/control/knot-control";
import type { Problems } from "../http/status";
import { withToken } from "../http/with-token";
import type { Inputs } from "../inputs/inputs";
import type { AgentOptions } from "../inputs/options";
import { BackupFactsStore } from "./facts-store";
import { BackupMaker, type BackupMakerParts } from "./maker";
import { PutBack, type PutBackParts } from "./put-back";
import { clearTaken } from "./restored";

/** What {@link Backups} work with. */
export interface BackupsParts
  extends Omit<BackupMakerParts, "volume" | "control">, Omit<PutBackParts, "volume" | "control" | "onFailures"> {
  readonly runtime: Pick<SiteRuntime, "storage">;
  readonly control: BackupMakerParts["control"] & PutBackParts["control"];
  /** A file that is there while the site has backups. */
  readonly tokenFile: string;
  readonly problems: Pick<Problems, "set">;
  readonly inputs: () => Inputs | undefined;
}

/** The writer's part in backups: makes them for the program that pushes them, keeps its reports, and puts back what a restore brought. */
export class Backups {
  readonly #volume: KnotVolume;
  readonly #maker: BackupMaker;
  readonly #store: BackupFactsStore;
  readonly #putBack: PutBack;

  constructor(private readonly parts: BackupsParts) {
    this.#volume = new KnotVolume(parts.runtime.storage);
    this.#maker = new BackupMaker({ ...parts, volume: this.#volume });
    this.#store = new BackupFactsStore(this.#volume.backupFacts, parts.problems);
    this.#putBack = new PutBack({
      ...parts,
      volume: this.#volume,
      onFailures: (failures) => {
        this.#store.showRestore(failures);
      },
    });
  }

  /** What is known; undefined where the site has no backups. */
  get facts(): BackupFacts | undefined {
    return existsSync(this.parts.tokenFile) ? this.#store.facts : undefined;
  }

  /** Reads what a predecessor left, and takes away what it was about to. */
  async start(): Promise<void> {
    await this.#store.load();
    await clearTaken(this.#volume).catch((error: unknown) => {
      this.parts.log.warn("what is left of a restore cannot be removed", { reason: messageOf(error) });
    });
  }

  /** What the program may ask for. */
  get routes(): HttpRoutes {
    return {
      "POST /backup": (call) => this.#allowed(call, () => this.#make()),
      "POST /backup/report": (call) =>
        this.#allowed(call, async () => {
          await this.#store.report(parseReport(parseJson(await call.text(), "the report")));
          return { status: 200, body: "noted\n" };
        }),
    };
  }

  async #allowed(call: HttpCall, work: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    const token = (await readText(this.parts.tokenFile))?.trim();
    if (token === undefined || token === "") return { status: 404, body: "this site has no backups\n" };
    return withToken(call, token, work);
  }

  async #make(): Promise<HttpAnswer> {
    const inputs = this.parts.inputs();
    if (inputs === undefined) return { status: 503, body: "no welcome packet yet\n" };
    if (this.#store.unread !== undefined)
      return {
        status: 500,
        body: `what is known of backups cannot be read: ${this.#store.unread}; see docs/runbooks/backup-failing.md\n`,
      };
    const { zones } = await this.#maker.make(inputs);
    const repository = this.#store.facts.backup?.repository;
    const made: BackupMade = { zones: zones.length, ...(repository !== undefined && { repository }) };
    return { status: 200, body: made };
  }

  /** Sees to what a restore has brought. */
  async round(): Promise<void> {
    const inputs = this.parts.inputs();
    if (inputs !== undefined) await this.#putBack.round(inputs.packet.site.name);
  }
}

/** For Knot to write all zones. */
const backupMs = 600_000;

/** Backups at a pod that writes, by its options: zones and keys begin there. */
export function backupsOf({
  options,
  ...parts
}: Omit<BackupsParts, "runtime" | "control" | "tokenFile" | "knot"> & {
  readonly options: AgentOptions;
}): Backups | undefined {
  const { runtime, knot, backupTokenFile: tokenFile } = options;
  if (tokenFile === undefined || !isWriter(runtime)) return undefined;
  const control = new KnotControl(controlSocket(runtime.rundir), { timeoutMs: backupMs });
  return new Backups({ ...parts, runtime, knot, tokenFile, control });
}
