import { eventually } from "../../harness/eventually";
import type { Properties } from "../../harness/plugins/wire";
import type { RecordMesh } from "../../harness/records/record-mesh";
import { updater } from "../../harness/records/updaters";
import { toolPath } from "../../harness/tools";
import { freeEverywhere } from "../../lab/ports";
import { LabProcess, Log } from "../../lab/process";
import { inParallel } from "../../src/base/in-parallel";
import { DnsClient } from "../../src/dns/client/dns-client";
import { addressOf } from "../support/record-rounds";
import { round } from "../support/statistics";

/** Records a second of external-dns, from the start of its process, and of how many each figure is. */
export interface ExternalDnsFigures {
  /** While it has a status to write for each record. */
  readonly perSecond: number;
  readonly count: number;
  /** When all statuses were written before: what its UPDATEs alone take. */
  readonly perSecondWithoutStatuses: number;
  readonly countWithoutStatuses: number;
}

/** The zone that external-dns has to itself, at the same Knot. */
export const externalZone = "external.example";

/** It writes some five statuses a second: of more records it takes minutes. */
const mostWithStatuses = 100;
const group = "externaldns.k8s.io";
const space = "external";
const endpoints = `/apis/${group}/v1alpha1/namespaces/${space}/dnsendpoints`;
const makeWidth = 12;

/** Lets external-dns make records in a zone of its own at the mesh's first site, as many of its objects as ours were. */
export async function measureExternalDns(mesh: RecordMesh, count: number): Promise<ExternalDnsFigures> {
  const runOnce = await prepare(mesh);
  const few = Math.min(count, mostWithStatuses);
  await makeEndpoints(mesh, { prefix: "told", count: few, status: false });
  const told = await runOnce(`told-${few - 1}`);
  await makeEndpoints(mesh, { prefix: "plain", count, status: true });
  const plain = await runOnce(`plain-${count - 1}`);
  return {
    perSecond: round(few / told),
    count: few,
    perSecondWithoutStatuses: round(count / plain, 0),
    countWithoutStatuses: count,
  };
}

/** Returns what runs it once, and gives the seconds that it took; the named record must be there then. */
async function prepare(mesh: RecordMesh): Promise<(last: string) => Promise<number>> {
  const { api, kubeconfig } = mesh.plane;
  const site = mesh.lab.site(mesh.owner);
  const key = updater({ name: "external", zones: [externalZone], updateOwner: "zone", transfer: true });
  await site.allow([key]);
  await eventually(20, () => new DnsClient().transfer(site.server, externalZone, key));
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await api.send({ method: "POST", path: definitions, body: definition() });
  await eventually(30, () => api.send({ method: "GET", path: `/apis/${group}/v1alpha1` }));
  await api.send({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name: space } } });
  const args = [
    ...["--once", "--source=crd", `--namespace=${space}`, `--kubeconfig=${kubeconfig}`, "--log-level=warning"],
    ...["--provider=rfc2136", `--rfc2136-host=${site.server.address}`, `--rfc2136-port=${site.server.port}`],
    ...[`--rfc2136-zone=${externalZone}`, "--rfc2136-tsig-axfr", `--rfc2136-tsig-keyname=${key.name}`],
    ...[`--rfc2136-tsig-secret-alg=${key.algorithm}`, "--registry=noop", "--policy=upsert-only"],
    `--metrics-address=127.0.0.1:${await freeEverywhere()}`,
  ];
  const env = { PATH: process.env["PATH"], EXTERNAL_DNS_RFC2136_TSIG_SECRET: key.secret };
  return async (last) => {
    const log = new Log();
    const began = performance.now();
    const ended = new Promise<void>((died) => {
      new LabProcess({ command: [toolPath("external-dns"), ...args], env, log, died });
    });
    await ended;
    const seconds = (performance.now() - began) / 1000;
    const found = await mesh.answer(mesh.owner, `${last}.${externalZone}`);
    if (found.length === 0) throw new Error(`external-dns did not make its records:\n${log.text}`);
    return seconds;
  };
}

async function makeEndpoints(
  mesh: RecordMesh,
  batch: { readonly prefix: string; readonly count: number; readonly status: boolean },
): Promise<void> {
  const { api } = mesh.plane;
  const all = Array.from({ length: batch.count }, (_, i) => i);
  await inParallel(makeWidth, all, async (i) => {
    const name = `${batch.prefix}-${i}`;
    const endpoint = { dnsName: `${name}.${externalZone}`, recordType: "A", recordTTL: 60, targets: [addressOf(i)] };
    const body = { apiVersion: `${group}/v1alpha1`, kind: "DNSEndpoint", metadata: { name } };
    await api.send({ method: "POST", path: endpoints, body: { ...body, spec: { endpoints: [endpoint] } } });
    const status = { path: `${endpoints}/${name}/status`, body: { status: { observedGeneration: 1 } } };
    if (batch.status) await api.send({ method: "PATCH", ...status, contentType: "application/merge-patch+json" });
  });
}

/** Its kind, as far as it is used here. */
function definition(): Properties {
  const text = { type: "string" };
  const number = { type: "integer", format: "int64" };
  const targets = { type: "array", items: text };
  const endpoint = { type: "object", properties: { dnsName: text, recordType: text, recordTTL: number, targets } };
  const spec = { type: "object", properties: { endpoints: { type: "array", items: endpoint } } };
  const status = { type: "object", properties: { observedGeneration: number } };
  const names = { plural: "dnsendpoints", singular: "dnsendpoint", kind: "DNSEndpoint", listKind: "DNSEndpointList" };
  const schema = { openAPIV3Schema: { type: "object", properties: { spec, status } } };
  const version = { name: "v1alpha1", served: true, storage: true, subresources: { status: {} }, schema };
  // Kinds of this group need a word on who approved them.
  const annotations = { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/external-dns/pull/2007" };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `dnsendpoints.${group}`, annotations },
    spec: { group, names, scope: "Namespaced", versions: [version] },
  };
}
