import { expect } from "chai";
import { renderKnotConf, renderSiteFiles, type SiteRuntime, takenZones } from "../../../../src/knot/config/site-config";
import { relayTargets } from "../../../../src/knot/config/remotes";
import { renderLimits } from "../../../../src/knot/config/modules";
import type { KeyRing } from "../../../../src/keyring/ring-document";
import type { TsigKey } from "../../../../src/dns/tsig-key";
import type { Mesh, Transport } from "../../../../src/mesh/model";
import { parseMesh } from "../../../../src/settings/parse";
import type { Updater } from "../../../../src/records/updater";
import { welcomePacket } from "../../../../src/mesh/welcome";
import { bootstrapView } from "../../../../src/mesh/peers";
import { defaultZoneLimits } from "../../../../src/mesh/limits";
import { homeOf } from "../../../../src/mesh/topology";
import type { MeshView } from "../../../../src/mesh/view";
import { searched } from "../../base/searched";

const mesh: Mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] },
    { name: "b", role: "secondary-catalog", addresses: ["192.0.2.2", "2001:db8::2"], zones: ["b.example"] },
    { name: "c", role: "standard", addresses: ["192.0.2.3"], zones: ["c.example"] },
    { name: "d", role: "standard", addresses: ["192.0.2.4"], zones: ["d.example"] },
  ],
});
const view: MeshView = {
  directorySerial: 5,
  catalogSerial: 6,
  sites: mesh.sites.map(({ name, role, addresses, sources }) => ({ name, role, addresses, sources })),
  zones: mesh.sites.map((site) => ({ name: `${site.name}.example`, owner: site.name, id: "x" })),
};
const ring: KeyRing = {
  signing: "new",
  accepted: [
    { name: "old", algorithm: "hmac-sha256", secret: "b2xk" },
    { name: "new", algorithm: "hmac-sha512", secret: "bmV3" },
  ],
};
const runtime: SiteRuntime = {
  storage: "/storage",
  rundir: "/rundir",
  listen: ["0.0.0.0@5353"],
  remotePort: 53,
  secure: { listen: ["0.0.0.0@8853"], remotePort: 853 },
};
const localKey: TsigKey = { name: "local", algorithm: "hmac-sha256", secret: "bG9jYWw=" };
const identity = { certificate: "CERTIFICATE\n", privateKey: "KEY\n", roots: "ROOTS\n" };

function filesOf(
  site: string,
  options: {
    readonly view?: MeshView;
    readonly replicas?: SiteRuntime["replicas"];
    readonly behind?: readonly string[];
    readonly former?: readonly string[];
  } = {},
): Map<string, string> {
  const at = options.replicas === undefined ? runtime : { ...runtime, replicas: options.replicas };
  return renderSiteFiles({
    packet: welcomePacket(mesh, site, "CA"),
    ring,
    localKey,
    readers: [],
    identity,
    view: options.view ?? view,
    ...(options.behind && { behind: options.behind }),
    ...(options.former && { former: options.former }),
    runtime: at,
  });
}

/** The items of a section, by id, as lines. */
function items(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split("\n")) {
    const head = /^ {2}- (?:id|domain): (.*)$/.exec(line);
    if (head?.[1] !== undefined) found.set(head[1], (lines = []));
    else lines.push(line.trim());
  }
  return found;
}

const templates = (files: ReadonlyMap<string, string>) => items(files.get("conf/peers.d/20-templates.conf")!);

