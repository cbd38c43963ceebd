import type { ProgramName } from "../../components/bundle";
import { type Edit, editedProgram } from "../../harness/edited-program";
import { UserError } from "../../src/base/errors";
import type { Extra } from "./fault";
import type { Violation } from "./report";

/** Something that keeps the mesh from harm, how to break it, and the faults that show that it is broken. */
export interface Guard {
  /** What it is called on the command line. */
  readonly name: string;
  readonly keeps: string;
  readonly broken: string;
  readonly program: Extract<ProgramName, "agent" | "operator" | "reconciler">;
  readonly edits: readonly Edit[];
  /** Faults, as {@link parseFaults} reads them. */
  readonly script: string;
  readonly replicas?: number;
  readonly extras?: readonly Extra[];
  /** The rules of which one is broken then; none where another guard holds, and why. */
  readonly rules: readonly Violation["rule"][];
  readonly unseen?: string;
}

const agent = "agent";
const sidecar = "src/agents/sidecar";
const seeding = `${sidecar}/own-zones/seeding.ts`;
const allMayGo: Edit = {
  file: "src/mesh/limits.ts",
  from: "return Math.max(limits.least, Math.floor(known * limits.share + 1e-9));",
  to: "return known;",
};

const selfMayMiss: Edit = {
  file: "src/mesh/plan-mesh.ts",
  from: "if (view.sites.some((site) => site.name === self) || uncertain.sites.includes(self)) return undefined;",
  to: "if (true as boolean) return undefined;",
};

