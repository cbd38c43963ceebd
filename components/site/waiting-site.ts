import * as pulumi from "@pulumi/pulumi";

import { serviceReader } from "../../src/preflight/second-family";
import type { Waiting } from "../../src/preflight/waiting-sites";
import type { SiteConfig } from "../../src/settings/site-settings";
import { clusterProvider } from "./cluster-provider";
import { SiteNamespace } from "./namespace";
import { PublicService } from "./public-service";

/** What the stack of a site tells that waits for an address. */
export interface WaitingOutputs {
  readonly site: string;
  readonly namespace: pulumi.Output<string>;
  /** What its load balancer gave it so far. */
  readonly addresses: pulumi.Output<string[]>;
  readonly waiting: true;
}

/**
 * What there is of a site whose address is not known yet: its namespace, and the Service that gets the address. Types and names are those of
 * the whole site's stack, which goes on with both.
 */
export class WaitingSite extends pulumi.ComponentResource {
  readonly outputs: WaitingOutputs;

  constructor(
    name: string,
    { config, waiting }: { readonly config: SiteConfig; readonly waiting: Waiting },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dnsmesh:site:SiteStack", name, {}, opts);
    const within = { parent: this, providers: [clusterProvider(this, name, config)] };
    const { name: namespace } = new SiteNamespace(`${name}-namespace`, config, within);
    const { transport } = waiting;
    const site = { name: config.site, addresses: [] };
    const service = new PublicService(
      `${name}-service`,
      {
        namespace,
        service: { ...config.service, verifyAddress: false },
        site,
        transport,
        isAlone: true,
        look: serviceReader(config),
      },
      within,
    );
    this.outputs = { site: config.site, namespace, addresses: service.addresses, waiting: true };
    this.registerOutputs(this.outputs);
  }
}
