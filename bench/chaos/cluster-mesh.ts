import { readFileSync } from "node:fs";

import { bearerToken } from "../../harness/clusters/api";
import type { RunningMesh } from "../../harness/mesh/running-mesh";
import { KubernetesApi } from "../../harness/plugins/kubernetes-api";
import { DnsClient } from "../../src/dns/client/dns-client";
import { DnsError } from "../../src/dns/errors";
import type { Message } from "../../src/dns/message";
import { parsePodId } from "../../src/mesh/pod-id";

/** Questions until a certain pod answers one: with two pods all but one in a thousand have met it. */
const mostTries = 10;

/** An answer, and whose it is. */
export interface PodMessage {
  /** `site/ordinal` */
  readonly pod: string;
  readonly message: Message;
}

/** A mesh in clusters, of which each pod is asked by itself, from outside, at its site's address. */
export class ClusterMesh {
  readonly #dns = new DnsClient({ timeoutMs: 1400 });

  constructor(
    readonly mesh: RunningMesh,
    private readonly replicas: number,
  ) {}

  get sites(): readonly string[] {
    return this.mesh.sites.map(({ name }) => name);
  }

  get pods(): readonly string[] {
    return this.sites.flatMap((site) => this.podsOf(site));
  }

  podsOf(site: string): readonly string[] {
    return Array.from({ length: this.replicas }, (_, ordinal) => `${site}/${ordinal}`);
  }

  /** The API server of a site, as an administrator reaches it from outside. */
  api(site: string): KubernetesApi {
    const { kubeconfig } = this.mesh.cluster(site);
    const { clusters } = JSON.parse(readFileSync(kubeconfig, "utf8")) as {
      readonly clusters: readonly { readonly cluster: { readonly server: string } }[];
    };
    return new KubernetesApi({ server: clusters[0]?.cluster.server ?? "", token: bearerToken(kubeconfig) });
  }

  /** Asks whichever pod gets the question; undefined when nothing comes. */
  async ask(site: string, name: string, type: string): Promise<PodMessage | undefined> {
    try {
      const { message, nsid } = await this.#dns.queryWithNsid(this.mesh.server(site), name, type);
      const pod = nsid === undefined ? undefined : parsePodId(nsid);
      return { pod: `${site}/${pod?.ordinal ?? 0}`, message };
    } catch (error) {
      if (error instanceof DnsError) return undefined;
      throw error;
    }
  }

  /** Asks a site until one of its pods answers; undefined when it does not. */
  async askPod(pod: string, name: string, type = "TXT"): Promise<Message | undefined> {
    const [site = ""] = pod.split("/");
    for (let tries = 0; tries < mostTries; tries++) {
      const answer = await this.ask(site, name, type);
      if (answer?.pod === pod) return answer.message;
    }
    return undefined;
  }
}
