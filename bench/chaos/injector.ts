import { eventually } from "../../harness/eventually";
import { knotBinaries } from "../../harness/knot";
import { run } from "../../harness/tools/run";
import type { Lab, LabSite } from "../../lab";
import { spoilCentralZones } from "./central-faults";
import { type Fault, isCentral } from "./fault";
import { joinSite, joinZone } from "./list-faults";

/** What the faults on links are. */
const [lossPercent, delayMs, overtakenPercent] = [30, 500, 30];
/** Twice as much as TSIG forgives. */
const skewSeconds = 600;
/** Seconds for a pod's init container to end well; it is started again until then. */
const startSeconds = 60;

/** Makes a fault at its site. Returns how to end it. */
export async function beginFault(lab: Lab, { kind, site: name }: Fault): Promise<() => Promise<void>> {
  const site = lab.site(name);
  const { network } = lab;
  if (isCentral(kind)) return spoilCentralZones(lab, kind);
  switch (kind) {
    case "kill-knot":
      await site.stopKnot("SIGKILL");
      return () => {
        site.startKnot();
        return Promise.resolve();
      };
    case "kill-agent":
      await site.stopAgent("SIGKILL");
      return () => {
        site.startAgent();
        return Promise.resolve();
      };
    case "stop-knot":
      return pause(site.pids.knot);
    case "stop-agent":
      return pause(site.pids.agent);
    case "away":
      await site.stop("SIGKILL");
      return () => startPod(site);
    case "cut":
      await network.cut(name);
      return () => network.heal(name);
    case "cut-in":
      await network.cut(name, "in");
      return () => network.heal(name);
    case "cut-out":
      await network.cut(name, "out");
      return () => network.heal(name);
    case "loss":
      await network.shape(name, { lossPercent });
      return () => network.shape(name, { lossPercent: 0 });
    case "delay":
      await network.shape(name, { delayMs });
      return () => network.shape(name, { delayMs: 0 });
    case "reorder":
      await network.shape(name, { overtakenPercent });
      return () => network.shape(name, { overtakenPercent: 0 });
    case "full":
      await site.volume.fill();
      return () => site.volume.empty();
    case "clock-ahead":
    case "clock-behind":
      await site.setClock(kind === "clock-ahead" ? skewSeconds : -skewSeconds);
      return () => site.setClock(0);
    case "expire":
      await network.cut(name);
      for (const pod of lab.pods(name)) await expireCopies(lab, pod);
      return () => network.heal(name);
    case "list-site":
      return joinSite(lab);
    case "list-zone":
      return joinZone(lab);
    case "wipe":
      await site.stop("SIGKILL");
      await site.loseVolume();
      return () => startPod(site);
  }
}

function pause(pid: number | undefined): () => Promise<void> {
  if (pid === undefined) throw new Error("nothing runs that could be stopped");
  process.kill(pid, "SIGSTOP");
  return () => {
    process.kill(pid, "SIGCONT");
    return Promise.resolve();
  };
}

/** What Knot does when it has not reached a zone's sources for as long as the SOA allows, where it runs and is not stopped. */
async function expireCopies({ plan }: Lab, site: LabSite): Promise<void> {
  const zones = plan.zones().filter((zone) => plan.owner(zone) !== site.name);
  const socket = ["-s", site.path("run", "knot.sock"), "-t", "1"];
  await run(knotBinaries().knotc, [...socket, "-f", "zone-purge", ...zones, "+expire"]).catch(() => undefined);
}

async function startPod(site: LabSite): Promise<void> {
  await eventually(startSeconds, () => site.start(), 1000);
}
