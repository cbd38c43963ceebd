import type * as k8s from "@pulumi/kubernetes";

import type { agentEnvironment, OptionsOf } from "../../src/contract/environments";
import { keptKeysFile } from "../../src/contract/kept-keys";
import { objects, paths } from "../../src/contract/names";
import { vaultFile } from "../../src/contract/vault-file";
import { KnotVolume } from "../../src/knot/config/volume";
import type { WelcomePacket } from "../../src/mesh/model";
import { rotatesKeys, type VaultProgram } from "../../src/mesh/trust";
import { optionalSecretVolume, secretMode, secretVolume } from "./pod-volumes";
import { type PodFiles, secretFiles } from "./program-pod";

type Volume = k8s.types.input.core.v1.Volume;

/** What the agent mounts, and its options, for keys and certificates. */
export interface TrustFiles extends PodFiles {
  readonly options: Pick<
    OptionsOf<typeof agentEnvironment>,
    "ringFile" | "tlsFolder" | "vaultFile" | "zoneKeysFile" | "zoneKeysSealFile"
  >;
}

/** Seconds that a projected token lives: the shortest that Kubernetes makes. */
const tokenSeconds = 600;

/** A file for each program; the signer's login stands in the site's. */
const vaultFiles: Readonly<Record<VaultProgram, string>> = { site: "vault.json", rotator: "vault-rotator.json" };

/** Files of the ConfigMap `knot-config` that are about trust. None is secret. `address` is Vault's as the site reaches it. */
export function trustConfigFiles(packet: WelcomePacket, address: string | undefined): Record<string, string> {
  const { vault } = packet;
  const where = {
    token: `${paths.vaultToken}/token`,
    appRole: paths.appRole,
    ca: `${paths.config}/vault-ca.crt`,
    ...(address !== undefined && { address }),
  };
  const text = (client: VaultProgram): string => `${JSON.stringify(vaultFile(packet, client, where), undefined, 2)}\n`;
  return {
    "ca.crt": packet.ca,
    ...(vault && { [vaultFiles.site]: text("site") }),
    ...(rotatesKeys(packet) && { [vaultFiles.rotator]: text("rotator") }),
    ...(vault?.caCert !== undefined && { "vault-ca.crt": vault.caCert }),
  };
}

/** How a program reaches Vault. */
export function vaultFilePath(client: VaultProgram): string {
  return `${paths.config}/${vaultFiles[client]}`;
}

/** How a pod logs in to Vault: nothing without one. */
export function vaultAccess({ vault }: WelcomePacket, client: VaultProgram): PodFiles {
  if (vault === undefined) return noFiles;
  if (vault.auth.method === "approle")
    return secretFiles(client === "site" ? objects.appRole : objects.rotatorAppRole, paths.appRole);
  const serviceAccountToken = { audience: vault.audience, expirationSeconds: tokenSeconds, path: "token" };
  return {
    volumes: [{ name: "vault-token", projected: { sources: [{ serviceAccountToken }] } }],
    mounts: [{ name: "vault-token", mountPath: paths.vaultToken, readOnly: true }],
  };
}

/** The agent's mounts and environment for keys and certificates. With Vault both lie on the volume, where the agent puts them. */
export function agentTrust(packet: WelcomePacket): TrustFiles {
  const volume = new KnotVolume(paths.storage);
  const inVault = packet.vault !== undefined;
  const ring = inVault ? noFiles : secretFiles(objects.keys, paths.keys);
  const kept = inVault ? noFiles : keptKeyFiles();
  const files = [ring, certificateFiles(packet), vaultAccess(packet, "site"), kept];
  return {
    volumes: files.flatMap(({ volumes }) => volumes),
    mounts: files.flatMap(({ mounts }) => mounts),
    options: {
      ringFile: inVault ? volume.ring : `${paths.keys}/ring.json`,
      tlsFolder: packet.certificates === "vault" ? volume.identity : paths.tls,
      ...(inVault
        ? { vaultFile: vaultFilePath("site") }
        : { zoneKeysFile: `${paths.zoneKeys}/${keptKeysFile}`, zoneKeysSealFile: `${paths.zoneKeysSeal}/key` }),
    },
  };
}

const noFiles: PodFiles = { volumes: [], mounts: [] };

/** The copy of the zones' keys, and what it is sealed with. One that is missing must not keep pods from starting that have their keys. */
function keptKeyFiles(): PodFiles {
  const { volumes, mounts } = secretFiles(objects.zoneKeysSeal, paths.zoneKeysSeal);
  return {
    volumes: [...volumes, optionalSecretVolume(objects.zoneKeys)],
    mounts: [...mounts, { name: objects.zoneKeys, mountPath: paths.zoneKeys, readOnly: true }],
  };
}

function certificateFiles({ certificates }: WelcomePacket): PodFiles {
  if (certificates === "vault") return noFiles;
  return {
    volumes: [certificates === "cert-manager" ? issuedInCluster() : secretVolume(objects.tls)],
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
