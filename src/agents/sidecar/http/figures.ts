import { X509Certificate } from "node:crypto";

import { systemClock } from "../../../base/clock";
import type { HttpRoutes } from "../../../base/http-server";
import { certificateBlocks } from "../../../base/text";
import type { DnsClient } from "../../../dns/client/dns-client";
import type { TlsIdentity } from "../../../knot/config/site-config";
import { defaultZoneSeries } from "../../../knot/config/site-runtime";
import { controlSocket } from "../../../knot/config/volume";
import { KnotStatistics } from "../../../knot/control/knot-statistics";
import { renderProgramMetrics } from "../../program-metrics";
import { lifetime } from "../credentials/identity";
import { ParentWatch } from "../dnssec/parent-watch";
import type { SigningWatch } from "../dnssec/signing";
import type { Inputs } from "../inputs/inputs";
import type { AgentOptions } from "../inputs/options";
import type { KnotLog } from "../knot-log";
import type { Announcer } from "../notify/announcer";
import type { Disagreements } from "../notify/disagreements";
import { PeerWatch } from "../notify/peer-watch";
import type { Publication } from "../notify/publication";
import type { SiteZones } from "../own-zones/site-zones";
import type { StateStore } from "../state-store";
import { KnotFigures } from "./knot-figures";
import { type CertificateTimes, type MetricsInput, renderMetrics } from "./metrics";
import { ReconcilerReports } from "./reconciler-reports";

/** What {@link Figures} are taken from. */
export interface FiguresParts {
  readonly options: Pick<AgentOptions, "knot" | "runtime">;
  /** What is asked for figures alone; its questions are not counted with the agent's own. */
  readonly dns: DnsClient;
  readonly announcer: Pick<Announcer, "targets" | "lags" | "longest">;
  readonly disagreements: Pick<Disagreements, "pairs">;
  readonly publication: Publication;
  readonly signing: Pick<SigningWatch, "zones">;
  readonly siteZones: Pick<SiteZones, "signed">;
  readonly store: Pick<StateStore, "state">;
  readonly knotLog: Pick<KnotLog, "counts">;
  readonly inputs: () => Inputs | undefined;
  /** What other parts of the agent know. */
  readonly facts: () => Pick<MetricsInput, "status" | "passes" | "vault" | "backups">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const roundMs = 1000;
/** Zones that are named with the peers that lack them. */
const mostLagging = 20;

/** Makes rounds until the signal is given. Nobody waits for another one's: a parent that does not answer takes seconds. */
export async function runApart(
  watches: readonly { round(): Promise<void> }[],
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const rounds = watches.map(async (watch) => {
    while (!signal.aborted) {
      await watch.round();
      await pause();
    }
  });
  await Promise.all(rounds);
}

/** Everything that `/metrics` shows, and what is asked for that alone. */
export class Figures {
  readonly #peers: PeerWatch;
  readonly #parents: ParentWatch;
  readonly #knot: KnotFigures;
  readonly #reports: ReconcilerReports;
  #identity: { readonly of: TlsIdentity; readonly times: CertificateTimes } | undefined;

  constructor(private readonly parts: FiguresParts) {
    const { options, dns, announcer, signing, siteZones, inputs, now } = parts;
    const { knot, runtime } = options;
    this.#peers = new PeerWatch({
      ...{ dns, knot, now },
      targets: () => announcer.targets,
      zone: () => inputs()?.packet.directoryZone,
    });
    this.#parents = new ParentWatch({
      ...{ dns, knot, now },
      signed: () => signing.zones,
      settings: () => siteZones.signed,
      zones: () => this.#zones,
    });
    this.#knot = new KnotFigures({
      knot: new KnotStatistics(controlSocket(runtime.rundir)),
      series: () => inputs()?.runtime.zoneSeries ?? defaultZoneSeries,
      own: () => (inputs()?.packet.site.zones ?? []).map(({ name }) => name),
      all: () => this.#allZones(),
      pidFile: `${runtime.rundir}/knot.pid`,
      now,
    });
    this.#reports = new ReconcilerReports({ key: () => inputs()?.localKey, now });
  }

  /** What the reconciler asks for. */
  get routes(): HttpRoutes {
    return this.#reports.routes;
  }

  /** Asks what is due, each second, until the signal is given. */
  run(signal: AbortSignal): Promise<void> {
    return runApart([this.#peers, this.#parents], () => systemClock.pause(roundMs, signal), signal);
  }

  /** In Prometheus' text format. Never rejects. */
  async render(): Promise<string> {
    const knot = await this.#knot.render();
    const site = this.parts.inputs()?.packet.site.name ?? "";
    return (
      renderProgramMetrics({ program: "agent", site, knotVersion: this.#knot.version }) +
      renderMetrics(this.#input()) +
      knot
    );
  }

  #input(): MetricsInput {
    const { announcer, disagreements, publication, knotLog, now } = this.parts;
    const inputs = this.parts.inputs();
    const packet = inputs?.packet;
    return {
      ...this.parts.facts(),
      zones: packet && { directory: packet.directoryZone, catalog: packet.catalogZone },
      peers: {
        targets: announcer.targets,
        looks: this.#peers.looks,
        lags: announcer.lags,
        longest: announcer.longest(mostLagging),
        disagreeing: disagreements.pairs,
        publication: publication.histograms,
      },
      answers: this.#peers.answers,
      knotLog: knotLog.counts,
      ring: {
        keys: inputs?.ring.accepted.length ?? 0,
        madeAt: inputs?.ringKeyMadeAt === undefined ? undefined : Date.parse(inputs.ringKeyMadeAt),
      },
      certificate: this.#certificate(inputs?.identity),
      parents: this.#parents.matches,
      reconciler: this.#reports.facts,
      now: now(),
    };
  }

  get #zones(): readonly string[] {
    return (this.parts.store.state.view?.zones ?? []).map(({ name }) => name);
  }

  #allZones(): readonly string[] {
    const packet = this.parts.inputs()?.packet;
    if (packet === undefined) return [];
    const own = packet.site.zones.map(({ name }) => name);
    return [...new Set([packet.directoryZone, packet.catalogZone, ...own, ...this.#zones])];
  }

  #certificate(identity: TlsIdentity | undefined): CertificateTimes | undefined {
    if (identity === undefined) return undefined;
    if (this.#identity?.of !== identity) {
      const roots = certificateBlocks(identity.roots).map((block) => Date.parse(new X509Certificate(block).validTo));
      this.#identity = { of: identity, times: { ...lifetime(identity), rootsTo: Math.min(...roots) } };
    }
    return this.#identity.times;
  }
}