/** All that are broken on purpose, one at a time. */
export const guards: readonly Guard[] = [
  {
    name: "journal",
    keeps: "own zones keep their changes in the journal",
    broken: "`journal-content: none`",
    program: agent,
    edits: [
      {
        file: "src/knot/config/site-config.ts",
        from: `const own: Stanza = {
    "journal-content": "changes"`,
        to: `const own: Stanza = {
    "journal-content": "none"`,
      },
    ],
    script: "2 4.5 kill-knot site-b",
    rules: ["absent", "serial", "older", "lost"],
  },
  {
    name: "seeded-once",
    keeps: "an own zone is given its first content once",
    broken: "given at each start",
    program: agent,
    edits: [
      {
        file: seeding,
        from: "for (const zone of left) await this.#putAside(zone, input, owners.has(zone));",
        to: `for (const zone of left) await this.#putAside(zone, input, owners.has(zone));
    if (input.moment !== "running")
      for (const zone of zones) await writeAtomically(this.#volume.zoneFile(zone.name), stampSerial(this.#begin(zone, input.packet), Math.floor(Date.now() / 1000)));`,
      },
    ],
    script: "2 6 away site-c",
    rules: ["gone", "absent", "serial", "older", "lost"],
  },
  {
    name: "silence-is-no-denial",
    keeps: "a new volume's zone waits for somebody who has it or denies it",
    broken: "silence counts as a denial",
    program: agent,
    edits: [
      {
        file: seeding,
        from: 'if (found.kind === "unknown") return `${why}, and whoever may have the zone does not give it: ${found.reason}`;',
        to: 'if (found.kind === "unknown") return undefined;',
      },
    ],
    script: "2 10 wipe site-b\n2 14 away site-a",
    rules: ["absent", "serial", "older", "lost", "stale"],
  },
  {
    name: "newest-copy",
    keeps: "a new volume takes the newest copy that the others have",
    broken: "the oldest",
    program: agent,
    edits: [
      {
        file: `${sidecar}/own-zones/copy-search.ts`,
        from: "(isNewerSerial(a.serial, b.serial) ? -1 : 1)",
        to: "(isNewerSerial(a.serial, b.serial) ? 1 : -1)",
      },
      {
        file: `${sidecar}/own-zones/copy-search.ts`,
        from: "if (newest === undefined || isNewerSerial(serialIn(records) ?? 0, serialIn(newest) ?? 0)) newest = records;",
        to: "newest = records;",
      },
    ],
    // A pod whose volume is full answers, and falls behind: an older copy that is there to be taken.
    script: "2 14 full site-a\n9 11 wipe site-b",
    rules: ["absent", "serial", "older", "lost"],
  },
  {
    name: "limits",
    keeps: "at most a third of the sites or zones leaves at once",
    broken: "all may",
    program: agent,
    edits: [allMayGo],
    script: "2 8 central-shrunk site-a",
    rules: ["forgotten", "gone"],
  },
  {
    name: "empty-directory",
    keeps: "a directory without any site is refused",
    broken: "it is taken, all may leave at once, and files that Knot refuses stay",
    program: agent,
    edits: [
      allMayGo,
      {
        file: "src/mesh/directory.ts",
        from: 'if (siteNames.length === 0) throw new RefusedZone("empty", `directory ${zone} has no site`);',
        to: "",
      },
      selfMayMiss,
      // Of no site at all Knot takes no configuration, and the files from before come back.
      { file: `${sidecar}/apply.ts`, from: "await this.options.files.write(before);", to: "" },
    ],
    script: "2 8 central-empty site-a",
    rules: ["forgotten"],
  },
  {
    name: "fence",
    keeps: "central zones of an epoch that was replaced are refused, whatever their serials",
    broken: "they are followed",
    program: agent,
    edits: [
      {
        file: "src/mesh/fence.ts",
        from: "if (!isAbove(highest, epoch)) return undefined;",
        to: "if (true as boolean) return undefined;",
      },
    ],
    script: "2 8 central-former site-a",
    rules: ["forgotten", "gone"],
  },
  {
    name: "older-serial",
    keeps: "central zones whose serials went back are refused",
    broken: "they are followed",
    program: agent,
    edits: [
      {
        file: "src/mesh/plan-mesh.ts",
        from: "if (older !== undefined) return older;",
        to: "",
      },
    ],
    script: "2 8 central-older site-a",
    rules: ["forgotten", "gone"],
  },
  {
    name: "whole-directory",
    keeps: "a directory with fewer entries than it says is refused",
    broken: "it is taken, what only the catalog has is no longer in doubt, and all may leave at once",
    program: agent,
    edits: [
      allMayGo,
      {
        file: "src/mesh/directory.ts",
        from: "if (siteNames.length !== record.sites || zoneNames.length !== record.zones) {",
        to: "if (record.sites < 0) {",
      },
      {
        file: "src/mesh/plan-mesh.ts",
        from: "const uncertain = new Set(input.uncertain);",
        to: "const uncertain = new Set<string>();",
      },
    ],
    script: "2 8 central-half site-a",
    rules: ["forgotten", "gone"],
  },
  {
    name: "notify-again",
    keeps: "NOTIFY is repeated until a peer has the zone",
    broken: "never repeated",
    program: agent,
    edits: [
      {
        file: `${sidecar}/notify/convergence.ts`,
        from: "entry.dueAt = this.options.now() + wait * (0.75 + this.options.random() / 2);",
        to: "entry.dueAt = this.options.now() + wait * 1e9;",
      },
    ],
    // A zone of site-a rests from second 16 on.
    script: "8 18 cut site-c",
    rules: ["late", "stale"],
  },
  {
    name: "siblings",
    keeps: "each pod tells the others of its site what changed",
    broken: "it does not",
    program: agent,
    edits: [
      {
        file: `${sidecar}/notify/siblings.ts`,
        from: "return this.#targets.length > 0;",
        to: "return this.#targets.length > 1e9;",
      },
    ],
    script: "2 5 kill-agent site-c",
    replicas: 2,
    rules: ["late", "stale"],
  },
  {
    name: "fresh-port",
    keeps:
      "NOTIFYs to a site come from ever new ports, so that not all of them go to the one of its pods that takes none",
    broken: "from one port",
    program: agent,
    edits: [
      {
        file: `${sidecar}/worker.ts`,
        from: "new UdpChannel({ portMs: peerPortMs })",
        to: "new UdpChannel({ idleMs: peerPortMs * 25 })",
      },
    ],
    // Of Knot, agent or clock: each has the pod take nothing, or tell the other nothing.
    script: "2 32 clock-behind site-b\n2 32 clock-behind site-c",
    replicas: 2,
    rules: ["stale"],
  },
  {
    name: "writer-alone",
    keeps: "pod 0 alone gives own zones their first content",
    broken: "each pod does, and serves it as its own",
    program: agent,
    edits: [
      {
        file: "src/knot/config/site-runtime.ts",
        from: "return (runtime.replicas?.self ?? 0) === 0;",
        to: "return (runtime.replicas?.self ?? 0) >= 0;",
      },
    ],
    // The mesh does not come up, since copies differ: no fault is needed.
    script: "2 5 kill-agent site-c",
    replicas: 2,
    rules: ["late"],
  },
  {
    name: "atomic-files",
    keeps: "files are replaced as one step",
    broken: "they are written in place",
    program: agent,
    edits: [
      {
        file: "src/base/files.ts",
        from: "const temporary = join(folder, `.${basename(path)}.new`);",
        to: "const temporary = path;",
      },
    ],
    script: "2 12 kill-writing site-c\n3 11 list-zone site-a",
    rules: ["forgotten", "gone"],
  },
  {
    name: "expiry",
    keeps: "a site that is cut off goes on answering for 42 days",
    broken: "for 4 seconds",
    program: agent,
    edits: [{ file: "src/knot/config/own-zone.ts", from: "expire: 3_628_800", to: "expire: 4" }],
    script: "2 14 cut site-c",
    rules: ["gone"],
  },
  {
    name: "start-without-vault",
    keeps: "a pod starts with the keys on its volume while Vault is away",
    broken: "it waits for Vault",
    program: agent,
    edits: [
      {
        file: `${sidecar}/credentials/vault-keeper.ts`,
        from: "const [still] = await this.#lacking();",
        to: 'const still = "answer from Vault";',
      },
      // What stands on the volume would be enough for Knot.
      { file: `${sidecar}/prepare.ts`, from: "if (standing === undefined) throw error;", to: "throw error;" },
    ],
    // For longer than the bound, and than what a busy machine may withhold.
    script: "2 70 vault-gone site-a\n3 6 away site-c",
    extras: ["vault"],
    rules: ["late"],
  },
  {
    name: "secrets-in-logs",
    keeps: "no key is in a log",
    broken: "the agent logs the key ring that it got",
    program: agent,
    edits: [
      {
        file: `${sidecar}/credentials/vault-keeper.ts`,
        from: "next: next?.name,",
        to: "next: next?.secret,",
      },
    ],
    script: "2 8 rotate site-a",
    extras: ["vault"],
    rules: ["secret"],
  },
  {
    name: "programmed-everywhere",
    keeps: "`Programmed` waits for every pod of every site",
    broken: "for the site's own server alone",
    program: "operator",
    edits: [
      {
        file: "src/agents/operator/spreading.ts",
        from: "if (spread === undefined || spread.waiting.length > 0) {",
        to: "if (spread === undefined) {",
      },
    ],
    script: "2 10 stop-agent site-b",
    extras: ["api"],
    rules: ["programmed"],
  },
  {
    name: "known-sites",
    keeps: "`Programmed` waits for sites that a directory has lost, more than may leave at once",
    broken: "the operator follows any directory",
    program: "operator",
    edits: [allMayGo, selfMayMiss],
    script: "2 42 central-shrunk site-a",
    replicas: 2,
    extras: ["api"],
    rules: ["programmed"],
  },
  {
    name: "old-listing",
    keeps: "what an older listing of the API server lacks is not taken for gone",
    broken: "each listing is believed",
    program: "operator",
    edits: [
      {
        file: "src/kube/watch.ts",
        from: "if (this.#isOlder(version)) {",
        to: "if (this.#isOlder(version) && version === undefined) {",
      },
    ],
    script: "14 22 api-old site-b",
    extras: ["api"],
    rules: ["absent", "older", "empty", "programmed"],
  },
  {
    name: "policy-keeps-peers",
    keeps: "a reconciler that cannot read the mesh leaves the policy as it is",
    broken: "it forgets the mesh, and lets in whom the packet names",
    program: "reconciler",
    edits: [
      {
        file: "src/agents/reconciler/pass.ts",
        from: "const same: Seen = { ...(known.view && { view: known.view }), doubts: known.doubts };",
        to: "const same: Seen = { view: { directorySerial: 0, catalogSerial: 0, sites: [], zones: [] }, doubts: [] };",
      },
    ],
    script: "2 12 stop-knot site-b",
    extras: ["api"],
    rules: ["forgotten", "late"],
  },
  {
    name: "clock",
    keeps: "agents start anew when the clock is set",
    broken: "never",
    program: agent,
    edits: [
      {
        file: "src/base/clock.ts",
        from: "if (Math.abs(step) >= leastStepMs) return step;",
        to: "if (step === Infinity) return step;",
      },
    ],
    // What others refused of an own zone that rests from second 16 on is due again by the clock that was ahead.
    script: "8 18 clock-ahead site-a",
    rules: ["late", "stale"],
  },
];

/** The guard of that name. @throws UserError when there is none. */
export function guardNamed(name: string): Guard {
  const found = guards.find((guard) => guard.name === name);
  if (found === undefined)
    throw new UserError(`there is no guard "${name}"; there are ${guards.map((guard) => guard.name).join(", ")}`);
  return found;
}

/** The program of a guard's, with the guard broken. */
export function brokenProgram({ program, edits }: Guard): Promise<string> {
  return editedProgram(program, edits);
}
