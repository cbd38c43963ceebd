import { eventually } from "../../harness/eventually";
import { knotBinaries } from "../../harness/knot";
import { run } from "../../harness/tools/run";
import type { Lab, LabSite } from "../../lab";
import type { CutDirection, Link } from "../../lab/network";
import { type CentralFault, spoilCentralZones } from "./central-faults";
import { type Fault, type FaultKind, isCentral } from "./fault";
import { joinSite, joinZone } from "./list-faults";
import type { Surroundings } from "./surroundings";

/** What the faults on links are. */
const [lossPercent, delayMs, overtakenPercent] = [30, 500, 30];
/** Twice as much as TSIG forgives. */
const skewSeconds = 600;
/** Seconds for a pod's init container to end well; it is started again until then. */
const startSeconds = 120;
/** For Knot to drop copies of zones that it is asking for. */
const expireSeconds = 60;

/** What a fault begins with. */
interface Place {
  readonly lab: Lab;
  readonly site: LabSite;
  readonly around: Surroundings;
}

/** How a fault ends. */
type Ending = () => Promise<void> | void;

/** How each kind begins. */
const beginnings: Readonly<Record<Exclude<FaultKind, CentralFault>, (place: Place) => Promise<Ending> | Ending>> = {
  "kill-knot": async ({ site }) => {
    await site.stopKnot("SIGKILL");
    return () => {
      site.startKnot();
    };
  },
  "kill-agent": async ({ site }) => {
    await site.stopAgent("SIGKILL");
    return () => {
      site.startAgent();
    };
  },
  "kill-writing": async ({ site }) => {
    await site.tearWrites(true);
    return async () => {
      await site.tearWrites(false);
      site.startAgent();
    };
  },
  "stop-knot": ({ site }) => pause(site.pids.knot),
  "stop-agent": ({ site }) => pause(site.pids.agent),
  away: async ({ site }) => {
    await site.stop("SIGKILL");
    return () => startPod(site);
  },
  wipe: async ({ site }) => {
    await site.stop("SIGKILL");
    await site.loseVolume();
    return () => startPod(site);
  },
  full: async ({ site }) => {
    await site.volume.fill();
    return () => site.volume.empty();
  },
  "clock-ahead": ({ site }) => shiftClock(site, skewSeconds),
  "clock-behind": ({ site }) => shiftClock(site, -skewSeconds),
  cut: (place) => cut(place, "both"),
  "cut-in": (place) => cut(place, "in"),
  "cut-out": (place) => cut(place, "out"),
  expire: async (place) => {
    const heal = await cut(place, "both");
    // A zone that is being asked for without an answer expires when that is given up.
    const expiring = place.lab.pods(place.site.name).map((pod) => expireCopies(place.lab, pod));
    return async () => {
      await heal();
      await Promise.all(expiring);
    };
  },
  loss: (place) => shape(place, "lossPercent", lossPercent),
  delay: (place) => shape(place, "delayMs", delayMs),
  reorder: (place) => shape(place, "overtakenPercent", overtakenPercent),
  "api-gone": ({ around }) => around.hurtApi("gone"),
  "api-slow": ({ around }) => around.hurtApi("slow"),
  "api-old": ({ around }) => around.hurtApi("old"),
  "kill-operator": async ({ around: { operator } }) => {
    await operator.kill();
    return () => {
      operator.start();
    };
  },
  "stop-operator": ({ around }) => pause(around.operator.pid),
  "kill-reconciler": ({ around }) => around.hurtReconciler("killed"),
  "stop-reconciler": ({ around }) => around.hurtReconciler("stopped"),
  "vault-gone": ({ around: { vault } }) => {
    vault.vault.cut();
    return () => {
      vault.vault.heal();
    };
  },
  rotate: ({ around: { vault } }) => {
    vault.ask();
    return () => undefined;
  },
  "list-site": ({ lab }) => joinSite(lab),
  "list-zone": ({ lab }) => joinZone(lab),
};

/** Makes a fault at its site. Returns how to end it. */
export async function beginFault(lab: Lab, around: Surroundings, { kind, site: name }: Fault): Promise<Ending> {
  if (isCentral(kind)) return spoilCentralZones(lab, kind);
  return beginnings[kind]({ lab, site: lab.site(name), around });
}

async function cut({ lab, site }: Place, direction: CutDirection): Promise<Ending> {
  await lab.network.cut(site.name, direction);
  return () => lab.network.heal(site.name);
}

async function shape({ lab, site }: Place, what: keyof Link, value: number): Promise<Ending> {
  await lab.network.shape(site.name, { [what]: value });
  return () => lab.network.shape(site.name, { [what]: 0 });
}

async function shiftClock(site: LabSite, seconds: number): Promise<Ending> {
  await site.setClock(seconds);
  return () => site.setClock(0);
}

function pause(pid: number | undefined): Ending {
  if (pid === undefined) throw new Error("nothing runs that could be stopped");
  process.kill(pid, "SIGSTOP");
  return () => {
    process.kill(pid, "SIGCONT");
  };
}

/** What Knot does when it has not reached a zone's sources for as long as the SOA allows, where it runs and is not stopped. */
async function expireCopies({ plan }: Lab, site: LabSite): Promise<void> {
  const zones = plan.zones().filter((zone) => plan.owner(zone) !== site.name);
  const socket = ["-s", site.path("run", "knot.sock"), "-b", "-t", String(expireSeconds)];
  await run(knotBinaries().knotc, [...socket, "-f", "zone-purge", ...zones, "+expire"]).catch(() => undefined);
}

async function startPod(site: LabSite): Promise<void> {
  await eventually(startSeconds, () => site.start(), 1000);
}
