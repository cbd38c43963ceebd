import { addressedOutside, inVault } from "./bases";
import { type Edit, type SettingChange, site, within } from "./change";

const key = { algorithm: "hmac-sha256", secret: Buffer.alloc(32, 1).toString("base64") };

const storage = {
  endpoint: "http://192.0.2.99:9000",
  bucket: "dns-backups",
  accessKey: "access",
  secretKey: "secret-key-of-the-storage",
  password: "password-of-the-repository",
  schedule: "0 0 29 2 *",
  drillSchedule: "0 0 29 2 *",
};

const memory = (container: string): Edit =>
  within("resources", { [container]: { requests: { cpu: "20m", memory: "96Mi" }, limits: { memory: "500Mi" } } });

const runOn = { knot: "run on", operator: "run on" } as const;

/** Each setting of a site's stack that can be changed. */
export const siteChanges: readonly SettingChange[] = [
  {
    name: "kubeconfig",
    to: site(({ otherKubeconfig }) => ({ kubeconfig: otherKubeconfig })),
    ...runOn,
    note: "of the same cluster",
  },
  {
    name: "context",
    to: site(({ otherContext }) => ({ context: otherContext })),
    ...runOn,
    note: "of the same cluster",
  },
  { name: "drainSeconds", to: site({ drainSeconds: "6" }), knot: "restart", operator: "run on" },
  {
    name: "replicas",
    to: site({ replicas: "3" }),
    alone: true,
    knot: "run on",
    operator: "run on",
    note: "pods come and go at the end of the row; volumes stay",
  },
  { name: "readers", covers: ["readers.*"], to: site({ readers: [{ name: "bind", ...key }] }), ...runOn },
  {
    name: "updaters",
    covers: ["updaters.*"],
    to: site(({ zone }) => ({ updaters: [{ name: "external-dns", ...key, zones: [zone], updateOwner: "zone" }] })),
    ...runOn,
  },
  {
    name: "records",
    covers: ["records.namespaces", "records.probes", "records.probesPerSecond"],
    to: site({ records: { namespaces: ["default"] } }),
    knot: "run on",
    operator: "restart",
  },
  {
    name: "records.tenants",
    covers: ["records.tenants.*", "records.admissionPolicy", "records.resourceQuotas"],
    to: site({
      records: {
        resourceQuotas: true,
        tenants: [
          {
            namespaces: ["dns-system"],
            allow: [{ zones: ["*"], types: ["A", "AAAA", "TXT"] }],
            most: 1000,
            mostTargets: 100,
          },
        ],
      },
    }),
    ...runOn,
    note: "the operator takes it over within seconds",
  },
  {
    name: "records.sources",
    covers: ["records.sources.*"],
    to: site(({ zone }) => ({ records: { sources: { zones: [zone], labels: {}, ttl: 60 } } })),
    ...runOn,
    note: "the operator takes it over within seconds",
  },
  { name: "records: false", covers: ["records"], to: site({ records: false }), knot: "run on", operator: "go" },
  {
    name: "service.type",
    basis: addressedOutside,
    to: within("service", { type: "ClusterIP" }),
    alone: true,
    ...runOn,
    note: "another type may be another way to the site; here its address is among `externalIPs`",
  },
  {
    name: "service.annotations",
    to: within("service", { annotations: { "example.com/pool": "dns" } }),
    ...runOn,
  },
  { name: "service.externalIPs", to: addressedOutside.into, ...runOn },
  {
    name: "service.loadBalancerIP",
    to: within("service", ({ addresses: [address] }) => ({ loadBalancerIP: address })),
    alone: true,
    ...runOn,
    note: "the address that it has; another one is another way to the site",
  },
  {
    name: "service.externalTrafficPolicy",
    to: within("service", { externalTrafficPolicy: "Cluster" }),
    ...runOn,
  },
  {
    name: "service.ipFamilyPolicy",
    to: within("service", { ipFamilyPolicy: "SingleStack" }),
    ...runOn,
    note: "to two families; back by `SingleStack` with the first one",
  },
  {
    name: "service.ipFamilies",
    to: within("service", { ipFamilies: ["IPv4"] }),
    ...runOn,
    note: "a second one comes and goes; another first one is refused",
  },
  { name: "service.split", to: within("service", { split: true }), alone: true, ...runOn },
  { name: "service.verifyAddress", to: within("service", { verifyAddress: false }), ...runOn },
  { name: "clients", to: site(({ network }) => ({ clients: [network, "127.0.0.0/8"] })), ...runOn },
  {
    name: "images.knot",
    to: within("images", ({ otherImages: { knot } }) => ({ knot })),
    knot: "restart",
    operator: "run on",
  },
  {
    name: "images.node",
    to: within("images", ({ otherImages: { node } }) => ({ node })),
    knot: "restart",
    operator: "restart",
  },
  {
    name: "images.restic",
    to: within("images", { restic: "localhost/dns-mesh/restic:other" }),
    ...runOn,
    note: "with backups, from the next run of its jobs",
  },
  {
    name: "images.resolver",
    to: within("images", { resolver: "localhost/dns-mesh/resolver:other" }),
    ...runOn,
    note: "with a resolver, its pods restart",
  },
  { name: "imagePullPolicy", to: site({ imagePullPolicy: "Never" }), knot: "restart", operator: "restart" },
  { name: "resources.knot", covers: ["resources.knot.*"], to: memory("knot"), knot: "restart", operator: "run on" },
  { name: "resources.agent", covers: ["resources.agent.*"], to: memory("agent"), knot: "restart", operator: "run on" },
  {
    name: "resources.reconciler",
    covers: ["resources.reconciler.*"],
    to: memory("reconciler"),
    ...runOn,
    note: "from the next run of its job",
  },
  {
    name: "resources.rotator",
    covers: ["resources.rotator.*"],
    basis: inVault,
    to: memory("rotator"),
    ...runOn,
    note: "from the next run of its job",
  },
  {
    name: "resources.operator",
    covers: ["resources.operator.*"],
    to: memory("operator"),
    knot: "run on",
    operator: "restart",
  },
  {
    name: "resources.backup",
    covers: ["resources.backup.*"],
    to: memory("backup"),
    ...runOn,
    note: "with backups, from the next run of its jobs",
  },
  {
    name: "resources.resolver",
    covers: ["resources.resolver.*"],
    to: memory("resolver"),
    ...runOn,
    note: "with a resolver, its pods restart",
  },
  {
    name: "storageSize",
    to: site({ storageSize: "2Gi" }),
    ...runOn,
    oneWay: /storageSize/,
    note: "grows; a smaller one is refused",
  },
  {
    name: "listen",
    to: site({ listen: ["0.0.0.0", "::"] }),
    knot: "restart",
    operator: "restart",
    note: "Knot opens sockets only when it starts",
  },
  {
    name: "rateLimit",
    covers: ["rateLimit.*"],
    to: site(({ network }) => ({ rateLimit: { perSecond: 1000, burst: 2000, exempt: [network] } })),
    ...runOn,
    note: "Knot reloads",
  },
  {
    name: "zoneGuard",
    covers: ["zoneGuard.*"],
    to: site({ zoneGuard: { names: 50, percent: 50 } }),
    knot: "restart",
    operator: "run on",
    note: "from off to on and back; other limits go live",
  },
  {
    name: "remotePort",
    to: site({ remotePort: "5300" }),
    knot: "run on",
    operator: "run on",
    note: "Knot reloads",
  },
  { name: "securePort", to: site({ securePort: "8530" }), ...runOn, note: "Knot reloads" },
  { name: "protect", to: site({ protect: "true" }), ...runOn },
  { name: "rotatorSchedule", basis: inVault, to: site({ rotatorSchedule: "*/7 * * * *" }), ...runOn },
  { name: "reconcilerSchedule", to: site({ reconcilerSchedule: "*/7 * * * *" }), ...runOn },
  { name: "apiServer", to: site(({ network }) => ({ apiServer: [network, "10.96.0.0/12"] })), ...runOn },
  {
    name: "backups",
    covers: ["backups.*"],
    to: site({ backups: { ...storage, awaitRestore: true } }),
    ...runOn,
    note: "taken back, it leaves what is stored",
  },
  {
    name: "resolver",
    covers: ["resolver.*"],
    to: site({ resolver: { replicas: 1, upstreams: ["192.0.2.53"] } }),
    // With it `remotePort` cannot be another than 53.
    alone: true,
    ...runOn,
    note: "its own pods come, restart and go",
  },
  {
    name: "metrics",
    covers: ["metrics.*"],
    to: site({ metrics: { zones: "all", most: 500 } }),
    ...runOn,
  },
  {
    name: "monitoring",
    covers: ["monitoring.*"],
    to: site({ monitoring: { namespaceSelector: { team: "dns" }, scrape: "annotations", dashboard: true } }),
    ...runOn,
  },
  {
    name: "vault.address",
    basis: inVault,
    to: within("vault", ({ vaultAddress }) => ({
      address: "http://vault.invalid:8200",
      engineAddress: vaultAddress,
    })),
    knot: "restart",
    operator: "run on",
    note: "from a name to an address or back: pods look names up elsewhere",
  },
  {
    name: "vault.engineAddress",
    basis: inVault,
    to: within("vault", ({ vaultAddress }) => ({ engineAddress: `${vaultAddress}/` })),
    ...runOn,
  },
  {
    name: "vault.egress",
    basis: inVault,
    to: within("vault", ({ network }) => ({ egress: [network] })),
    ...runOn,
  },
];
