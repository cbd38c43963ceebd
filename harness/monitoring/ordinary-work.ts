import type { Lab } from "../../lab/lab";
import { type LabRotator, rotateOnce } from "../../lab/rotator";
import { AgentClient } from "../../src/agents/sidecar/http/agent-client";
import { reportToken } from "../../src/contract/reconciler-report";
import type { WatchedLab } from "./watched-lab";

/** What is worked on. */
export interface WorkPlace {
  readonly lab: Lab;
  readonly watched: WatchedLab;
  readonly rotator: LabRotator;
}

/** One piece of what goes on in a mesh that is well. */
export type Work = keyof typeof pieces;

/** How long a piece may take, in seconds. */
const patience = 60;

const pieces = {
  /** A record is changed at each owner. */
  change: async ({ lab }: WorkPlace, turn: number): Promise<void> => {
    for (const { name, zones } of lab.list) {
      const [first] = zones;
      const zone = typeof first === "string" ? first : first?.name;
      if (zone === undefined) continue;
      const record = { owner: `turn.${zone}`, ttl: 60, type: "TXT", data: `"${turn}"` };
      await lab.site(name).control.zoneReplace(zone, record);
    }
    await lab.converged(patience);
  },
  /** A site joins. */
  join: async ({ lab, watched }: WorkPlace): Promise<void> => {
    const { name } = lab.add();
    await lab.up();
    const site = await lab.upSite(name);
    await site.ready(patience);
    await watched.follow();
    await lab.converged(patience);
  },
  /** The site that joined last leaves: its zones are retired first. */
  leave: async ({ lab, watched }: WorkPlace): Promise<void> => {
    const leaving = lab.list.at(-1);
    if (leaving === undefined || lab.list.length <= 3) return;
    leaving.retired = new Date().toISOString().slice(0, 10);
    await lab.up();
    await lab.converged(patience);
    lab.plan.remove(leaving.name);
    await lab.up();
    await lab.converged(patience, { sites: lab.list.map(({ name }) => name) });
    await lab.drop(leaving.name);
    await watched.follow();
  },
  /** A pod is replaced, as a rollout does it: another site each time. */
  rollout: async ({ lab }: WorkPlace, turn: number): Promise<void> => {
    const site = lab.site(lab.list[turn % lab.list.length]?.name ?? "");
    await site.stop();
    await site.start();
    await site.ready(patience);
    await lab.converged(patience);
  },
  /** An agent crashes, and its container starts it again. */
  crash: async ({ lab }: WorkPlace, turn: number): Promise<void> => {
    const site = lab.site(lab.list[turn % lab.list.length]?.name ?? "");
    site.killWorker();
    await site.ready(patience);
  },
  /** The reconciler of each site has a pass, of which its agent hears: in a lab, where no cluster runs one, in its name. */
  pass: async ({ lab }: WorkPlace): Promise<void> => {
    const client = new AgentClient();
    for (const { name } of lab.list) {
      const { agent, localKey } = lab.site(name);
      await client.reportPass(agent, { seconds: 1, findings: {} }, reportToken(localKey));
    }
  },
  /** The key ring rotates. */
  rotation: ({ rotator }: WorkPlace): Promise<void> => rotateOnce(rotator),
} as const;

/** Every piece, in an order in which each has what it needs. */
export const allWork: readonly Work[] = ["change", "join", "rollout", "rotation", "pass", "crash", "change", "leave"];

/** Does a piece of work. @param turn - counts up, so that each turn is at another site */
export function work(piece: Work, place: WorkPlace, turn: number): Promise<void> {
  return pieces[piece](place, turn);
}

/** Alerts that fired at any time since a Prometheus started, with how many samples of it. */
export async function everFired({ prometheus }: WatchedLab): Promise<readonly string[]> {
  const found = await prometheus.query('count_over_time(ALERTS{alertstate="firing"}[2h])');
  // A lab's root is made for a day.
  const ours = found.filter(({ metric }) => metric["alertname"] !== "DnsMeshRootEndsSoon");
  return ours.map(({ metric, value }) => {
    const of = ["site", "pod", "peer", "kind", "zone"].flatMap((label) => metric[label] ?? []);
    return `${metric["alertname"] ?? ""} (${of.join(", ")}): ${value}`;
  });
}