describe("renderSiteFiles", () => {
  it("lets each pod name itself: the site, which pod it is, and how many there are", () => {
    const idOf = (replicas?: SiteRuntime["replicas"]) =>
      /nsid: "(.*)"/.exec(filesOf("c", { ...(replicas && { replicas }) }).get("conf/peers.d/00-server.conf")!)?.[1];
    const addresses = ["10.0.0.1", "10.0.0.2"];
    expect(idOf()).to.equal("c/0/1");
    expect(idOf({ self: 1, addresses })).to.equal("c/1/2");
    expect(idOf({ self: 2, addresses }), "one that is about to go").to.equal("c/2/3");
  });

  it("asks a zone's owner first, then the catalog sites, never the server itself", () => {
    const masters = (site: string, owner: string) =>
      templates(filesOf(site))
        .get(`owner-${owner}`)
        ?.find((line) => line.startsWith("master"));
    expect(masters("c", "d")).to.equal("master: [peer-d, spare-a, spare-b]");
    expect(masters("c", "b")).to.equal("master: [peer-b, spare-a]");
    expect(masters("b", "d")).to.equal("master: [peer-d, spare-a]");
    expect(masters("a", "b")).to.equal("master: [peer-b]");
  });

  it("accepts every key and signs with one", () => {
    const files = filesOf("c");
    const rules = items(files.get("conf/peers.d/05-access.conf")!);
    for (const rule of ["mesh", "mesh-notify"]) expect(rules.get(rule)).to.include("key: [new, old]");
    expect(items(files.get("conf/peers.d/10-remotes.conf")!).get("peer-b")).to.include.members([
      "address: [/rundir/to/peer-b, 192.0.2.2@853, 2001:db8::2@853]",
      "key: new",
    ]);
  });

  it("gives a zone to whoever has a key and a site's certificate, over TLS alone; a NOTIFY takes the key", () => {
    const rules = items(filesOf("c").get("conf/peers.d/05-access.conf")!);
    expect([...rules.keys()]).to.deep.equal(["mesh-notify", "mesh", "local"]);
    expect(rules.get("mesh")).to.include.members([
      "cert-hostname: [a.dns.internal, b.dns.internal, d.dns.internal, c.dns.internal]",
      "protocol: [tls]",
      "action: [transfer]",
    ]);
    expect(rules.get("mesh-notify")).to.include("action: [notify]").and.not.include("action: [transfer]");
    expect(rules.get("local")).to.include.members(["key: [local]", "action: [transfer]"]);
    const gone = { ...view, sites: view.sites.filter(({ name }) => name !== "d") };
    expect(filesOf("c", { view: gone }).get("conf/peers.d/05-access.conf")).to.not.contain("d.dns.internal");
    expect(templates(filesOf("c")).get("owner-d")).to.include("acl: [mesh-notify, mesh, local]");
  });

  it("asks for zones over TLS with the other's name, and notifies of changes at port 53", () => {
    const remotes = items(filesOf("c").get("conf/peers.d/10-remotes.conf")!);
    expect(remotes.get("peer-a")).to.include.members([
      "address: [/rundir/to/peer-a, 192.0.2.1@853]",
      "tls: on",
      "cert-hostname: a.dns.internal",
    ]);
    expect(remotes.get("tell-peer-a"))
      .to.include("address: [/rundir/to/tell-peer-a, 192.0.2.1@53]")
      .and.not.include("tls: on");
    expect(remotes.get("mesh")).to.include("remote: [tell-peer-a, tell-peer-b, tell-peer-d]");
  });

  it("lets the record operator change own zones at the writer, over TCP alone, and nothing else", () => {
    const packet = welcomePacket(mesh, "c", "CA");
    const recordsKey = { ...localKey, name: "records" };
    const input = { packet, ring, localKey, readers: [], recordsKey, identity, view, runtime };
    const files = renderSiteFiles(input);
    expect(files.get("conf/keys.conf")).to.contain("id: records");
    expect(items(files.get("conf/peers.d/05-access.conf")!).get("records")?.slice(0, 3)).to.deep.equal([
      ...["key: [records]", "protocol: [tcp]", "action: [update]"],
    ]);
    const allowed = (text: string | undefined): string[] =>
      [...items(text!)].flatMap(([id, lines]) => (lines.some((line) => /^acl:.*records/.test(line)) ? [id] : []));
    expect(allowed(files.get("conf/peers.d/20-templates.conf"))).to.deep.equal(["own", "own-signed"]);
    const replicas = { self: 1, addresses: ["192.0.2.11", "192.0.2.12"] };
    const other = renderSiteFiles({ ...input, runtime: { ...runtime, replicas } });
    expect(allowed(other.get("conf/peers.d/20-templates.conf"))).to.deep.equal([]);
  });

  describe("with updaters", () => {
    const packet = welcomePacket(mesh, "c", "CA");
    const recordsKey = { ...localKey, name: "records" };
    const ofZone = (name: string, zone: string): Updater => ({
      ...{ ...localKey, name, zones: [zone], updateOwner: "zone", updateOwnerMatch: "sub-or-equal" },
      ...{ updateOwnerName: [], updateType: ["A", "TXT"], transfer: false },
    });
    const apps: Updater = {
      ...ofZone("external-dns", "c.example"),
      ...{ updateOwner: "name", updateOwnerName: ["apps", "@"], transfer: true },
    };
    const updaters = [apps, ofZone("elsewhere", "gone.example")];
    const base = { packet, ring, localKey, readers: [], updaters, recordsKey, identity, view, runtime };
    const replicas = { self: 1, addresses: ["192.0.2.11", "192.0.2.12"] };
    const at = (changes: Partial<typeof base>) => renderSiteFiles({ ...base, ...changes });
    const zoneLines = (files: ReadonlyMap<string, string>) =>
      items(files.get("conf/zones.d/own.conf")!).get("c.example");

    it("lets each change its names and types of its zones, over UDP and TCP, never over TLS or QUIC", () => {
      const rules = items(at({}).get("conf/peers.d/05-access.conf")!);
      expect(rules.get("updater-0")).to.deep.equal([
        ...["key: [external-dns]", "protocol: [udp, tcp]", "action: [update]", "update-type: [A, TXT]"],
        ...["update-owner: name", "update-owner-match: sub-or-equal", 'update-owner-name: ["apps", "c.example."]'],
      ]);
      expect(rules.get("updater-0-transfer")).to.deep.equal([
        ...["key: [external-dns]", "protocol: [tcp]", "action: [transfer]"],
      ]);
      expect(at({}).get("conf/keys.conf")).to.contain("id: external-dns");
    });

    it("gives rules to their own zones alone, beside those that every own zone has", () => {
      expect(zoneLines(at({}))).to.include("acl: [mesh-notify, mesh, local, records, updater-0, updater-0-transfer]");
      const templates = at({}).get("conf/peers.d/20-templates.conf")!;
      expect(templates).not.to.contain("updater");
      expect(zoneLines(at({ updaters: [] }))?.join()).not.to.contain("acl");
    });

    it("sends updates at another pod on to the writer with the site's own key, over what is not TLS", () => {
      const files = at({ runtime: { ...runtime, replicas } });
      expect(zoneLines(files)).to.include.members([
        "acl: [mesh-notify, mesh, local, updater-0, updater-0-transfer]",
        "ddns-master: update-writer",
      ]);
      expect(items(files.get("conf/peers.d/10-remotes.conf")!).get("update-writer")).to.include.members([
        ...["address: 192.0.2.11@53", "key: records"],
      ]);
      expect(at({}).get("conf/peers.d/10-remotes.conf")).not.to.contain("update-writer");
    });

    it("takes no updates at another pod that has no key to send them on with", () => {
      const keyless = { packet, ring, localKey, readers: [], updaters, identity, view };
      const files = renderSiteFiles({ ...keyless, runtime: { ...runtime, replicas } });
      expect(zoneLines(files)).to.include("acl: [mesh-notify, mesh, local, updater-0-transfer]");
      expect(files.get("conf/zones.d/own.conf")).not.to.contain("ddns-master");
    });
  });

  it("lets a site's own pods in by its own name, before it knows of any, and keys of readers to transfers alone", () => {
    const alone = filesOf("c").get("conf/peers.d/05-access.conf");
    expect(alone).to.contain("d.dns.internal, c.dns.internal]");
    for (const addresses of [["10.0.0.1"], ["10.0.0.1", "10.0.0.2"]])
      expect(filesOf("c", { replicas: { self: 0, addresses } }).get("conf/peers.d/05-access.conf")).to.equal(alone);
    const packet = welcomePacket(mesh, "c", "CA");
    const readers = [{ ...localKey, name: "bind" }];
    const files = renderSiteFiles({ packet, ring, localKey, readers, identity, view, runtime });
    expect(items(files.get("conf/peers.d/05-access.conf")!).get("readers")).to.deep.equal([
      "key: [bind]",
      "action: [transfer]",
      "",
      "",
    ]);
    expect(files.get("conf/keys.conf")).to.contain("id: bind");
  });

  it("gives a reader the zones that are named for it, and no others", () => {
    const packet = welcomePacket(mesh, "c", "CA");
    const readers = [
      { ...localKey, name: "bind", notify: ["192.0.2.53"] },
      { ...localKey, name: "provider", zones: ["c.example"], notify: ["198.51.100.1"] },
    ];
    for (const self of [0, 1]) {
      const replicas = { self, addresses: ["192.0.2.11", "192.0.2.12"] };
      const files = renderSiteFiles({
        packet,
        ring,
        localKey,
        readers,
        identity,
        view,
        runtime: { ...runtime, replicas },
      });
      const rules = items(files.get("conf/peers.d/05-access.conf")!);
      expect(rules.get("readers")?.slice(0, 2)).to.deep.equal(["key: [bind]", "action: [transfer]"]);
      expect(rules.get("reader-1")?.slice(0, 2)).to.deep.equal(["key: [provider]", "action: [transfer]"]);
      expect(items(files.get("conf/zones.d/own.conf")!).get("c.example")).to.include(
        "acl: [mesh-notify, mesh, local, readers, reader-1]",
      );
      const others = [...files].filter(
        ([file]) => !["conf/peers.d/05-access.conf", "conf/zones.d/own.conf"].includes(file),
      );
      expect(others.map(([, text]) => text).join("\n")).not.to.contain("reader-1");
      expect([...files.values()].join("\n"), "Knot is not reloaded for who is told").not.to.contain("198.51.100.1");
    }
  });

  it("gives zones to a reader over TLS alone that has networks for it", () => {
    const tls = ["192.0.2.53/32"];
    const readers = [
      { ...localKey, name: "bind", tls },
      { ...localKey, name: "provider", zones: ["c.example"], tls },
    ];
    const packet = welcomePacket(mesh, "c", "CA");
    const files = renderSiteFiles({ packet, ring, localKey, readers, identity, view, runtime });
    const rules = items(files.get("conf/peers.d/05-access.conf")!);
    for (const [id, name] of [
      ["readers-tls", "bind"],
      ["reader-1", "provider"],
    ] as const)
      expect(rules.get(id)?.slice(0, 3)).to.deep.equal([`key: [${name}]`, "protocol: [tls]", "action: [transfer]"]);
    expect([...rules.keys()]).not.to.include("readers");
    expect(items(files.get("conf/zones.d/own.conf")!).get("c.example")).to.include(
      "acl: [mesh-notify, mesh, local, readers-tls, reader-1]",
    );
  });

  it("asks by way of the agent's sockets over TLS alone, each with a path that a socket may have", () => {
    const name = "s".repeat(63);
    const long = { ...view, sites: view.sites.map((site) => (site.name === "d" ? { ...site, name } : site)) };
    const input = {
      packet: welcomePacket(mesh, "c", "CA"),
      ring,
      localKey,
      readers: [],
      identity,
      view: long,
      runtime,
    };
    const targets = relayTargets(input);
    const text = renderSiteFiles(input).get("conf/peers.d/10-remotes.conf")!;
    expect(targets.map(({ addresses, port }) => [...addresses, port])).to.deep.equal([
      ["192.0.2.1", 853],
      ["192.0.2.2", "2001:db8::2", 853],
      ["192.0.2.4", 853],
      ["192.0.2.1", 53],
      ["192.0.2.2", "2001:db8::2", 53],
      ["192.0.2.4", 53],
    ]);
    for (const { socket } of targets) {
      expect(text).to.contain(`address: [${socket}, `);
      expect(socket.length).to.be.at.most(`/rundir/to/`.length + 32);
    }
    expect(new Set(targets.map(({ port, speaks }) => `${port} ${speaks}`))).to.have.all.keys("853 tls", "53 dns");
    const [first, second, , toldFirst, toldSecond] = targets;
    const spares = [...items(text)].filter(([id]) => id.startsWith("spare-"));
    expect(
      spares.map(([id]) => id),
      "catalog sites, as sources of others' zones",
    ).to.deep.equal(["spare-a", "spare-b"]);
    for (const [id, lines] of spares) {
      const [address, ...rest] = items(text).get(id.replace("spare", "peer")) ?? [];
      expect(lines).to.deep.equal([address?.replace(/, .*/, "]"), ...rest]);
    }
    const reached = ["192.0.2.2@853", "192.0.2.1@53"];
    const fewer = renderSiteFiles({ ...input, reached }).get("conf/peers.d/10-remotes.conf")!;
    expect(items(fewer).get("peer-a")).to.include(`address: [${first?.socket}]`);
    expect(items(fewer).get("peer-b")).to.include(`address: [${second?.socket}, 192.0.2.2@853]`);
    expect(items(fewer).get("tell-peer-a")).to.include(`address: [${toldFirst?.socket}, 192.0.2.1@53]`);
    expect(items(fewer).get("tell-peer-b")).to.include(`address: [${toldSecond?.socket}]`);
    for (const transport of ["quic", "tcp"] as const) {
      const all = { ...input, packet: { ...input.packet, transport } };
      const other = { ...all, reached };
      expect(renderSiteFiles(other), transport).to.deep.equal(renderSiteFiles(all));
      expect(relayTargets(other)).to.deep.equal([]);
      expect(renderSiteFiles(other).get("conf/peers.d/10-remotes.conf"))
        .to.not.contain("/rundir")
        .and.not.contain("spare");
    }
  });

  it("keeps certificate and key in one file, and has neither where transfers run over plain TCP", () => {
    expect(filesOf("c").get("tls/site.pem")).to.equal("CERTIFICATE\nKEY\n");
    const packet = { ...welcomePacket(mesh, "c", "CA"), transport: "tcp" as const };
    const files = renderSiteFiles({ packet, ring, localKey, readers: [], view, runtime });
    expect([...files.keys()].filter((path) => path.startsWith("tls/"))).to.deep.equal([]);
    expect(items(files.get("conf/peers.d/10-remotes.conf")!).get("peer-a")).to.include("address: [192.0.2.1@53]");
    expect(items(files.get("conf/peers.d/05-access.conf")!).get("mesh")).to.include("action: [transfer, notify]");
  });

  it("never interprets the mesh's catalog, only the local one", () => {
    for (const site of ["a", "b", "c"]) {
      const files = filesOf(site);
      expect([...files.values()].join("").match(/catalog-role: interpret/g)).to.have.length(1);
      expect(items(files.get("conf/peers.d/30-catalog.conf")!).get("local-catalog.invalid")).to.include(
        "catalog-role: interpret",
      );
    }
  });

  it("leaves own zones out of the local catalog, also when the view gives them away", () => {
    const stolen = { ...view, zones: view.zones.map((zone) => ({ ...zone, owner: "d" })) };
    const packet = welcomePacket(mesh, "c", "CA");
    expect(takenZones({ packet, view: stolen }).members.map((zone) => zone.name)).to.deep.equal([
      "a.example",
      "b.example",
      "d.example",
    ]);
    expect(filesOf("c", { view: stolen }).get("conf/zones.d/own.conf")).to.contain("domain: c.example");
  });

  describe("of a zone that went to another owner", () => {
    const former = ["d.example", "gone.example"];
    const stanzas = "conf/zones.d/former.conf";

    it("has it in Knot's own files, from its owner, and not in the catalog, as long as the mesh has it", () => {
      const files = filesOf("c", { former });
      expect([...items(files.get(stanzas)!).keys()]).to.deep.equal(["d.example"]);
      expect(items(files.get(stanzas)!).get("d.example")).to.include("template: owner-d");
      expect(files.get("zones/local-catalog.invalid.zone")).to.contain("a.example.").and.not.contain("d.example.");
      expect(filesOf("c", { former: ["gone.example"] }).has(stanzas)).to.equal(false);
      expect(filesOf("c", { former: ["c.example"] }).has(stanzas), "that came back").to.equal(false);
    });

    it("goes on with the writer's file and journal, and with the journal alone at another pod", () => {
      const kept = ["journal-content: changes", "zonefile-load: whole", "zonefile-sync: 300", "ixfr-from-axfr: on"];
      const addresses = ["10.0.0.1", "10.0.0.2"];
      const lines = (self: number) =>
        items(filesOf("c", { former, replicas: { self, addresses } }).get(stanzas)!).get("d.example");
      expect(lines(0)).to.include.members(kept);
      expect(lines(1)?.filter((line) => line !== "")).to.deep.equal(["template: owner-d"]);
    });

    it("has a template for an owner that is no peer", () => {
      const away = { ...view, zones: [{ name: "d.example", owner: "c", id: "x" }] };
      const files = filesOf("c", { former, view: away });
      expect(items(files.get(stanzas)!).get("d.example")).to.include("template: owner-c");
      expect(templates(files).get("owner-c")).to.include("master: [peer-a, spare-b]");
    });
  });

  it("never makes a member of a central zone", () => {
    const poisoned = { ...view, zones: [{ name: "dns.internal", owner: "d", id: "x" }] };
    expect(filesOf("c", { view: poisoned }).get("zones/local-catalog.invalid.zone")).to.not.contain("PTR");
  });

  it("keeps serving a zone that is to become this site's from the catalog sites", () => {
    const coming = { ...view, zones: [{ name: "coming.example", owner: "c", id: "x" }] };
    const files = filesOf("c", { view: coming });
    expect(files.get("zones/local-catalog.invalid.zone"))
      .to.contain("PTR coming.example.")
      .and.contain('TXT "owner-c"');
    expect(templates(files).get("owner-c")).to.include("master: [peer-a, spare-b]");
  });

  it("loads the central zones from files at the primary alone", () => {
    for (const [site, expected] of [
      ["a", "zonefile-load: difference-no-serial"],
      ["b", "zonefile-load: none"],
      ["c", "zonefile-load: none"],
    ] as const) {
      expect(templates(filesOf(site)).get("central")).to.include(expected);
    }
    expect(templates(filesOf("a")).get("central")).to.include("notify: [mesh]");
    expect(templates(filesOf("c")).get("central")?.join()).to.not.contain("notify:");
  });

  it("takes central zones from no catalog site that is behind, as long as there is another, and members as before", () => {
    const masters = (behind: readonly string[], id: string): string | undefined =>
      items(filesOf("c", { behind }).get("conf/peers.d/20-templates.conf") ?? "")
        .get(id)
        ?.find((line) => line.startsWith("master:"));
    expect(masters([], "central")).to.equal("master: [peer-a, peer-b]");
    expect(masters(["a"], "central")).to.match(/^master: (\[peer-b\]|peer-b)$/);
    expect(masters(["a", "b"], "central")).to.equal(masters([], "central"));
    expect(masters(["a"], "owner-a")).to.equal(masters([], "owner-a"));
  });

  it("asks again soon for what never came: 10 s for the central zones, 30 s for members", () => {
    const of = (id: string) => templates(filesOf("c")).get(id);
    expect(of("central")).to.include("retry-max-interval: 10");
    expect(of("owner-d")).to.include("retry-max-interval: 30");
  });

  it("takes zones from the hub at home, the owner last, in a mesh with hubs; a hub notifies those it is home to", () => {
    const hub: MeshView = { ...view, topology: "hub" };
    const [home, other] = homeOf("c", ["a", "b"]) === "a" ? ["a", "b"] : ["b", "a"];
    expect(templates(filesOf("c", { view: hub })).get("owner-d")).to.include(
      `master: [peer-${home}, peer-${other}, peer-d]`,
    );
    expect(filesOf("c", { view: hub }).get("conf/peers.d/10-remotes.conf")).to.not.contain("spare");
    const told = (site: string) => items(filesOf(site, { view: hub }).get("conf/peers.d/10-remotes.conf")!).get("mesh");
    expect(told("c")).to.include("remote: [tell-peer-a, tell-peer-b]");
    expect(told(home)?.join()).to.contain(`peer-${other}`).and.contain("peer-c");
    expect(told(other)?.join()).to.contain(`peer-${home}`).and.not.contain("peer-c");
  });

  it("cuts the list of those who are notified to what Knot keeps, 65,535 octets", () => {
    const sites = Array.from({ length: 3000 }, (_, i) => ({
      ...view.sites[3]!,
      name: `site-with-a-name-as-long-as-it-may-be-${i}`.padEnd(63, "x"),
    }));
    const files = filesOf("c", { view: { ...view, sites: [...view.sites.slice(0, 3), ...sites] } });
    const lists = files.get("conf/peers.d/10-remotes.conf")!.split("remotes:\n")[1]!;
    expect(lists.match(/peer-/g)).to.have.length(3002);
    for (const line of lists.split("\n")) expect(line.length).to.be.at.most(65_535);
    expect(templates(files).get("own")).to.include("notify: [mesh, mesh-1, mesh-2, mesh-3]");
    expect(files.get("conf/peers.d/30-catalog.conf")!.length).to.be.at.most(65_535);
  });

  it("lists nobody where there is nobody: an empty list is an error for Knot", () => {
    const alone = { ...mesh, sites: mesh.sites.slice(0, 1) };
    const packet = welcomePacket(alone, "a", "CA");
    const files = renderSiteFiles({
      packet,
      ring,
      localKey,
      readers: [],
      identity,
      view: bootstrapView(packet),
      runtime,
    });
    expect([...files.values()].join("")).to.not.match(/: \[\]|notify: |master: /);
    expect(files.get("conf/peers.d/10-remotes.conf")).to.equal("");
  });

  it("takes zones from another pod of the site by the site's own key, at the pods' ports", () => {
    const replicas = { self: 1, addresses: ["10.0.0.1", "10.0.0.2"], port: 53, securePort: 853 };
    const elsewhere = { ...runtime, remotePort: 5300, secure: { ...runtime.secure, remotePort: 8530 } };
    const files = renderSiteFiles({
      ...{ packet: welcomePacket(mesh, "c", "CA"), ring, localKey, readers: [], identity, view },
      runtime: { ...elsewhere, replicas },
    });
    const remotes = items(files.get("conf/peers.d/10-remotes.conf")!);
    expect(remotes.get("replica-0")).to.deep.equal([
      "address: [/rundir/to/replica-0, 10.0.0.1@853]",
      "key: local",
      "tls: on",
      "cert-hostname: c.dns.internal",
    ]);
    expect(remotes.get("tell-replica-0")).to.include("address: [/rundir/to/tell-replica-0, 10.0.0.1@53]");
    expect(remotes.get("peer-a")).to.include.members(["address: [/rundir/to/peer-a, 192.0.2.1@8530]", "key: new"]);
    expect(items(files.get("conf/peers.d/05-access.conf")!).get("local")?.slice(0, 2)).to.deep.equal([
      "key: [local]",
      "action: [transfer]",
    ]);
  });

  it("plans no NOTIFY for the present second at any pod, whose zones' next change would wait for it", () => {
    for (const self of [0, 1]) {
      const found = templates(filesOf("c", { replicas: { self, addresses: ["10.0.0.1", "10.0.0.2"] } }));
      for (const id of ["own", "owner-d"]) expect(found.get(id), `${id} at pod ${self}`).to.include("notify-delay: 60");
    }
  });

  it("has one writer among several pods", () => {
    const replicas = { addresses: ["10.0.0.1", "10.0.0.2"] };
    expect(templates(filesOf("c", { replicas: { ...replicas, self: 0 } })).get("own")).to.include(
      "notify: [mesh, siblings]",
    );
    const second = templates(filesOf("a", { replicas: { ...replicas, self: 1 } }));
    expect(second.get("own")).to.include("master: [replica-0]");
    expect(second.get("central")).to.include("master: [replica-0, peer-b]");
    expect(second.get("owner-d")).to.include("notify: [siblings]");
    expect(second.get("owner-d")).to.include("master: [peer-d, spare-b, replica-0]");
  });

  it("changes only the remote when a site has a new address, and only the local catalog when a zone comes", () => {
    const changed = (other: MeshView) => {
      const before = filesOf("c");
      return [...filesOf("c", { view: other })]
        .filter(([path, text]) => before.get(path) !== text)
        .map(([path]) => path);
    };
    const moved = {
      ...view,
      sites: view.sites.map((site) => (site.name === "d" ? { ...site, addresses: ["192.0.2.9"] } : site)),
    };
    expect(changed(moved)).to.deep.equal(["conf/peers.d/10-remotes.conf"]);
    const more = { ...view, zones: [...view.zones, { name: "e.example", owner: "d", id: "x" }] };
    expect(changed(more)).to.deep.equal(["zones/local-catalog.invalid.zone"]);
    expect(changed({ ...view, directorySerial: 9, catalogSerial: 9 })).to.deep.equal([]);
  });
});

