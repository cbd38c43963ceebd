import { existsSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join, resolve } from "node:path";

import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import { DnsClient } from "../../dns/client/dns-client";
import { clusterClient, requireCluster } from "../../kube/cluster-client";
import { findContext } from "../../kube/kubeconfig";
import { listedSites } from "../../mesh/waiting";
import { type ListFile, readList } from "../list/list-file";
import { pulumiReader, stackOf, type StackReader } from "../stacks/reader";
import { settingsIn, stackText } from "../stacks/stack-file";
import { betweenChecks } from "./between";
import { type Check, type Finding, made, wrong } from "./check";
import { clusterChecks } from "./cluster";
import { machineChecks } from "./machine";
import { siteConfigOf, stackChecks } from "./stacks";

/** What `mesh doctor` looks at. */
export interface Examination {
  /** The shared stack's file. */
  readonly file: string;
  /** Leaves clusters and sites alone: the machine and the stacks. */
  readonly local: boolean;
  readonly today: string;
}

const width = 8;

/** Makes all checks that can be made. */
export async function examine({ file, local, today }: Examination): Promise<readonly Finding[]> {
  const list = listAt(file);
  const { sites, broken } = siteFiles(
    file,
    list instanceof Error ? [] : listedSites(list.mesh).map(({ name }) => name),
  );
  const checks = [
    ...machineChecks({
      folder: resolve(dirname(file)),
      env: process.env,
      usesPassphrase: usesPassphrase(file, sites),
      kubeconfigs: kubeconfigsOf(sites),
      node: process.versions.node,
    }),
    ...listChecks(file, list),
    ...(list instanceof Error ? [] : meshChecks({ file, list, sites, broken, local, today })),
  ];
  const findings = new Map<Check, Finding>();
  await inParallel(width, checks, async (check) => {
    findings.set(check, await made(check));
  });
  return checks.flatMap((check) => findings.get(check) ?? []);
}

function listAt(file: string): ListFile | Error {
  try {
    return readList(file, stackText(file));
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

function listChecks(file: string, list: ListFile | Error): readonly Check[] {
  const look = () =>
    list instanceof Error ? wrong(list.message, "mend the list; editors show where, by its schema") : undefined;
  return [{ check: "list", where: file, fine: "the list keeps its rules", look }];
}

type Settings = Readonly<Record<string, unknown>>;

/** What the sites' stacks have in their files. */
export interface SiteFiles {
  readonly sites: ReadonlyMap<string, Settings>;
  /** Why files of sites in the list cannot be read. */
  readonly broken: ReadonlyMap<string, string>;
}

/** Files of the stacks beside the shared one that are here: those of listed sites, and whichever name a shared stack. */
export function siteFiles(file: string, listed: readonly string[]): SiteFiles {
  const [sites, broken] = [new Map<string, Settings>(), new Map<string, string>()];
  const folder = dirname(file);
  const entries = existsSync(folder) ? readdirSync(folder) : [];
  for (const name of entries.flatMap((entry) => /^Pulumi\.(.+)\.yaml$/.exec(entry)?.[1] ?? [])) {
    const path = join(folder, `Pulumi.${name}.yaml`);
    try {
      const settings = settingsIn(path, stackText(path));
      if (listed.includes(name) || settings["dns-mesh:shared"] !== undefined) sites.set(name, settings);
    } catch (error) {
      // A file that nothing in the list is about may be anybody's.
      if (listed.includes(name)) broken.set(name, messageOf(error));
    }
  }
  return { sites, broken };
}

function usesPassphrase(file: string, sites: ReadonlyMap<string, Settings>): boolean {
  const paths = [file, ...[...sites.keys()].map((name) => join(dirname(file), `Pulumi.${name}.yaml`))];
  return paths.some((path) => existsSync(path) && /^encryptionsalt:/m.test(stackText(path)));
}

function kubeconfigsOf(sites: ReadonlyMap<string, Settings>): readonly string[] {
  const files = [...sites.values()].flatMap((settings) => {
    const [context, kubeconfig] = [settings["dns-mesh:context"], settings["dns-mesh:kubeconfig"]];
    if (typeof context !== "string") return [];
    try {
      return [findContext({ context, ...(typeof kubeconfig === "string" && { kubeconfig }) }).file];
    } catch {
      // The cluster's own check says so.
      return [];
    }
  });
  return [...new Set(files)].sort();
}

interface MeshParts extends SiteFiles {
  readonly file: string;
  readonly list: ListFile;
  readonly local: boolean;
  readonly today: string;
}

function meshChecks({ file, list, sites, broken, local, today }: MeshParts): readonly Check[] {
  const { mesh } = list;
  const stacks = stackChecks({
    file,
    shared: stackOf(file),
    mesh,
    sharedSettings: list.settings,
    serverOf: (choice) => findContext(choice).cluster.server,
    sites,
    broken,
    reader: remembering(pulumiReader(file)),
    today,
  });
  if (local) return stacks;
  const clusters = listedSites(mesh).flatMap((site) => {
    const config = siteConfigOf(site.name, sites.get(site.name) ?? {});
    if (config === undefined) return [];
    const reach = (): Promise<unknown> => requireCluster(config);
    return clusterChecks({ site, config, reach, client: () => clusterClient(config), now: Date.now });
  });
  const between = betweenChecks({ mesh, dns: new DnsClient({ timeoutMs: 1500 }), connect: connectTo });
  return [...stacks, ...clusters, ...between];
}

/** Each stack is read once, which takes a second or so. */
function remembering(reader: StackReader): StackReader {
  const known = new Map<string, ReturnType<StackReader["find"]>>();
  return {
    find: (stack) => {
      const found = known.get(stack) ?? reader.find(stack);
      known.set(stack, found);
      return found;
    },
  };
}

function connectTo(address: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect({ host: address, port, timeout: 3000 });
    const end = (error?: Error): void => {
      socket.destroy();
      if (error === undefined) done();
      else fail(error);
    };
    socket.once("connect", () => {
      end();
    });
    socket.once("timeout", () => {
      end(new Error("no connection within 3 s"));
    });
    socket.once("error", end);
  });
}
