import { expect } from "chai";
import { betweenChecks } from "../../../../src/cli/doctor/between";
import { type Check, type Finding, findingLines, made, needsCare } from "../../../../src/cli/doctor/check";
import { clusterChecks } from "../../../../src/cli/doctor/cluster";
import { siteConfigOf, stackChecks } from "../../../../src/cli/doctor/stacks";
import type { StackReader } from "../../../../src/cli/stacks/reader";
import { UserError } from "../../../../src/base/errors";
import type { KubeObject } from "../../../../src/kube/answer";
import { renderDirectory } from "../../../../src/mesh/directory";
import { welcomePacket } from "../../../../src/mesh/welcome";
import { publishedOf } from "../../../../src/preflight/published";
import { parseMesh } from "../../../../src/settings/parse";
import { exampleList } from "../../components/example-mesh";

const mesh = parseMesh(exampleList);
const today = "2026-11-29";
const now = Date.parse("2026-11-29T12:00:00Z");
const all = async (checks: readonly Check[]): Promise<readonly Finding[]> => Promise.all(checks.map(made));
/** What is not fine, as `check@where: state`. */
const amiss = (findings: readonly Finding[]): string[] =>
  findings.filter(({ state }) => state !== "ok").map(({ check, where, state }) => `${check}@${where}: ${state}`);