describe("signed zones", () => {
  const signedMesh = parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: [
      {
        name: "a",
        role: "primary-catalog",
        addresses: ["192.0.2.1"],
        zones: [
          "plain.example",
          { name: "signed.example", dnssec: true },
          { name: "hashed.example", dnssec: { nsec3: true } },
          { name: "asked.example", dnssec: { parents: ["192.0.2.53", "2001:db8::53@5353"] } },
          { name: "leaving.example", dnssec: { withdraw: true } },
        ],
      },
    ],
  });
  const render = (self = 0) => {
    const files = renderSiteFiles({
      packet: welcomePacket(signedMesh, "a", "CA"),
      ...{ ring, localKey, identity, readers: [], view: bootstrapView(welcomePacket(signedMesh, "a", "CA")) },
      runtime: { ...runtime, replicas: { self, addresses: ["10.0.0.1", "10.0.0.2"] } },
    });
    return {
      zones: items(files.get("conf/zones.d/own.conf")!),
      signing: items(files.get("conf/peers.d/15-signing.conf")!),
    };
  };

  it("share a policy where they have the same settings", () => {
    const { zones } = render();
    expect(zones.get("plain.example")).to.include("template: own");
    expect(zones.get("signed.example")!.join("")).to.equal("template: own-signed");
    expect(zones.get("hashed.example")).to.include("dnssec-policy: signed-nsec3");
    expect(zones.get("leaving.example")).to.include("dnssec-policy: signed-withdraw");
  });

  it("have one algorithm, NSEC3 without iterations and salt (RFC 9276), and signatures that outlive an owner by two weeks", () => {
    const { signing } = render();
    expect(signing.get("signed")).to.include.members([
      "algorithm: ecdsap256sha256",
      "ksk-lifetime: 0",
      "rrsig-lifetime: 2419200",
      "rrsig-refresh: 1209600",
      "cds-cdnskey-publish: always",
    ]);
    expect(signing.get("signed")!.join()).to.not.contain("nsec3");
    expect(signing.get("signed-nsec3")).to.include.members([
      "nsec3: on",
      "nsec3-iterations: 0",
      "nsec3-salt-length: 0",
    ]);
    expect(signing.get("signed-withdraw")).to.include("cds-cdnskey-publish: delete-dnssec");
  });

  it("have the parent's servers asked where they are known", () => {
    const { zones, signing } = render();
    const policy = /dnssec-policy: (.*)/.exec(zones.get("asked.example")!.join("\n"))![1]!;
    const group = /ksk-submission: (.*)/.exec(signing.get(policy)!.join("\n"))![1]!;
    expect(signing.get(group)).to.include("parent: [parent-192.0.2.53, parent-2001-db8--53-p5353]");
    expect(signing.get("parent-192.0.2.53")).to.include("address: 192.0.2.53@53");
    expect(signing.get("parent-2001-db8--53-p5353")).to.include("address: 2001:db8::53@5353");
  });

  it("are signed by the writer alone", () => {
    const { zones, signing } = render(1);
    expect(zones.get("hashed.example")).to.include("template: own");
    expect([...signing.keys()]).to.deep.equal(["signed"]);
  });
});

