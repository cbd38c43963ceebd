import { isDeepStrictEqual } from "node:util";

import { compareText } from "../../base/text";
import { renderCatalog } from "../../mesh/catalog";
import { renderDirectory } from "../../mesh/directory";
import type { Mesh } from "../../mesh/model";
import { peersOf, siteView } from "../../mesh/peers";
import { sourcesOf } from "../../mesh/topology";
import type { MeshView } from "../../mesh/view";
import { welcomePacket } from "../../mesh/welcome";
import { peerPolicySpec } from "../../policies/network-policy";
import type { NetworkPolicySpec, Peer } from "../../policies/policy-spec";
import type { DnsChange, MeshStep } from "./dns-change";

/** What a change of the list makes of the two central zones: records that come and go. */
export function centralChanges({ before, after }: MeshStep): readonly DnsChange[] {
  const zones = [
    { name: after.directoryZone, render: renderDirectory },
    { name: after.catalogZone, render: renderCatalog },
  ];
  return zones.flatMap(({ name, render }) => {
    const [old, now] = [linesOf(before, render), linesOf(after, render)];
    const come = [...now].filter((line) => !old.has(line));
    const go = [...old].filter((line) => !now.has(line));
    if (come.length + go.length === 0) return [];
    const lines = [...go.map((line) => `-${line}`), ...come.map((line) => `+${line}`)];
    const action = before === undefined ? "add" : "change";
    return [
      { site: "mesh", what: "records", action, name, detail: [`+${come.length} −${go.length}`, ...lines].join("\n") },
    ];
  });
}

/** Records of a central zone by themselves. Its SOA record and its epoch are the primary's and the shared stack's. */
function linesOf(mesh: Mesh | undefined, render: (mesh: Mesh) => string): ReadonlySet<string> {
  if (mesh === undefined || mesh.sites.length === 0) return new Set();
  const { directoryZone, catalogZone, topology, transport, nameServers, sites } = mesh;
  const said = { directoryZone, catalogZone, topology, transport, sites, ...(nameServers && { nameServers }) };
  const lines = render(said).split("\n");
  return new Set(lines.filter((line) => line !== "" && !line.startsWith("$") && !/^@ (\d+ )?SOA /.test(line)));
}

/** Whom each site talks to, and whom its cluster lets it talk to: what changes about that. Sites with the same change share a line. */
export function peerChanges({ before, after }: MeshStep): readonly DnsChange[] {
  if (before === undefined) return [];
  const [old, now] = [reachOf(before), reachOf(after)];
  const stay = after.sites.map(({ name }) => name).filter((name) => old.has(name));
  const found = stay.flatMap((site) => [
    ...setChanges(old.get(site)?.peers, now.get(site)?.peers).map((change) => ({
      ...change,
      site,
      what: "peers" as const,
    })),
    ...setChanges(old.get(site)?.sources, now.get(site)?.sources).map((change) => ({
      ...change,
      ...{ site, what: "peers" as const, name: `zones by way of ${change.name}` },
    })),
    ...policyChange(site, old.get(site)?.policy, now.get(site)?.policy),
  ]);
  return shared(found, stay.length);
}

interface Reach {
  readonly peers: ReadonlyMap<string, string>;
  readonly sources: ReadonlyMap<string, string>;
  readonly policy: NetworkPolicySpec;
}

function reachOf(mesh: Mesh): ReadonlyMap<string, Reach> {
  const view: MeshView = {
    directorySerial: 1,
    catalogSerial: 1,
    sites: mesh.sites.map(siteView),
    zones: [],
    ...(mesh.topology !== "full" && { topology: mesh.topology }),
  };
  return new Map(
    mesh.sites.map(({ name }) => {
      const packet = welcomePacket(mesh, name, "");
      const peers = peersOf({ packet, view });
      const hubs = mesh.topology === "full" ? [] : sourcesOf({ packet, view })("").slice(0, 1);
      return [
        name,
        {
          peers: new Map(peers.map((peer) => [peer.name, peer.addresses.join(", ")])),
          sources: new Map(hubs.map((hub) => [hub, ""])),
          policy: peerPolicySpec({ packet, view }),
        },
      ];
    }),
  );
}

type Step = Pick<DnsChange, "action" | "name" | "detail">;

function setChanges(
  old: ReadonlyMap<string, string> = new Map(),
  now: ReadonlyMap<string, string> = new Map(),
): Step[] {
  const names = [...new Set([...old.keys(), ...now.keys()])].sort(compareText);
  return names.flatMap((name): Step[] => {
    const [was, is] = [old.get(name), now.get(name)];
    if (was === is) return [];
    if (was === undefined) return [{ action: "add", name }];
    if (is === undefined) return [{ action: "remove", name }];
    return [{ action: "change", name, detail: `asked at ${is} instead of ${was}` }];
  });
}

function policyChange(site: string, old?: NetworkPolicySpec, now?: NetworkPolicySpec): readonly DnsChange[] {
  if (old === undefined || now === undefined || isDeepStrictEqual(old, now)) return [];
  const [{ in: oldIn, out: oldOut, ports: oldPorts }, { in: nowIn, out: nowOut, ports: nowPorts }] = [
    waysOf(old),
    waysOf(now),
  ];
  const ports = isDeepStrictEqual(oldPorts, nowPorts) ? [] : ["other ports"];
  const detail = [...setText("in", oldIn, nowIn), ...setText("out", oldOut, nowOut), ...ports].join("; ");
  return [{ site, what: "policy", action: "change", name: "peers", detail }];
}

function waysOf({ ingress = [], egress = [] }: NetworkPolicySpec) {
  return {
    in: ingress.flatMap(({ from }) => blocksIn(from)),
    out: egress.flatMap(({ to }) => blocksIn(to)),
    ports: egress.flatMap(({ ports }) => ports),
  };
}

function blocksIn(peers: readonly Peer[]): readonly string[] {
  return peers.flatMap((peer) => ("ipBlock" in peer ? [peer.ipBlock.cidr] : []));
}

function setText(way: string, old: readonly string[], now: readonly string[]): readonly string[] {
  const come = now.filter((cidr) => !old.includes(cidr));
  const go = old.filter((cidr) => !now.includes(cidr));
  const text = [...come.map((cidr) => `+${cidr}`), ...go.map((cidr) => `-${cidr}`)].join(" ");
  return text === "" ? [] : [`${way}: ${text}`];
}

/** What the same change happens to at several sites is one entry, of "mesh". */
function shared(changes: readonly DnsChange[], sites: number): readonly DnsChange[] {
  const groups = new Map<string, DnsChange[]>();
  for (const change of changes) {
    const key = JSON.stringify({ ...change, site: "" });
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length === 1) return group;
    const names = group.map(({ site }) => site).sort(compareText);
    const where =
      names.length === sites
        ? "at every site"
        : names.length > 6
          ? `at ${names.length} sites`
          : `at ${names.join(", ")}`;
    return [{ ...first, site: "mesh", detail: [where, first.detail].filter((text) => text !== undefined).join(": ") }];
  });
}
