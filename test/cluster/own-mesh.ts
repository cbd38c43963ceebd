import { expect } from "chai";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { createClusters, type Cluster, type ClusterSet } from "../../harness/clusters";
import { checkOut, type Checkout } from "../../harness/docs/checkout";
import { Reader, type Replacement } from "../../harness/docs/reader";
import { eventually } from "../../harness/eventually";
import { ensureImages } from "../../harness/images";
import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";

const addresses = ["192.0.2.1", "198.51.100.2", "203.0.113.3"] as const;

/** A site in the list. */
export interface Listed {
  name: string;
  zones: unknown[];
}

/** `Pulumi.shared.yaml`, as far as a reader of the guides edits it. */
export interface SharedFile {
  config: { "dns-mesh:mesh": { sites: Listed[] } } & Record<string, unknown>;
}

/** Four clusters, and a checkout whose reader makes a mesh in them by the README's words, and then follows guides. */
export class OwnMesh implements AsyncDisposable {
  readonly dns = new DnsClient({ timeoutMs: 2000 });
  readonly reader: Reader;

  private constructor(
    private readonly set: ClusterSet,
    readonly checkout: Checkout,
    private readonly images: { readonly knot: string; readonly node: string },
  ) {
    const replace = addresses.map((address, index): Replacement => [address, this.siteAddress(index)]);
    this.reader = new Reader({ folder: checkout.folder, env: checkout.env, replace });
  }

  static async create(): Promise<OwnMesh> {
    const set = await createClusters({ names: ["site-a", "site-b", "site-c", "site-d"], log: () => undefined });
    const checkout = await checkOut(set.clusters);
    const { knot, node } = await ensureImages();
    return new OwnMesh(set, checkout, { knot: knot.name, node: node.name });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.checkout[Symbol.dispose]();
    await this.set[Symbol.asyncDispose]();
  }

  cluster(index: number): Cluster {
    return this.set.clusters[index]!;
  }

  siteAddress(index: number): string {
    return this.cluster(index).siteAddress;
  }

  server(index: number): DnsServer {
    return { address: this.siteAddress(index), port: 53 };
  }

  /** Edits the list by hand. */
  edit(change: (file: SharedFile) => void): void {
    const path = join(this.checkout.folder, "Pulumi.shared.yaml");
    const file = parse(readFileSync(path, "utf8")) as SharedFile;
    change(file);
    writeFileSync(path, stringify(file));
  }

  async up(...stacks: string[]): Promise<void> {
    for (const stack of stacks) await this.reader.shell(`pulumi up -s ${stack}`);
  }

  use(site: string): Promise<string> {
    return this.reader.shell(`kubectl config use-context ${site}`);
  }

  /** Waits until each of the sites answers a name with that address. */
  everywhere(name: string, address: string, sites = [0, 1, 2, 3]): Promise<void> {
    return eventually(60, async () => {
      for (const index of sites) {
        const { answers } = await this.dns.query(this.server(index), name, "A");
        expect(answers.map((record) => ("address" in record ? record.address : ""))).to.deep.equal([address]);
      }
    });
  }

  answered(name: string, sites = [0, 1, 2, 3]): Promise<void> {
    return eventually(60, async () => {
      for (const index of sites) await this.dns.querySoa(this.server(index), name);
    });
  }

  /** Three sites by the README's commands, on a backend that has no stacks. */
  async bringUp(): Promise<void> {
    const { reader, images } = this;
    reader.open("README.md#a-mesh-of-your-own");
    await reader.run();
    reader.write(
      "Pulumi.shared.yaml",
      addresses.map((address, index) => this.#sources(address, index)),
    );
    await reader.run();
    await reader.run();
    const settings = reader.next("sh", [
      ["registry.example/knot:v3.5.8", images.knot],
      ["registry.example/node:24-slim", images.node],
      ["fast", "local"],
    ]);
    for (const [index, site] of ["site-a", "site-b", "site-c"].entries())
      await reader.shell(settings.replaceAll("site-a", site).replace(this.siteAddress(0), this.siteAddress(index)));
    await reader.run();
    const ask = reader.next("sh");
    await eventually(60, async () => {
      expect((await reader.shell(ask)).trim().split("\n")).to.have.length(3);
    });
    reader.close();
  }

  /** A fourth site, by the guide. */
  async takeIn(): Promise<void> {
    const { reader, images } = this;
    reader.open("docs/guides/onboarding-a-site.md#onboarding-a-site");
    const entry = reader.next("yaml", [
      ["[192.0.2.44]", `[${this.siteAddress(3)}]`],
      ["[198.51.100.0/28]", `[${this.cluster(3).nodeAddress}/32]`],
    ]);
    this.edit((file) => {
      file.config["dns-mesh:mesh"].sites.push(...(parse(entry) as Listed[]));
    });
    await this.up("shared", "site-a");
    // What this cluster needs beside, by the README.
    writeFileSync(
      join(this.checkout.folder, "Pulumi.site-d.yaml"),
      stringify({ config: { "dns-mesh:images": images } }),
    );
    await reader.run([["my-cluster-d", "site-d"]]);
    reader.close();
  }

  /** In the list, where a site's traffic leaves from its node's address. */
  #sources(address: string, index: number): Replacement {
    return [
      `addresses: [${address}],`,
      `addresses: [${this.siteAddress(index)}], sources: [${this.cluster(index).nodeAddress}/32],`,
    ];
  }
}
