/** Which tests run the blocks of a section, or why none can. */
export type Claim = { readonly tests: readonly string[]; readonly reason?: string };

const readme = "test/cluster/readme.test.ts";
/** What that test and the one of the guides begin with. */
const ownMesh = "test/cluster/own-mesh.ts";
const guides = "test/cluster/guides.test.ts";
const backups = "test/cluster/vault-site.test.ts";
const meshCommand = "test/lab/pulumi/mesh-command.test.ts";
const bringingUp = "test/lab/pulumi/bringing-up.test.ts";
const policyPack = "test/lab/pulumi/policy-pack.test.ts";
const health = "test/lab/ci/health.test.ts";
const ipFamilies = "test/unit/components/site/ip-families.test.ts";
const bothFamilies = "test/cluster/clients/ip-families.test.ts";
const clients = "test/cluster/clients/resolver.test.ts";
const links = "test/lab/lab/links.test.ts";
const tenMinutes = "docs/guides/ten-minutes.md";
const update = "docs/guides/dns-update.md";
const dnssec = "docs/guides/dnssec.md";
const externalDns = "docs/guides/external-dns.md";

const monitoring: Claim = { tests: ["test/lab/monitoring/guide.test.ts"] };

const outsidePrimary: Claim = {
  tests: ["test/lab/interop/outside-primary.test.ts"],
  reason: "for `pulumi up`, the lab mounts what the stacks would, and what `pulumi config set` sets is read as a stack does; for `dig`, Knot's own",
};

const followed: Claim = {
  tests: ["test/lab/agent/runbooks.test.ts"],
  reason: "the lab has Knot's control socket and its log beside it, and no `kubectl` before them; `dig` is another client's",
};

/**
 * Which tests run the blocks of which section of README, guides and runbooks, to the letter but for what the text says to replace, and
 * with `reason` what of them is not run. A unit test fails for a section that is missing here, for a line that leads nowhere, and for a
 * test that does not name the section it is said to run.
 */
