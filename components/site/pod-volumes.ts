import type * as k8s from "@pulumi/kubernetes";

import { centralZonesName, letThrough, objects, paths } from "../../src/contract/names";
import { mostParts } from "../../src/mesh/central-parts";

type Volume = k8s.types.input.core.v1.Volume;
type Mount = k8s.types.input.core.v1.VolumeMount;

/** Readable by the pod's group only. */
export const secretMode = 0o440;

/** A ConfigMap as a volume of the same name. */
export function configMapVolume(name: string): Volume {
  return { name, configMap: { name } };
}

/** A Secret as a volume of the same name, readable by the pod's group only. */
export function secretVolume(name: string): Volume {
  return { name, secret: { secretName: name, defaultMode: secretMode } };
}

/** The same of a Secret that may come and go while the pod runs: its files do too. */
export function optionalSecretVolume(name: string): Volume {
  return { name, secret: { secretName: name, defaultMode: secretMode, optional: true } };
}

/** The parts of the central zones side by side in one folder. */
function centralVolume(): Volume {
  const sources = Array.from({ length: mostParts }, (_, part) => ({
    configMap: { name: centralZonesName(part), optional: true },
  }));
  return { name: "central-zones", projected: { sources } };
}

const podFile = "pod";

/** What somebody who may change the pod says to its agent: an annotation, which follows within seconds while the pod runs. */
function podVolume(): Volume {
  const fieldPath = `metadata.annotations['${letThrough.annotation}']`;
  return { name: podFile, downwardAPI: { items: [{ path: letThrough.file, fieldRef: { fieldPath } }] } };
}

/** What decides which files a Knot pod has. */
export interface PodKind {
  /** Whether the site is the primary catalog, which has the central zones as files. */
  readonly isPrimary: boolean;
  /** Whether changes of own zones are looked at before they are published. */
  readonly isGuarded: boolean;
}

/** Everything that a Knot pod mounts beside its own volume, `storage`, and what is about trust. */
export function knotVolumes({ isPrimary, isGuarded }: PodKind): Volume[] {
  return [
    { name: "rundir", emptyDir: {} },
    { name: "tmp", emptyDir: {} },
    configMapVolume(objects.config),
    secretVolume(objects.localKey),
    secretVolume(objects.readers),
    secretVolume(objects.updaters),
    optionalSecretVolume(objects.recordsKey),
    optionalSecretVolume(objects.backupToken),
    configMapVolume(objects.agentBundle),
    ...(isPrimary ? [centralVolume()] : []),
    ...(isGuarded ? [podVolume()] : []),
  ];
}

const shared: Mount[] = [
  { name: "storage", mountPath: paths.storage },
  { name: "rundir", mountPath: paths.rundir },
  { name: "tmp", mountPath: "/tmp" },
  { name: objects.config, mountPath: paths.config, readOnly: true },
];

/** What Knot itself sees: neither key ring nor certificate, which the agent puts onto the volume. */
export function knotMounts(): Mount[] {
  return [...shared];
}

/** What the agent and the init container see, beside what is about trust. */
export function agentMounts({ isPrimary, isGuarded }: PodKind): Mount[] {
  return [
    ...shared,
    { name: objects.localKey, mountPath: paths.localKey, readOnly: true },
    { name: objects.readers, mountPath: paths.readers, readOnly: true },
    { name: objects.updaters, mountPath: paths.updaters, readOnly: true },
    { name: objects.recordsKey, mountPath: paths.recordsKey, readOnly: true },
    { name: objects.backupToken, mountPath: paths.backupToken, readOnly: true },
    { name: objects.agentBundle, mountPath: paths.bundle, readOnly: true },
    ...(isPrimary ? [{ name: "central-zones", mountPath: paths.central, readOnly: true }] : []),
    ...(isGuarded ? [{ name: podFile, mountPath: paths.pod, readOnly: true }] : []),
  ];
}
