import type * as k8s from "@pulumi/kubernetes";

import { objects, paths } from "../../src/contract/names";
import { vaultFile } from "../../src/contract/vault-file";
import { KnotVolume } from "../../src/knot/config/volume";
import type { WelcomePacket } from "../../src/mesh/model";
import { rotatesKeys, type VaultClient } from "../../src/mesh/trust";
import { secretMode, secretVolume } from "./pod-volumes";
import { type PodFiles, secretFiles } from "./program-pod";

type Volume = k8s.types.input.core.v1.Volume;
type EnvVar = k8s.types.input.core.v1.EnvVar;

/** What a pod mounts and is told so that it comes by keys and certificates. */
export interface TrustFiles extends PodFiles {
  readonly environment: EnvVar[];
}

/** Seconds that a projected token lives: the shortest that Kubernetes makes. */
const tokenSeconds = 600;

const vaultFiles: Readonly<Record<VaultClient, string>> = { site: "vault.json", rotator: "vault-rotator.json" };

/** Files of the ConfigMap `knot-config` that are about trust. None is secret. `address` is Vault's as the site reaches it. */
export function trustConfigFiles(packet: WelcomePacket, address: string | undefined): Record<string, string> {
  const { vault } = packet;
  const where = {
    token: `${paths.vaultToken}/token`,
    appRole: paths.appRole,
    ca: `${paths.config}/vault-ca.crt`,
    ...(address !== undefined && { address }),
  };
  const text = (client: VaultClient): string => `${JSON.stringify(vaultFile(packet, client, where), undefined, 2)}\n`;
  return {
    "ca.crt": packet.ca,
    ...(vault && { [vaultFiles.site]: text("site") }),
    ...(rotatesKeys(packet) && { [vaultFiles.rotator]: text("rotator") }),
    ...(vault?.caCert !== undefined && { "vault-ca.crt": vault.caCert }),
  };
}

/** How a pod logs in to Vault: nothing without one. */
export function vaultAccess(packet: WelcomePacket, client: VaultClient): TrustFiles {
  const { vault } = packet;
  if (vault === undefined) return { volumes: [], mounts: [], environment: [] };
  const environment = [{ name: "DNS_MESH_VAULT", value: `${paths.config}/${vaultFiles[client]}` }];
  if (vault.auth.method === "approle") {
    const name = client === "site" ? objects.appRole : objects.rotatorAppRole;
    return { environment, ...secretFiles(name, paths.appRole) };
  }
  const serviceAccountToken = { audience: vault.audience, expirationSeconds: tokenSeconds, path: "token" };
  return {
    environment,
    volumes: [{ name: "vault-token", projected: { sources: [{ serviceAccountToken }] } }],
    mounts: [{ name: "vault-token", mountPath: paths.vaultToken, readOnly: true }],
  };
}

/** What the agent mounts and is told of keys and certificates. With Vault both lie on the volume, where the agent puts them. */
export function agentTrust(packet: WelcomePacket): TrustFiles {
  return joined([ringFiles(packet), certificateFiles(packet), vaultAccess(packet, "site")]);
}

function ringFiles(packet: WelcomePacket): TrustFiles {
  const inVault = packet.vault !== undefined;
  const path = inVault ? new KnotVolume(paths.storage).ring : `${paths.keys}/ring.json`;
  return {
    environment: [{ name: "DNS_MESH_KEYS", value: path }],
    ...(inVault ? { volumes: [], mounts: [] } : secretFiles(objects.keys, paths.keys)),
  };
}

function certificateFiles(packet: WelcomePacket): TrustFiles {
  const told = (value: string): EnvVar[] => [{ name: "DNS_MESH_TLS", value }];
  if (packet.certificates === "vault")
    return { volumes: [], mounts: [], environment: told(new KnotVolume(paths.storage).identity) };
  return {
    environment: told(paths.tls),
    volumes: [packet.certificates === "cert-manager" ? issuedInCluster() : secretVolume(objects.tls)],
    mounts: [{ name: objects.tls, mountPath: paths.tls, readOnly: true }],
  };
}

/** The certificate by cert-manager, whose Secret knows one root at most, beside all the roots that are trusted. */
function issuedInCluster(): Volume {
  const items = ["tls.crt", "tls.key"].map((file) => ({ key: file, path: file }));
  const sources = [
    { secret: { name: objects.tls, items } },
    { configMap: { name: objects.config, items: [{ key: "ca.crt", path: "ca.crt" }] } },
  ];
  return { name: objects.tls, projected: { sources, defaultMode: secretMode } };
}

function joined(parts: readonly TrustFiles[]): TrustFiles {
  return {
    volumes: parts.flatMap(({ volumes }) => volumes),
    mounts: parts.flatMap(({ mounts }) => mounts),
    environment: parts.flatMap(({ environment }) => environment),
  };
}