describe("mesh doctor", () => {
  describe("in the stacks", () => {
    const settings = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
      "dns-mesh:shared": "organization/dns-mesh/shared",
      ...changes,
    });
    const sites = new Map(["site-a", "site-b", "site-c"].map((name) => [name, settings({ "dns-mesh:context": name })]));
    const packets = Object.fromEntries(mesh.sites.map(({ name }) => [name, welcomePacket(mesh, name, "PEM")]));
    const said: Record<string, Record<string, unknown>> = {
      shared: { sites: packets, directory: renderDirectory(mesh) },
      "site-a": { published: publishedOf(mesh) },
    };
    const readerOf = (stacks: typeof said): StackReader => ({
      find: (stack) =>
        Promise.resolve(stacks[stack] === undefined ? { kind: "missing" } : { kind: "found", outputs: stacks[stack] }),
    });
    const parts = { file: "Pulumi.shared.yaml", shared: "shared", mesh, sites, reader: readerOf(said), today };

    it("finds nothing where nothing is wrong", async () => {
      expect(amiss(await all(stackChecks(parts)))).to.deep.equal([]);
    });

    it("finds sites in one place, files of no site, secrets in the clear, and settings that cannot be used", async () => {
      const bad = new Map([
        ["site-a", settings({ "dns-mesh:context": "one", "dns-mesh:replicas": "1", "dns-mesh:protect": "false" })],
        ["site-b", settings({ "dns-mesh:context": "one", "dns-mesh:replicas": "12" })],
        ["gone", settings({ "dns-mesh:context": "x", "dns-mesh:shared": "organization/dns-mesh/other" })],
        ["site-c", settings({ "dns-mesh:context": "c", "dns-mesh:readers": [{ name: "bind", secret: "c2VjcmV0" }] })],
      ]);
      const findings = await all(stackChecks({ ...parts, sites: bad }));
      expect(amiss(findings)).to.have.members([
        "same-place@Pulumi.shared.yaml: wrong",
        "strays@Pulumi.shared.yaml: hint",
        "site-settings@site-b: wrong",
        "site-settings@site-c: wrong",
        "shared-name@gone: wrong",
        "two-pods@site-a: hint",
        "protected@site-a: hint",
        "clear-secrets@site-c: wrong",
      ]);
      expect(JSON.stringify(findings)).not.to.include("c2VjcmV0");
    });

    it("compares places by their API servers, and does not know those that no kubeconfig here has", async () => {
      const served = async (servers: Readonly<Record<string, string>>) => {
        const files = new Map(
          [...sites.keys()].map((name) => [
            name,
            settings({ "dns-mesh:context": "default", "dns-mesh:kubeconfig": `${name}.yaml` }),
          ]),
        );
        const serverOf = ({ kubeconfig = "" }): string => {
          const server = servers[kubeconfig.replace(".yaml", "")];
          if (server === undefined) throw new UserError("there is no kubeconfig");
          return server;
        };
        return amiss(await all(stackChecks({ ...parts, sites: files, serverOf })));
      };
      const servers = { "site-a": "https://a", "site-b": "https://b", "site-c": "https://c" };
      expect(await served(servers)).to.deep.equal([]);
      expect(await served({ ...servers, "site-c": "https://a" })).to.deep.equal([
        "same-place@Pulumi.shared.yaml: wrong",
      ]);
      expect(await served({ "site-a": "https://a", "site-b": "https://b" })).to.deep.equal([
        "same-place@Pulumi.shared.yaml: unknown",
      ]);
    });

    it("finds secrets in the clear wherever they may stand, and says by which command each is covered", async () => {
      const open = async (site: object, shared: object = {}) => {
        const files = new Map([...sites, ["site-c", settings({ "dns-mesh:context": "c", ...site })]]);
        const checks = stackChecks({ ...parts, sites: files, sharedSettings: { ...shared } });
        return (await all(checks.filter(({ check }) => check === "clear-secrets"))).filter(
          ({ state }) => state !== "ok",
        );
      };
      const text = JSON.stringify([{ name: "bind", secret: "c2VjcmV0" }]);
      for (const site of [{ "dns-mesh:readers": text }, { "dns-mesh:madeKeys": { local: "c2VjcmV0" } }])
        expect((await open(site)).map(({ where, state }) => `${where}: ${state}`)).to.deep.equal(["site-c: wrong"]);
      const [ring] = await open({}, { "dns-mesh:recoveredRing": '{"keys":[]}' });
      expect(ring).to.deep.include({ where: "shared", state: "wrong" });
      expect(ring?.cure).to.include(
        "pulumi config get dns-mesh:recoveredRing -s shared | pulumi config set --secret dns-mesh:recoveredRing -s shared",
      );
      const covered = { secure: "v1:abc" };
      expect(await open({ "dns-mesh:madeKeys": covered }, { "dns-mesh:recoveredRing": covered })).to.deep.equal([]);
    });

    it("takes a secret that Pulumi covers for no fault", async () => {
      const covered = new Map([
        ...sites,
        ["site-c", settings({ "dns-mesh:context": "c", "dns-mesh:readers": { secure: "v1:abc" } })],
      ]);
      expect(amiss(await all(stackChecks({ ...parts, sites: covered })))).to.deep.equal([]);
    });

    it("finds what was not brought up, in the order in which it is missing", async () => {
      const of = async (stacks: typeof said, list = mesh) =>
        amiss(await all(stackChecks({ ...parts, mesh: list, reader: readerOf(stacks) })));
      expect(await of({})).to.deep.equal(["shared-up@shared: wrong", "published@site-a: wrong"]);
      expect(await of({ ...said, "site-a": { published: {} } })).to.deep.equal(["published@site-a: wrong"]);
      const [a, b, c] = exampleList.sites;
      const changed = parseMesh({ ...exampleList, sites: [a, b, { ...c, retired: "2026-11-01" }] });
      expect(await of(said, changed)).to.have.members([
        "list-up@Pulumi.shared.yaml: hint",
        "retired@Pulumi.shared.yaml: hint",
      ]);
    });

    it("says of what it cannot read that it could not look", async () => {
      const reader = { find: () => Promise.reject(new UserError("incorrect passphrase")) };
      const findings = await all(stackChecks({ ...parts, reader }));
      expect(amiss(findings)).to.deep.equal([
        "shared-up@shared: unknown",
        "list-up@Pulumi.shared.yaml: unknown",
        "published@site-a: unknown",
      ]);
      expect(needsCare(findings)).to.equal(true);
      expect(findingLines(findings).join("\n")).to.match(
        /unknown shared: could not be checked: incorrect passphrase\n +→ /,
      );
    });
  });

  describe("in a cluster", () => {
    const site = mesh.sites[0]!;
    const config = siteConfigOf("site-a", { "dns-mesh:shared": "x", "dns-mesh:context": "site-a" })!;
    const items = (...list: object[]) => ({ items: list });
    const sound: Record<string, unknown> = {
      "/version": { major: "1", minor: "34+" },
      "/apis/storage.k8s.io/v1/storageclasses": items({
        metadata: { name: "fast", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      }),
      "/api/v1/nodes": items({ spec: {} }, { spec: {} }),
      "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases": items({
        spec: { renewTime: "2026-11-29T11:59:55Z" },
      }),
      "/api/v1/namespaces/dns-system/services/knot": {
        spec: { type: "LoadBalancer", externalTrafficPolicy: "Local" },
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
      },
      "/apis/apps/v1/namespaces/dns-system/statefulsets/knot": { spec: { replicas: 2 }, status: { readyReplicas: 2 } },
      "/api/v1/namespaces/dns-system/pods": items({ metadata: { name: "knot-0" }, status: {} }),
      "/api/v1/namespaces/dns-system/persistentvolumeclaims": items({
        metadata: { name: "storage-knot-0" },
        status: { phase: "Bound" },
      }),
    };
    const look = async (changes: Record<string, unknown> = {}, reach = () => Promise.resolve()) => {
      const answers = { ...sound, ...changes };
      const client = { get: (path: string) => Promise.resolve(answers[path] as KubeObject | undefined) };
      return all(clusterChecks({ site, config, reach, client: () => Promise.resolve(client), now: () => now }));
    };

    it("finds nothing where nothing is wrong", async () => {
      expect(amiss(await look())).to.deep.equal([]);
    });

    for (const [what, path, answer, check] of [
      ["an old Kubernetes", "/version", { major: "1", minor: "30" }, "kubernetes@site-a: wrong"],
      ["a version that is not said", "/version", {}, "kubernetes@site-a: unknown"],
      [
        "no default StorageClass",
        "/apis/storage.k8s.io/v1/storageclasses",
        items({ metadata: { name: "fast" } }),
        "storage-class@site-a: wrong",
      ],
      ["a single node", "/api/v1/nodes", items({ spec: {} }, { spec: { unschedulable: true } }), "nodes@site-a: hint"],
      [
        "a clock that is behind",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
        items({ spec: { renewTime: "2026-11-29T11:50:00Z" } }),
        "clock@site-a: wrong",
      ],
      [
        "a single node's clock that is behind",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
        items({ spec: { renewTime: "2026-11-29T11:59:55Z" } }, { spec: { renewTime: "2026-11-29T11:50:00Z" } }),
        "clock@site-a: wrong",
      ],
      ["pods that are not there", "/api/v1/namespaces/dns-system/pods", items(), "waiting@site-a: hint"],
      [
        "volumes that are not there",
        "/api/v1/namespaces/dns-system/persistentvolumeclaims",
        items(),
        "claims@site-a: hint",
      ],
      [
        "no time at all",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
        items(),
        "clock@site-a: unknown",
      ],
      [
        "a balancer without an address",
        "/api/v1/namespaces/dns-system/services/knot",
        { spec: { type: "LoadBalancer", externalTrafficPolicy: "Local" } },
        "service@site-a: wrong",
      ],
      [
        "another address",
        "/api/v1/namespaces/dns-system/services/knot",
        {
          spec: { type: "LoadBalancer", externalTrafficPolicy: "Local" },
          status: { loadBalancer: { ingress: [{ ip: "192.0.2.77" }] } },
        },
        "service@site-a: wrong",
      ],
      [
        "a pod that is not ready",
        "/apis/apps/v1/namespaces/dns-system/statefulsets/knot",
        { spec: { replicas: 2 }, status: { readyReplicas: 1 } },
        "pods@site-a: wrong",
      ],
      [
        "an image that is not there",
        "/api/v1/namespaces/dns-system/pods",
        items({
          metadata: { name: "knot-1" },
          status: { containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff" } } }] },
        }),
        "waiting@site-a: wrong",
      ],
      [
        "a volume that waits",
        "/api/v1/namespaces/dns-system/persistentvolumeclaims",
        items({ metadata: { name: "storage-knot-1" }, status: { phase: "Pending" } }),
        "claims@site-a: wrong",
      ],
    ] as const) {
      it(`finds ${what}, with a cure`, async () => {
        const findings = await look({ [path]: answer });
        expect(amiss(findings)).to.deep.equal([check]);
        expect(findings.find(({ state }) => state !== "ok")?.cure).to.match(/\S/);
      });
    }

    it("does not take a Service that is not there for one that shows who asks", async () => {
      expect(amiss(await look({ "/api/v1/namespaces/dns-system/services/knot": undefined }))).to.deep.equal([
        "service@site-a: hint",
        "client-addresses@site-a: hint",
      ]);
    });

    it("compares the list with the load balancer of a site that has its address from there", async () => {
      const path = "/api/v1/namespaces/dns-system/services/knot";
      const service = (ingress: readonly object[]) => ({
        spec: { type: "LoadBalancer", externalTrafficPolicy: "Local" },
        status: { loadBalancer: { ingress } },
      });
      const found = async (given: unknown, changes: object = {}) => {
        const client = {
          get: (asked: string) => Promise.resolve((asked === path ? given : sound[asked]) as KubeObject),
        };
        const auto = { ...site, auto: true as const, ...changes };
        const [, , , , , verdict] = await all(
          clusterChecks({
            ...{ site: auto, config, reach: () => Promise.resolve(), client: () => Promise.resolve(client) },
            now: () => now,
          }),
        );
        return `${verdict?.check} ${verdict?.state}: ${verdict?.said} → ${verdict?.cure ?? ""}`;
      };
      expect(await found(service([{ ip: "192.0.2.1" }]))).to.match(/^service ok: /);
      expect(await found(service([{ ip: "192.0.2.77" }]))).to.match(
        /^service wrong: site-a is at 192\.0\.2\.77.*the list has 192\.0\.2\.1 → mesh up/,
      );
      expect(await found(service([]))).to.match(
        /^service wrong: .*addresses \(192\.0\.2\.1\) stay.*→ kubectl describe/,
      );
      expect(await found(service([{ hostname: "a.elb.example" }]))).to.match(/^service wrong: .*host name/);
      const waiting = { addresses: [] };
      expect(await found(undefined, waiting)).to.match(/^service hint: site-a waits for an address.*→ mesh up/);
      expect(await found(service([]), waiting)).to.match(/^service wrong: site-a waits/);
    });

    it("says of a cluster that is away that nothing of it could be checked", async () => {
      const findings = await look({}, () =>
        Promise.reject(new UserError("configured Kubernetes cluster is unreachable")),
      );
      expect(findings.every(({ state }) => state === "unknown")).to.equal(true);
    });
  });

  describe("between the sites", () => {
    const serials = { "192.0.2.1": 7, "198.51.100.2": 7, "203.0.113.3": 7 } as Record<string, number | undefined>;
    const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    const look = (answers = serials, closed: readonly string[] = [], reason: Error = refused) =>
      all(
        betweenChecks({
          mesh,
          dns: {
            querySoa: ({ address }) => {
              const serial = answers[address];
              return serial === undefined ? Promise.reject(new Error("timeout")) : Promise.resolve({ serial } as never);
            },
          },
          connect: (address, port) =>
            closed.includes(`${address}:${port}`) ? Promise.reject(reason) : Promise.resolve(),
        }),
      );

    it("takes silence on the port that a policy keeps for sites for no fault, and does not have it opened", async () => {
      const findings = await look(serials, ["198.51.100.2:853"], new Error("no connection within 3 s"));
      expect(amiss(findings)).to.deep.equal(["tcp-853@site-b (198.51.100.2): hint"]);
      expect(needsCare(findings)).to.equal(false);
      expect(findingLines(findings).join("\n"))
        .to.match(/NetworkPolicy/)
        .and.not.match(/open port 853/);
    });

    it("finds ports that are closed, sites that are silent and directories that lag", async () => {
      expect(amiss(await look())).to.deep.equal([]);
      expect(amiss(await look(serials, ["198.51.100.2:853", "203.0.113.3:53"]))).to.deep.equal([
        "tcp-853@site-b (198.51.100.2): wrong",
        "tcp-53@site-c (203.0.113.3): wrong",
      ]);
      expect(amiss(await look({ ...serials, "203.0.113.3": 6 }))).to.deep.equal(["directory@site-c: wrong"]);
      expect(amiss(await look({ ...serials, "203.0.113.3": undefined }))).to.deep.equal([
        "udp-53@site-c (203.0.113.3): wrong",
        "directory@site-c: unknown",
        "own-zone@site-c: wrong",
      ]);
    });
  });
});