describe("renderKnotConf", () => {
  it("names no user, includes globs, and says nothing of peers", () => {
    const text = renderKnotConf(runtime, "tls");
    expect(text).to.not.match(/^\s*user:/m);
    expect(text.match(/^include: .*/gm)).to.deep.equal([
      'include: "/storage/conf/cookies.conf"',
      'include: "/storage/conf/limits*.conf"',
      'include: "/storage/conf/keys.conf"',
      'include: "/storage/conf/peers.d/*.conf"',
      'include: "/storage/conf/zones.d/*.conf"',
    ]);
    expect(text).to.not.match(/automatic-acl|remote:/);
  });

  it("listens for TLS, for QUIC where that is asked for, and for neither over plain TCP", () => {
    const listens = (transport: Transport) => renderKnotConf(runtime, transport).match(/listen-(tls|quic)/g);
    expect(listens("tls")).to.deep.equal(["listen-tls"]);
    expect(listens("quic")).to.deep.equal(["listen-tls", "listen-quic"]);
    expect(listens("tcp")).to.equal(null);
  });

  it("limits answers over UDP, after cookies, and leaves connections and the own agent alone", () => {
    const text = renderLimits({ ...runtime, rateLimit: { perSecond: 7, burst: 9, exempt: ["192.0.2.0/24"] } });
    expect(text).to.contain("global-module: [mod-stats/default, mod-cookies/default, mod-rrl/default]");
    expect(items(text.split("mod-rrl:")[1]!.split("template:")[0]!).get("default")).to.include.members([
      "rate-limit: 7",
      "instant-limit: 9",
      "slip: 1",
      "time-rate-limit: 0",
      "whitelist: [127.0.0.1, ::1, 192.0.2.0/24]",
    ]);
  });

  it("limits 200 answers a second where nothing is said, and none where that is said", () => {
    expect(renderLimits(runtime)).to.contain("rate-limit: 200\n").and.contain("instant-limit: 500\n");
    expect(renderLimits({ ...runtime, rateLimit: false })).to.not.contain("rrl");
  });
});

