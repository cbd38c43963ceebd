import "./components/late-modules";

import * as pulumi from "@pulumi/pulumi";

import { bundle } from "./components/bundle";
import { dropPromiseStacks, dropResourceStacks } from "./components/dropped-stacks";
import { readStructsPlainly } from "./components/plain-structs";
import { asRunError, dropDebugMessages, wholly } from "./components/run-error";
import { Safeguard } from "./components/safeguard";
import { SharedStack } from "./components/shared/shared-stack";
import { SiteStack } from "./components/site/site-stack";
import { WaitingSite } from "./components/site/waiting-site";
import { fetchWelcome, requireStack, type Welcome } from "./components/site/welcome";
import { rotatesKeys } from "./src/mesh/trust";
import { requireAdoptable, requireUnforced } from "./src/preflight/adoption";
import { requireEmptied } from "./src/preflight/emptied-first";
import { type FormerOutputs, formerOutputs, requireSamePlace } from "./src/preflight/former-outputs";
import { requirePublishable } from "./src/preflight/held-back";
import { leavingOf, publishedOf, readPublished } from "./src/preflight/published";
import { requireRecoveredKept } from "./src/preflight/recovered-kept";
import { requireSignersKept } from "./src/preflight/recovered-signers";
import { requireSaved } from "./src/preflight/saved-first";
import { requireAutoService } from "./src/preflight/service-address";
import { stayingCertificate } from "./src/preflight/staying-certificate";
import { begun, requireUsableCluster } from "./src/preflight/usable-cluster";
import { requireMountsKept } from "./src/preflight/vault-mounts";
import {
  addressOutputs,
  isAuto,
  requireAddressesKept,
  requireNotUp,
  type Waiting,
  waitingIn,
} from "./src/preflight/waiting-sites";
import { requireWithdrawn } from "./src/preflight/withdrawn";
import { requireRetired } from "./src/preflight/zone-removal";
import type { SharedConfig } from "./src/settings/shared-settings";
import { parseStackConfig, type SiteConfig } from "./src/settings/site-settings";

dropPromiseStacks();
dropResourceStacks();
readStructsPlainly();

/** What `pulumi up` runs, and the Automation API too: the stack's settings make it the shared stack or a site's. */
async function program(): Promise<object> {
  dropDebugMessages(process.env);
  try {
    const config = parseStackConfig(new pulumi.Config("dns-mesh"), pulumi.getStack());
    return await wholly(() => (config.kind === "site" ? bringUpSite(config.site) : bringUpShared(config.shared)));
  } catch (error) {
    throw asRunError(error);
  }
}

async function bringUpShared(config: SharedConfig): Promise<object> {
  const former = await formerOutputs();
  requireAddressesKept(config.mesh, former);
  requireWithdrawn(config.mesh, former);
  requireMountsKept(config.vault, former);
  requireRecoveredKept(config, former);
  await requireSignersKept(config, former);
  await requireRetired(config, { former, today: today() });
  // There is nothing to publish before the primary has an address.
  if (config.mesh.sites.length === 0) return addressOutputs(config.mesh);
  const stack = new SharedStack("mesh", { ...config, former });
  const leaving = leavingOf(readPublished(former?.["sites"]), publishedOf(config.mesh));
  new Safeguard({ stack, protect: config.protect, leaving });
  return { ...stack.outputs, ...addressOutputs(config.mesh) };
}

async function bringUpSite(config: SiteConfig): Promise<object> {
  requireUnforced(config, process.env);
  const [formerOnes, cluster] = [begun(formerOutputs()), begun(requireUsableCluster(config))];
  const shared = await requireStack(config.shared);
  if (isAuto(shared, config.site)) requireAutoService(config);
  const waiting = waitingIn(shared, config.site);
  if (waiting !== undefined) return bringUpWaiting(config, { waiting, former: await formerOnes, cluster });
  const fetched = await fetchWelcome(config, shared);
  const last = { former: await formerOnes, today: today() };
  requirePublishable(fetched, last);
  requireSamePlace(config, last.former);
  const kubeconfig = await cluster;
  await requireSaved(config, { former: last.former, now: Date.now() });
  await requireAdoptable(config);
  const welcome = await withIssued(fetched, config);
  const retiring = await requireEmptied(config, { welcome, ...last });
  const programs = {
    agent: bundle("agent"),
    reconciler: bundle("reconciler"),
    ...(rotatesKeys(welcome.packet) && { rotator: bundle("rotator") }),
    ...(config.records !== false && { operator: bundle("operator") }),
    ...(config.backups && { backup: bundle("backup") }),
    ...(config.resolver && { resolver: bundle("resolver") }),
  };
  const stack = new SiteStack(config.site, { config: { ...config, kubeconfig }, welcome, programs, retiring });
  new Safeguard({ stack, protect: config.protect });
  return stack.outputs;
}

/** Of a site that nobody can ask yet, what gets its address. The rest is checked already, so that it does not fail later. */
async function bringUpWaiting(
  config: SiteConfig,
  asked: { readonly waiting: Waiting; readonly former: FormerOutputs | undefined; readonly cluster: Promise<string> },
): Promise<object> {
  const { waiting, former } = asked;
  requireNotUp(config.site, former);
  requireSamePlace(config, former);
  const kubeconfig = await asked.cluster;
  await pulumi.log.warn(
    `${config.site} waits for an address and is in no directory yet: this brings up its Service alone. ` +
      `Once that has one, mesh up goes on; or write it into the list ("found"), and bring the shared stack, the primary and this site up`,
  );
  const stack = new WaitingSite(config.site, { config: { ...config, kubeconfig }, waiting });
  new Safeguard({ stack, protect: config.protect });
  return stack.outputs;
}

/** What the site was issued, where the shared stack says that this stays. */
async function withIssued(welcome: Welcome, config: SiteConfig): Promise<Welcome> {
  if (welcome.issuedStays !== true) return welcome;
  return { ...welcome, issued: pulumi.secret(await stayingCertificate(config, welcome.packet)) };
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

export = program;
