import { parseArgs } from "node:util";

import { messageOf, UserError } from "../src/base/errors";
import type { Topology, Transport } from "../src/mesh/model";
import { commandHelp } from "./commands";
import type { NetworkKind } from "./network";
import { mostSites } from "./plan";

/** What `npm run lab` and `mesh lab` are asked for. */
export interface LabRun {
  readonly sites: number;
  readonly zones: number;
  readonly topology?: Topology;
  readonly transport?: Transport;
  readonly network: NetworkKind;
  /** Pods of each site. */
  readonly replicas: number;
  /** Script to run instead of asking for commands. */
  readonly script?: string;
  readonly storage?: string;
  readonly port?: number;
  /** Whether the lab stays when its script or its input has ended, until it gets a signal to end. */
  readonly hold: boolean;
  /** Whether what it says is JSON, a line each. */
  readonly json?: true;
}

const mostZones = 100_000;
const mostReplicas = 5;

/** How `npm run lab` is used. */
export function labUsage(): string {
  return `npm run lab -- [options]      a mesh of real Knots and agents on this machine, gone when it ends

  --sites N               how many (3)
  --zones N               how many zones the sites own together (one a site)
  --topology full|hub     how zones travel (the mesh decides)
  --transport tls|quic|tcp  what transfers run over (tls)
  --replicas N            pods of each site, behind one address (1)
  --network loopback      addresses of the loopback interface, no root needed (the default)
  --network namespaces    a network namespace a site, so that links can be cut, slow and lossy (root)
  --script FILE           runs the commands in FILE, then ends; its status tells whether all went well
  --hold                  stays when the script or the input has ended, until Ctrl-C
  --storage FOLDER        where the sites' volumes lie (tmpfs when there is room, else the folder for temporary files)
  --port N                of every Knot (a free one; 53 in namespaces)
  --json                  prints JSON, a line for each thing that happens
  --help                  this text

Commands, from the script or typed:
${commandHelp()}
What follows # is a remark.`;
}

/**
 * Reads the command line; undefined when help is asked for.
 *
 * @throws UserError that names the option and its cure.
 */
export function parseLabArguments(args: readonly string[]): LabRun | undefined {
  const values = parseOptions(args);
  if (values.help === true) return undefined;
  const { script, storage } = values;
  const sites = whole(values.sites ?? "3", { name: "--sites", least: 1, most: mostSites });
  const topology = values.topology === undefined ? undefined : choice(values.topology, "--topology", ["full", "hub"]);
  const transport =
    values.transport === undefined ? undefined : choice(values.transport, "--transport", ["tls", "quic", "tcp"]);
  const port = values.port === undefined ? undefined : whole(values.port, { name: "--port", least: 1, most: 65_535 });
  return {
    sites,
    zones: whole(values.zones ?? String(sites), { name: "--zones", least: 0, most: mostZones }),
    ...(topology !== undefined && { topology }),
    ...(transport !== undefined && { transport }),
    network: choice(values.network ?? "loopback", "--network", ["loopback", "namespaces"]),
    replicas: whole(values.replicas ?? "1", { name: "--replicas", least: 1, most: mostReplicas }),
    ...(script !== undefined && { script }),
    ...(storage !== undefined && { storage }),
    ...(port !== undefined && { port }),
    hold: values.hold === true,
    ...(values.json === true && { json: true }),
  };
}

function parseOptions(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    sites: text,
    zones: text,
    topology: text,
    transport: text,
    network: text,
    replicas: text,
    script: text,
    storage: text,
    port: text,
    hold: flag,
    json: flag,
    help: { ...flag, short: "h" } as const,
  };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UserError(`${messageOf(error)}; npm run lab -- --help tells what there is`);
  }
}

function whole(text: string, range: { readonly name: string; readonly least: number; readonly most: number }): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < range.least || value > range.most)
    throw new UserError(`${range.name} must be a whole number from ${range.least} to ${range.most}, not "${text}"`);
  return value;
}

function choice<T extends string>(text: string, name: string, all: readonly T[]): T {
  const found = all.find((each) => each === text);
  if (found === undefined) throw new UserError(`${name} must be ${all.join(" or ")}, not "${text}"`);
  return found;
}