describe("Knot's files of a large site", () => {
  /** How often the lists that follow from the mesh and the ring are gone through while the files are made. */
  const readsFor = (count: number): number => {
    const names = Array.from({ length: count }, (_, i) => `s${i}`);
    const reads = { count: 0 };
    const counted = <T extends object>(object: T, key: keyof T): T =>
      Object.defineProperty({ ...object }, key, {
        enumerable: true,
        get: () => {
          reads.count += 1;
          return object[key];
        },
      });
    const packet = welcomePacket(mesh, "a", "CA");
    const zones = names.map((name) => ({ name: `${name}.example`, dnssec: false as const }));
    const updater: Updater = {
      ...{ name: "updater", algorithm: "hmac-sha256", secret: "bG9jYWw=", zones: zones.map(({ name }) => name) },
      ...{ updateType: ["A"], updateOwner: "name", updateOwnerMatch: "sub-or-equal", updateOwnerName: [] },
      transfer: false,
    };
    const sites = [...view.sites, ...names.map((name) => ({ ...view.sites[2]!, name }))];
    renderSiteFiles({
      ...{ packet: { ...packet, site: { ...packet.site, zones } }, localKey, readers: [], identity, runtime },
      ...{ ring: counted(ring, "accepted"), updaters: [updater], view: counted({ ...view, sites }, "sites") },
    });
    return reads.count;
  };

  it("are made from lists that are gone through as often as for a small one", () => {
    expect(readsFor(300)).to.equal(readsFor(3));
  });

  it("are made without a search, for each zone, in the zones of those that may change or take it, or in all primaries", async () => {
    const count = 500;
    const names = Array.from({ length: count }, (_, i) => `z${i}.example`);
    const reads = { zones: 0 };
    const zones = names.map((name, i) => {
      const primaries = [{ address: `192.0.2.${i % 200}`, key: "reader" }];
      const zone = { name, dnssec: false as const, ...(i % 2 === 0 && { primaries }) };
      return Object.defineProperty(zone, "dnssec", {
        enumerable: true,
        get: () => {
          reads.zones += 1;
          return false as const;
        },
      });
    });
    const packet = welcomePacket(mesh, "a", "CA");
    const key = { algorithm: "hmac-sha256", secret: "bG9jYWw=" } as const;
    const updater: Updater = {
      ...{ name: "updater", ...key, zones: names },
      ...{ updateType: ["A"], updateOwner: "name", updateOwnerMatch: "sub-or-equal", updateOwnerName: [] },
      transfer: true,
    };
    const input = {
      ...{ packet: { ...packet, site: { ...packet.site, zones } }, localKey, identity, ring, view, isGuarded: true },
      readers: [{ name: "reader", ...key, zones: names }],
      updaters: [updater],
      runtime: { ...runtime, guard: defaultZoneLimits },
    };
    let files: ReadonlyMap<string, string> = new Map();
    const items = await searched(() => (files = new Map(renderSiteFiles(input))));
    expect([...files.values()].join("").match(/updater-0-transfer\b/g)).to.have.length(count / 2 + 1);
    expect(items, "items looked through").to.be.below(10 * count);
    expect(reads.zones, "looks at zones").to.be.below(20 * count);
  });
});
