import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

import type { SiteConfig } from "../../src/settings/site-settings";

/**
 * The site's cluster. Without an identifier that stays, a changed kubeconfig would replace every resource, volumes
 * included; without mutable ConfigMaps and Secrets, each change of one would replace it. It takes over what is there only
 * when it is told that the state was lost.
 */
export function clusterProvider(parent: pulumi.Resource, name: string, config: SiteConfig): k8s.Provider {
  const args = {
    ...providerArgs(config),
    ...(config.adopt && { upsertExistingObjects: true, enablePatchForce: true }),
  };
  return new k8s.Provider(`${name}-cluster`, args, { parent });
}

/** How a provider finds the site's cluster, and deals with what is there. */
export function providerArgs(config: SiteConfig): k8s.ProviderArgs {
  return {
    ...(config.kubeconfig !== undefined && { kubeconfig: config.kubeconfig }),
    context: config.context,
    clusterIdentifier: config.site,
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    enableServerSideApply: true,
  };
}
