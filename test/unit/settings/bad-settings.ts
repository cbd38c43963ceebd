import { exampleList } from "../components/example-mesh";

const key = { name: "bind", algorithm: "hmac-sha256", secret: "A".repeat(24) };
const updater = { ...key, name: "external-dns", zones: ["standard-1.internal.dns"], updateOwner: "zone" };
const tenant = { namespaces: ["dns-system"] };
/** The least that a site's stack must be told. */
export const minimal = { shared: "organization/dns-mesh/shared", context: "cluster-a" };

const backups = {
  ...{ endpoint: "https://s3.example.com", bucket: "dns-backups" },
  ...{ accessKey: "access", secretKey: "secret", password: "password-of-the-repository" },
};
const vault = { address: "https://vault.example" };
/** Settings that are refused, and what is said to them. */
export const badSettings: readonly (readonly [what: string, values: Record<string, unknown>, message: RegExp])[] = [
  ["that are empty", {}, /"site-a" is not configured: set dns-mesh:mesh .* or dns-mesh:shared/],
  ["that are of both kinds", { ...minimal, mesh: exampleList }, /remove one of them/],
  ["without a context", { shared: minimal.shared }, /dns-mesh:context: is missing: name the kubeconfig context/],
  ["with an empty context", { ...minimal, context: "" }, /dns-mesh:context: must not be empty/],
  [
    "with an unknown service type",
    { ...minimal, service: { type: "ExternalName" } },
    /dns-mesh:service\.type: must be LoadBalancer, NodePort or ClusterIP/,
  ],
  [
    "with a Service of one family twice",
    { ...minimal, service: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv4"] } },
    /dns-mesh:service\.ipFamilies: has one family twice/,
  ],
  [
    "with a Service of an unknown family",
    { ...minimal, service: { ipFamilies: ["ipv6"] } },
    /dns-mesh:service\.ipFamilies\[0\]: must be IPv4 or IPv6/,
  ],
  [
    "with a Service of no family",
    { ...minimal, service: { ipFamilies: [] } },
    /dns-mesh:service\.ipFamilies: must have at least one family/,
  ],
  [
    "with an unknown policy of families",
    { ...minimal, service: { ipFamilyPolicy: "DualStack" } },
    /dns-mesh:service\.ipFamilyPolicy: must be SingleStack, PreferDualStack or RequireDualStack/,
  ],
  [
    "with two families and no policy for two",
    { ...minimal, listen: ["0.0.0.0", "::"], service: { ipFamilies: ["IPv4", "IPv6"] } },
    /ipFamilies has two families, and ipFamilyPolicy is not set; set it to PreferDualStack or RequireDualStack/,
  ],
  [
    "with a Service of two families and pods that listen on one",
    { ...minimal, service: { ipFamilyPolicy: "PreferDualStack" } },
    /sends to pods over IPv6, and dns-mesh:listen has no address of it: set dns-mesh:listen to \["0\.0\.0\.0", "::"\]/,
  ],
  [
    "with a Service of IPv6 and pods that listen on IPv4",
    { ...minimal, service: { ipFamilies: ["IPv6"] } },
    /sends to pods over IPv6, .* set dns-mesh:listen to \["::"\]/,
  ],
  [
    "with an external address of another family than the Service's",
    { ...minimal, listen: ["::"], service: { ipFamilies: ["IPv6"], externalIPs: ["2001:db8::1", "192.0.2.1"] } },
    /dns-mesh:service\.externalIPs\[1\] is 192\.0\.2\.1, and the Service is of IPv6 alone/,
  ],
  [
    "with a load balancer's address of another family than the Service's",
    { ...minimal, listen: ["::"], service: { ipFamilies: ["IPv6"], loadBalancerIP: "192.0.2.1" } },
    /dns-mesh:service\.loadBalancerIP is 192\.0\.2\.1, and the Service is of IPv6 alone/,
  ],
  [
    "with a resolver at an address of another family than its Service's",
    { ...minimal, service: { ipFamilies: ["IPv4"] }, resolver: { clusterIP: "fd00::53" } },
    /dns-mesh:resolver\.clusterIP is fd00::53, and the first of dns-mesh:service\.ipFamilies is IPv4/,
  ],
  ["with an unknown service setting", { ...minimal, service: { typ: "NodePort" } }, /dns-mesh:service: .*typ/],
  [
    "with a key that no stack made",
    { ...minimal, madeKeys: { local: "short" } },
    /dns-mesh:madeKeys\.local: must be 64 letters and digits/,
  ],
  [
    "with a switch for taking over that is none",
    { ...minimal, adopt: "maybe" },
    /dns-mesh:adopt: must be true or false/,
  ],
  ["with no replica", { ...minimal, replicas: "0" }, /dns-mesh:replicas: must be at least 1/],
  ["with replicas that are no number", { ...minimal, replicas: "two" }, /dns-mesh:replicas: /],
  [
    "with a client that is no network",
    { ...minimal, clients: ["10.0.0.1/33"] },
    /dns-mesh:clients\[0\]: must be a CIDR/,
  ],
  [
    "with a host name to listen on",
    { ...minimal, listen: ["localhost"] },
    /dns-mesh:listen\[0\]: must be an IP address/,
  ],
  [
    "with a resolver that asks a name",
    { ...minimal, resolver: { upstreams: ["resolver.example"] } },
    /dns-mesh:resolver\.upstreams\[0\]: must be an IP address/,
  ],
  [
    "with a resolver of no pod",
    { ...minimal, resolver: { replicas: 0 } },
    /dns-mesh:resolver\.replicas: must be at least 1/,
  ],
  [
    "with a resolver whose Secret has a name that is none",
    { ...minimal, resolver: { tlsSecret: "Resolver TLS" } },
    /dns-mesh:resolver\.tlsSecret: must be the name of a Secret/,
  ],
  [
    "with a resolver where sites are asked on another port",
    { ...minimal, resolver: {}, remotePort: "5300" },
    /dns-mesh:resolver asks sites on port 53 alone, and dns-mesh:remotePort is 5300/,
  ],
  ["with a list that is a text", { ...minimal, clients: "10.0.0.0/8" }, /dns-mesh:clients must be a list or an object/],
  [
    "with metrics of zones of another kind",
    { ...minimal, metrics: { zones: "every" } },
    /dns-mesh:metrics\.zones: must be off, own or all/,
  ],
  [
    "with metrics of no zone at all",
    { ...minimal, metrics: { most: 0 } },
    /dns-mesh:metrics\.most: must be at least 1/,
  ],
  [
    "with scrapers of every namespace",
    { ...minimal, monitoring: { namespaceSelector: {} } },
    /dns-mesh:monitoring\.namespaceSelector: must name at least one label/,
  ],
  [
    "with probes and no Prometheus operator",
    { ...minimal, monitoring: { namespaceSelector: { a: "b" }, scrape: "annotations", probes: { prober: "b:9115" } } },
    /dns-mesh:monitoring\.probes: needs scrape: operator/,
  ],
  [
    "with a prober that has no port",
    { ...minimal, monitoring: { namespaceSelector: { a: "b" }, scrape: "operator", probes: { prober: "blackbox" } } },
    /dns-mesh:monitoring\.probes\.prober: must be host:port/,
  ],
  [
    "with probes for what is no zone",
    {
      ...minimal,
      monitoring: {
        ...{ namespaceSelector: { a: "b" }, scrape: "operator" },
        probes: { prober: "b:9115", zones: ["example.org", "no zone"] },
      },
    },
    /dns-mesh:monitoring\.probes\.zones\[1\]: must be a zone name/,
  ],
  [
    "with scraping by a word that is none",
    { ...minimal, monitoring: { namespaceSelector: { a: "b" }, scrape: "yes" } },
    /dns-mesh:monitoring\.scrape: must be operator or annotations/,
  ],
  [
    "with runbooks at no URL",
    { ...minimal, monitoring: { namespaceSelector: { a: "b" }, runbooks: "docs/runbooks" } },
    /dns-mesh:monitoring\.runbooks: must be an http or https URL/,
  ],
  [
    "with backups to a URL that has a path",
    { ...minimal, backups: { ...backups, endpoint: "https://s3.example.com/bucket" } },
    /dns-mesh:backups\.endpoint: must be an http or https URL without a path/,
  ],
  [
    "with backups and a short password",
    { ...minimal, backups: { ...backups, password: "short" } },
    /dns-mesh:backups\.password: must have at least 16 characters/,
  ],
  [
    "with backups and a root that is no certificate",
    { ...minimal, backups: { ...backups, caCert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" } },
    /dns-mesh:backups\.caCert: must be certificates in PEM, and nothing else/,
  ],
  [
    "with backups that keep nothing",
    { ...minimal, backups: { ...backups, retention: {} } },
    /dns-mesh:backups\.retention: must keep something/,
  ],
  [
    "with backups without a bucket",
    { ...minimal, backups: { ...backups, bucket: undefined } },
    /dns-mesh:backups\.bucket: /,
  ],
  [
    "with an API server that is no network",
    { ...minimal, apiServer: ["kubernetes.default"] },
    /dns-mesh:apiServer\[0\]: must be a CIDR/,
  ],
  [
    "with a Vault that answers from no network",
    { ...minimal, vault: { egress: [] } },
    /dns-mesh:vault\.egress: must have at least one network/,
  ],
  ["with a rate limit of nothing", { ...minimal, rateLimit: { perSecond: 0 } }, /dns-mesh:rateLimit.*at least 1/],
  [
    "with a rate limit that is true",
    { ...minimal, rateLimit: true },
    /dns-mesh:rateLimit: must be false, or an object/,
  ],
  [
    "with a burst that Knot does not take",
    { ...minimal, rateLimit: { perSecond: 5000, burst: 4 } },
    /dns-mesh:rateLimit.burst: must be at least a thousandth/,
  ],
  [
    "with an exempt address",
    { ...minimal, rateLimit: { exempt: ["10.0.0.1"] } },
    /dns-mesh:rateLimit.*(CIDR|networks)/,
  ],
  ["with a namespace that is no label", { ...minimal, namespace: "DNS" }, /dns-mesh:namespace: must be a DNS label/],
  [
    "with a reader's key that is named like one of the mesh",
    { ...minimal, readers: [{ name: "mesh-1", algorithm: "hmac-sha256", secret: "A".repeat(24) }] },
    /dns-mesh:readers\[0\]\.name: is a name that the mesh gives its own keys; choose another/,
  ],
  [
    "with a reader's key that is too short",
    { ...minimal, readers: [{ name: "bind", algorithm: "hmac-sha256", secret: "AAAA" }] },
    /dns-mesh:readers\[0\]\.secret: must be base64 of at least 16 octets/,
  ],
  [
    "with a reader that is told at what is no address",
    { ...minimal, readers: [{ ...key, notify: ["192.0.2.53", "bind.example"] }] },
    /dns-mesh:readers\[0\]\.notify\[1\]: .*address/,
  ],
  [
    "with a reader that is told at no port",
    { ...minimal, readers: [{ ...key, notify: ["192.0.2.53@dns"] }] },
    /dns-mesh:readers\[0\]\.notify\[0\]: has an invalid port; write an address/,
  ],
  [
    "with a reader over TLS from what is no network",
    { ...minimal, readers: [{ ...key, tls: ["192.0.2.53"] }] },
    /dns-mesh:readers\[0\]\.tls\[0\]: must be a CIDR/,
  ],
  [
    "with a reader over TLS from nowhere",
    { ...minimal, readers: [{ ...key, tls: [] }] },
    /dns-mesh:readers\[0\]\.tls: must have at least one network/,
  ],
  [
    "with a reader of no zone",
    { ...minimal, readers: [{ ...key, zones: [] }] },
    /dns-mesh:readers\[0\]\.zones: must have at least one zone; leave it out for every zone/,
  ],
  [
    "with an updater that may change nothing in particular",
    { ...minimal, updaters: [{ ...updater, updateOwner: undefined }] },
    /dns-mesh:updaters\[0\]\.updateOwner: must be name \(with updateOwnerName\), key .* or zone/,
  ],
  [
    "with an updater of names that are not named",
    { ...minimal, updaters: [{ ...updater, updateOwner: "name" }] },
    /dns-mesh:updaters\[0\]\.updateOwnerName: is missing: name what may be changed/,
  ],
  [
    "with an updater of the key's name elsewhere",
    { ...minimal, updaters: [{ ...updater, updateOwner: "key" }] },
    /dns-mesh:updaters\[0\]\.updateOwner: is key, and the key's name .* is in none of its zones/,
  ],
  [
    "with an updater of names outside its zones",
    { ...minimal, updaters: [{ ...updater, updateOwner: "name", updateOwnerName: ["www.elsewhere.test."] }] },
    /dns-mesh:updaters\[0\]\.updateOwnerName: has www.elsewhere.test., which is in none of its zones/,
  ],
  [
    "with an updater of a name that is none",
    { ...minimal, updaters: [{ ...updater, updateOwner: "name", updateOwnerName: ["no name"] }] },
    /dns-mesh:updaters\[0\]\.updateOwnerName\[0\]: must be a name in lower case within the zone/,
  ],
  [
    "with an updater of a type that nobody changes",
    { ...minimal, updaters: [{ ...updater, updateType: ["SOA"] }] },
    /dns-mesh:updaters\[0\]\.updateType\[0\]: must be one of A, AAAA/,
  ],
  [
    "with an updater whose key is the operator's",
    { ...minimal, updaters: [{ ...updater, name: "records" }] },
    /dns-mesh:updaters\[0\]\.name: is a name that the mesh gives its own keys/,
  ],
  [
    "with an updater whose key is a reader's",
    { ...minimal, readers: [key], updaters: [{ ...updater, name: key.name }] },
    /dns-mesh:updaters\[0\]\.name is a reader's too/,
  ],
  [
    "with a tenant of no namespace",
    { ...minimal, records: { tenants: [{ namespaces: [] }] } },
    /dns-mesh:records\.tenants\[0\]\.namespaces: must have at least one namespace/,
  ],
  [
    "with a tenant whose namespace is not served",
    { ...minimal, records: { namespaces: ["shop"], tenants: [{ namespaces: ["shop", "shopp"] }] } },
    /dns-mesh:records\.tenants\[0\]\.namespaces\[1\]: "shopp" is not served; put it into records\.namespaces/,
  ],
  [
    "with a namespace that two tenants name",
    { ...minimal, records: { namespaces: ["*"], tenants: [{ namespaces: ["a"] }, { namespaces: ["b", "a"] }] } },
    /dns-mesh:records\.tenants: has namespace a twice; put what it may have into one entry/,
  ],
  [
    "with a tenant's rule for no zone",
    { ...minimal, records: { tenants: [{ ...tenant, allow: [{ zones: [] }] }] } },
    /dns-mesh:records\.tenants\[0\]\.allow\[0\]\.zones: must have at least one zone; \* for every zone of the site/,
  ],
  [
    "with a tenant's subtree that is not a whole name",
    { ...minimal, records: { tenants: [{ ...tenant, allow: [{ zones: ["example.org"], subtrees: ["shop"] }] }] } },
    /allow\[0\]\.subtrees\[0\]: "shop" is in none of its zones; write the whole name, such as shop\.example\.org/,
  ],
  [
    "with a tenant's type that no DnsRecord has",
    { ...minimal, records: { tenants: [{ ...tenant, allow: [{ zones: ["*"], types: ["DNAME"] }] }] } },
    /allow\[0\]\.types\[0\]: must be one of A, AAAA/,
  ],
  [
    "with a tenant's number that is none",
    { ...minimal, records: { tenants: [{ ...tenant, most: 0 }] } },
    /dns-mesh:records\.tenants\[0\]\.most: must be at least 1/,
  ],
  [
    "with a tenant's number of targets that is none",
    { ...minimal, records: { tenants: [{ ...tenant, mostTargets: 1.5 }] } },
    /dns-mesh:records\.tenants\[0\]\.mostTargets: must be a whole number/,
  ],
  [
    "with a quota that counts nothing",
    { ...minimal, records: { tenants: [{ ...tenant }], resourceQuotas: true } },
    /dns-mesh:records\.resourceQuotas: counts nothing: no entry of tenants has most or mostTargets/,
  ],
  [
    "with a quota of namespaces without names",
    { ...minimal, records: { namespaces: ["*"], tenants: [{ namespaces: ["*"], most: 3 }], resourceQuotas: true } },
    /dns-mesh:records\.resourceQuotas: is for namespaces that are known by name/,
  ],
  [
    "with sources for no zone",
    { ...minimal, records: { sources: { zones: [] } } },
    /dns-mesh:records\.sources\.zones: must have at least one zone/,
  ],
  [
    "with sources of a kind that is none",
    { ...minimal, records: { sources: { zones: ["example.org"], kinds: ["Pod"] } } },
    /dns-mesh:records\.sources\.kinds\[0\]: must be one of Service, Ingress, HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute, DNSEndpoint/,
  ],
  [
    "with Gateways, and no routes that lead to them",
    { ...minimal, records: { sources: { zones: ["example.org"], gatewayNamespaces: ["infra"] } } },
    /dns-mesh:records\.sources\.gatewayNamespaces: is for routes, and kinds has none; add the kind, such as HTTPRoute/,
  ],
  [
    "with a tenant's field that there is not",
    { ...minimal, records: { tenants: [{ ...tenant, zones: ["example.org"] }] } },
    /dns-mesh:records\.tenants\[0\]: .*zones/,
  ],
  [
    "with ports to probe and no network",
    { ...minimal, records: { probes: ["443"] } },
    /dns-mesh:records\.probes\[0\]: must have the form NETWORK@PORT/,
  ],
  [
    "with probes of a port that is none",
    { ...minimal, records: { probes: ["10.0.0.0/8@443", "10.0.0.0/8@no"] } },
    /dns-mesh:records\.probes\[1\]: must have the form NETWORK@PORT/,
  ],
  [
    "with no probes at all a second",
    { ...minimal, records: { probesPerSecond: 0 } },
    /dns-mesh:records\.probesPerSecond: must be at least 1/,
  ],
  [
    "with a Vault that is no URL",
    { mesh: exampleList, vault: { address: "vault:8200" } },
    /dns-mesh:vault\.address: must be an http or https URL/,
  ],
  [
    "with a mount that is no path",
    { mesh: exampleList, vault: { ...vault, mount: "/dns mesh/" } },
    /dns-mesh:vault\.mount: must be letters, digits, - and _/,
  ],
  [
    "with a private key among Vault's authorities",
    { mesh: exampleList, vault: { ...vault, caCert: "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----" } },
    /dns-mesh:vault\.caCert: holds a private key: write certificates only/,
  ],
  [
    "with certificates of Vault and no Vault",
    { mesh: exampleList, certificates: "vault" },
    /dns-mesh:certificates: is vault, but there is no Vault: set dns-mesh:vault, or choose/,
  ],
  [
    "with certificates of somebody unknown",
    { mesh: exampleList, certificates: "acme" },
    /dns-mesh:certificates: must be vault, cert-manager or pulumi/,
  ],
  [
    "with times of a rotation and no Vault",
    { mesh: exampleList, rotation: { every: "30d" } },
    /dns-mesh:rotation: needs dns-mesh:vault; without Vault, keys rotate by dns-mesh:keys generation/,
  ],
  [
    "with a time that is none",
    { mesh: exampleList, vault, rotation: { every: "a month" } },
    /dns-mesh:rotation\.every: must be a number with s, m, h or d, such as "30d"/,
  ],
  [
    "with rotations that would overtake each other",
    { mesh: exampleList, vault, rotation: { every: "2d" } },
    /dns-mesh:rotation\.every: must be longer than patience and overlap together/,
  ],
  [
    "with a root that signs before it exists",
    { mesh: exampleList, ca: { generation: 2, signing: 3 } },
    /dns-mesh:ca\.signing: must not be above generation/,
  ],
  [
    "with a root that signs and is not trusted",
    { mesh: exampleList, ca: { generation: 2, signing: 1, oldest: 2 } },
    /dns-mesh:ca\.oldest: must not be above signing/,
  ],
  [
    "with a generation of keys that is none",
    { mesh: exampleList, keys: { generation: 0 } },
    /dns-mesh:keys\.generation: must be at least 1/,
  ],
  [
    "with a schedule that is none",
    { ...minimal, rotatorSchedule: "hourly" },
    /dns-mesh:rotatorSchedule: must be a schedule/,
  ],
  [
    "with a schedule of four fields",
    { ...minimal, reconcilerSchedule: "*/5 * * *" },
    /dns-mesh:reconcilerSchedule: must be a schedule/,
  ],
  [
    "with a list of sites without a primary",
    { mesh: { ...exampleList, sites: exampleList.sites.slice(1) } },
    /primary/,
  ],
];
