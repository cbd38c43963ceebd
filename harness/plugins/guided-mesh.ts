import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { type Checkout, checkOut } from "../docs/checkout";
import { Reader } from "../docs/reader";
import { type ControlPlane, startControlPlane } from "./control-plane";
import { standInForPods } from "./pod-stand-in";

/** A checkout whose reader follows the guides of the `mesh` command, before two sites in one cluster without nodes. */
export class GuidedMesh implements AsyncDisposable {
  /** Of the guides, in the checkout's folder. */
  readonly reader: Reader;

  private constructor(
    readonly checkout: Checkout,
    private readonly plane: ControlPlane,
    private readonly pods: AsyncDisposable,
  ) {
    this.reader = this.anotherReader();
  }

  static async start(): Promise<GuidedMesh> {
    const plane = await startControlPlane();
    const pods = await standInForPods(plane, { address: "192.0.2.1" });
    const checkout = await checkOut();
    const config = parse(readFileSync(plane.kubeconfig, "utf8")) as { contexts: { name: string }[] };
    const contexts = ["site-a", "site-b"].map((name) => ({ ...config.contexts[0], name }));
    mkdirSync(join(checkout.folder, "../.kube"));
    writeFileSync(
      join(checkout.folder, "../.kube/config"),
      JSON.stringify({ ...config, contexts, "current-context": "site-a" }),
      { mode: 0o600 },
    );
    return new GuidedMesh(checkout, plane, pods);
  }

  /** One with a shell of its own, in the same folder. */
  anotherReader(): Reader {
    return new Reader({ folder: this.checkout.folder, env: this.checkout.env });
  }

  file(name: string): string {
    return readFileSync(join(this.checkout.folder, name), "utf8");
  }

  /** Where Pulumi's state is. */
  get state(): string {
    return join(this.checkout.folder, "../dns-mesh-state/.pulumi");
  }

  /** What is below a folder of Pulumi's state. */
  below(folder: string): string[] {
    const path = join(this.state, folder);
    return existsSync(path) ? readdirSync(path, { recursive: true }).map(String).sort() : [];
  }

  /** Says of the files that `mesh init` wrote what holds here: both sites are in one cluster, without load balancers. */
  shareCluster(): void {
    for (const site of ["site-a", "site-b"])
      writeFileSync(
        join(this.checkout.folder, `Pulumi.${site}.yaml`),
        `${this.file(`Pulumi.${site}.yaml`)}  dns-mesh:namespace: ${site}\n  dns-mesh:service: { verifyAddress: false }\n`,
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.checkout[Symbol.dispose]();
    await this.pods[Symbol.asyncDispose]();
    await this.plane[Symbol.asyncDispose]();
  }
}