export const claims: Readonly<Record<string, Claim>> = {
  "README.md#dns-mesh": { tests: ["test/lab/lab/guide.test.ts"] },
  "README.md#a-mesh-of-your-own": { tests: [ownMesh] },
  "docs/records.md#five-minutes": { tests: ["test/cluster/records/guide.test.ts"] },
  "docs/records.md#from-zone-files-and-back": { tests: ["test/cluster/records/guide.test.ts"] },
  "docs/sources.md#five-minutes": {
    tests: ["test/cluster/records/guide.test.ts"],
    reason: "the settings are mounted as `pulumi up` would, and statuses written as a load balancer does",
  },
  "docs/sources.md#routes-and-dnsendpoints": {
    tests: ["test/cluster/records/guide.test.ts"],
    reason: "the settings are mounted as `pulumi up` would, and statuses written as a gateway's controller does",
  },
  "docs/sources.md#answers-by-health": {
    tests: ["test/cluster/records/guide.test.ts"],
    reason: "the status is written as a load balancer does; its targets answer plain HTTP",
  },
  "docs/tenants.md#five-minutes": {
    tests: ["test/cluster/records/guide.test.ts"],
    reason: "the settings are mounted, and the policy applied, as `pulumi up` would",
  },
  "docs/pools.md#five-minutes": {
    tests: ["test/cluster/records/pools.ts"],
    reason: "the settings are those that the mesh of the test has; its targets answer plain HTTP",
  },
  "docs/clients.md#a-resolver-in-the-cluster": { tests: ["test/unit/components/site/resolver.test.ts", clients] },
  "docs/clients.md#the-clusters-own-dns-asks-it": { tests: [clients] },
  "docs/clients.md#nodelocal-dnscache": { tests: [clients] },
  "docs/guides/ip-families.md#a-site-of-both-families": { tests: [ipFamilies, bothFamilies] },
  "docs/guides/ip-families.md#a-site-of-ipv6-alone": { tests: [ipFamilies, bothFamilies] },
  "docs/records.md#what-a-zone-begins-with": { tests: ["test/lab/records/initial-records.test.ts"] },
  "docs/guides/backups.md#turning-it-on": {
    tests: [backups],
    reason: "its `pulumi` commands set what the test sets by Pulumi's Automation API",
  },
  "docs/guides/backups.md#a-history-that-the-site-cannot-delete": { tests: ["test/lab/agent/backups.test.ts"] },
  "docs/guides/backups.md#putting-zones-back-as-they-were": { tests: [backups] },
  "docs/guides/changing-records.md#changing-records-of-a-sites-own-zone": { tests: [readme] },
  [`${update}#nsupdate-and-knsupdate`]: { tests: [guides, "test/lab/records/update-guide.test.ts"] },
  [`${update}#cert-manager`]: { tests: [guides, "test/cluster/records/cert-manager.test.ts"] },
  [`${dnssec}#signed-zones-dnssec`]: { tests: [guides] },
  [`${dnssec}#turning-it-on`]: { tests: [guides] },
  [`${dnssec}#backup`]: { tests: [guides] },
  [`${externalDns}#1-a-key-in-the-stack-of-the-site-that-owns-the-zone`]: {
    tests: [guides, "test/cluster/records/external-dns.test.ts"],
  },
  [`${externalDns}#2-external-dns`]: { tests: ["test/cluster/records/external-dns.test.ts"] },
  [`${externalDns}#3-a-service-and-an-ingress`]: { tests: ["test/cluster/records/external-dns.test.ts"] },
  "docs/guides/keys.md#with-vault-it-rotates-by-itself": { tests: ["test/lab/vault/key-guides.test.ts"] },
  "docs/guides/keys.md#without-vault-by-generation": { tests: [guides] },
  "docs/guides/lab.md#the-lab-a-mesh-on-your-machine": { tests: ["test/lab/lab/guide.test.ts"] },
  "docs/name-servers.md#in-the-lab": { tests: ["test/lab/lab/guide.test.ts"] },
  "docs/guides/lab.md#try-this": { tests: ["test/lab/lab/guide.test.ts"] },
  "docs/guides/lab.md#from-a-script": { tests: ["test/lab/lab/guide.test.ts"] },
  [`${tenMinutes}#a-mesh-of-four-sites`]: {
    tests: [links],
    reason: "`npm install` is the README's, and the lab is started without npm; test/lab/lab/guide.test.ts starts one as a reader does",
  },
  [`${tenMinutes}#a-record-at-every-site`]: { tests: [links] },
  [`${tenMinutes}#a-link-breaks`]: { tests: [links] },
  [`${tenMinutes}#and-back`]: { tests: [links] },
  [`${tenMinutes}#a-change-as-a-reviewer-sees-it`]: { tests: [meshCommand] },
  "docs/guides/a-new-mesh.md#a-new-mesh": { tests: [meshCommand, bringingUp] },
  "docs/guides/sites-and-zones.md#sites-and-zones-editing-the-list": { tests: [bringingUp] },
  "docs/guides/previewing.md#what-a-change-does-mesh-preview": { tests: [bringingUp] },
  "docs/guides/load-balancer-addresses.md#addresses-from-load-balancers-addresses-auto": {
    tests: ["test/lab/pulumi/load-balancer-addresses.test.ts"],
  },
  "docs/guides/pull-requests.md#github": { tests: ["test/unit/examples/ci.test.ts"] },
  "docs/guides/pull-requests.md#the-policy-pack": {
    tests: [policyPack],
    reason: "the file that it writes is taken by the engine; `mesh preview` hands it on",
  },
  "docs/guides/gitops.md#argo-cd": { tests: [health] },
  "docs/guides/gitops.md#flux": { tests: [health] },
  "docs/guides/gitops.md#stacks-by-pulumis-kubernetes-operator": { tests: [health] },
  "docs/guides/bringing-up.md#bringing-all-of-it-up-mesh-up": { tests: [bringingUp] },
  "docs/guides/dashboard.md#the-mesh-as-a-page-mesh-dashboard": {
    tests: ["test/lab/cli/reading.test.ts"],
    reason: "it runs until Ctrl-C: the test starts it as it stands there, before a lab and at a free port, and ends it",
  },
  "docs/guides/doctor.md#what-is-wrong-mesh-doctor": { tests: [bringingUp] },
  "docs/guides/mesh-command.md#installing": {
    tests: ["test/lab/cli/install.test.ts"],
    reason: "the packages of Pulumi's program, which come from a registry, are left out of what the test installs",
  },
  "docs/guides/monitoring.md#with-the-prometheus-operator": monitoring,
  "docs/guides/monitoring.md#a-prometheus-of-your-own": monitoring,
  "docs/guides/monitoring.md#from-outside": monitoring,
  "docs/guides/onboarding-a-site.md#onboarding-a-site": { tests: [ownMesh] },
  "docs/guides/onboarding-a-site.md#removing-a-site": { tests: [guides] },
  "docs/guides/zones-from-outside.md#taking-a-zone-in": outsidePrimary,
  "docs/guides/zones-from-outside.md#another-owner-in-the-mesh": outsidePrimary,
  "docs/guides/zones-from-outside.md#cutting-over": outsidePrimary,
  "docs/guides/zones-from-outside.md#and-back": outsidePrimary,
  "docs/guides/other-servers.md#bind-and-nsd-beside-the-mesh": { tests: [guides] },
  "docs/guides/hidden-primary.md#setting-it-up": {
    tests: ["test/lab/interop/other-servers.test.ts"],
    reason: "for `pulumi up`, the lab mounts what the stacks would, and what `pulumi config set` sets is read as a stack does; for `dig`, Knot's own",
  },
  "docs/guides/other-servers.md#transfers-over-tls": {
    tests: ["test/lab/interop/other-servers.test.ts"],
    reason: "for `pulumi up`, the lab mounts what the stack would, and what `pulumi config set` sets is read as a stack does",
  },
  "docs/guides/pull-requests.md#what-a-pipeline-runs": { tests: ["test/cluster/pipelines.test.ts"] },
  "docs/guides/pull-requests.md#what-drifted": { tests: ["test/cluster/pipelines.test.ts"] },
  "docs/guides/retiring-a-zone.md#retiring-a-zone": { tests: [guides] },
  "docs/guides/vault.md#vault": { tests: ["test/cluster/vault-site.test.ts"] },
  "docs/guides/vault.md#letting-a-clusters-pods-in-by-jwt": { tests: ["test/cluster/vault-site.test.ts", bringingUp] },
  "docs/runbooks/backup-failing.md#runbook-a-backup-or-a-restore-drill-fails": { tests: [backups] },
  "docs/runbooks/site-lost.md#runbook-a-site-is-lost": {
    tests: [backups],
    reason: "for `pulumi`, the test does the same by Pulumi's Automation API",
  },
  "docs/runbooks/compromised-key.md#with-vault": { tests: ["test/lab/vault/key-guides.test.ts"] },
  "docs/runbooks/compromised-site.md#runbook-a-site-fell-into-other-hands": {
    tests: ["test/lab/vault/key-guides.test.ts"],
    reason: "its `pulumi up`s are those of a site that is taken off the list, which test/cluster/guides.test.ts runs",
  },
  "docs/runbooks/change-held.md#it-is-wanted": { tests: ["test/cluster/records/every-pod.test.ts"] },
  "docs/runbooks/pod-0-lost.md#what-waits": { tests: ["test/cluster/records/every-pod.test.ts"] },
  "docs/runbooks/primary-lost.md#another-primary": {
    tests: ["test/lab/agent/promotion.test.ts"],
    reason: "for `pulumi up`, the lab mounts what the stacks would; `dig` is another client's",
  },
  "docs/runbooks/zone-about-to-expire.md#what-is-left-and-why-nothing-came": followed,
  "docs/runbooks/zone-about-to-expire.md#once-a-source-is-there-again": followed,
  "docs/runbooks/sites-disagree.md#which-is-which": followed,
  "docs/runbooks/sites-disagree.md#frozen": followed,
  "docs/runbooks/sites-disagree.md#the-same-serial-and-another-content": followed,
  "docs/runbooks/site-state-lost.md#a-new-stack": { tests: ["test/lab/pulumi/lost-states.test.ts"] },
  "docs/runbooks/shared-state-lost.md#what-to-keep-beforehand": { tests: ["test/lab/pulumi/lost-states.test.ts"] },
  "docs/runbooks/shared-state-lost.md#rebuilding-it": { tests: ["test/lab/pulumi/lost-states.test.ts"] },
  "docs/runbooks/shared-state-lost.md#a-new-root": {
    tests: ["test/lab/pulumi/lost-states.test.ts"],
    reason: "of the sites one is brought up in each step, for the others nothing else follows",
  },
  "docs/runbooks/volume-lost.md#a-new-volume": { tests: [guides] },
  "docs/runbooks/volume-lost.md#beginning-with-new-keys": { tests: [guides] },
  "docs/runbooks/expired-ca.md#runbook-a-certificate-or-root-has-expired-or-is-about-to": { tests: [guides] },
};
