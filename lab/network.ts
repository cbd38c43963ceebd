import { UserError } from "../src/base/errors";

/**
 * A site's link: milliseconds that each packet takes longer, in both directions, and how much that varies; packets lost, and
 * those that take 100 ms longer so that others overtake them, in percent.
 */
export interface Link {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly lossPercent: number;
  readonly overtakenPercent: number;
}

/** The link of a site that nothing was asked for. */
export const plainLink: Link = { delayMs: 0, jitterMs: 0, lossPercent: 0, overtakenPercent: 0 };

/** Which packets a cut takes: all, or only those on their way to the site, or from it. */
export type CutDirection = "both" | "in" | "out";

/** Which network a lab has. */
export type NetworkKind = "loopback" | "namespaces";

/** Where a site is. */
export interface SiteAddresses {
  readonly pods: readonly string[];
  readonly shared?: string;
}

/** What the sites of a lab are joined by. */
export interface LabNetwork extends AsyncDisposable {
  readonly kind: NetworkKind;
  /** First two octets of every address. */
  readonly prefix: string;
  /**
   * Makes the link of a site that does not have one yet.
   *
   * @param addresses.pods - of the site's pods, at the far end of the link
   * @param addresses.shared - behind which a balancer of the lab has them
   */
  attach(site: string, addresses: SiteAddresses): Promise<void>;
  /** Takes away what {@link attach} made. */
  detach(site: string): Promise<void>;
  /** What a command must begin with to run at a site. */
  enter(site: string): readonly string[];
  isCut(site: string): boolean;
  /** @param direction - both ways by default. @throws UserError where links cannot be changed. */
  cut(site: string, direction?: CutDirection): Promise<void>;
  heal(site: string): Promise<void>;
  shape(site: string, change: Partial<Link>): Promise<void>;
  /** Packets that a site sent and received since it was attached; undefined where packets are not counted. */
  packets(site: string): { readonly sent: number; readonly received: number } | undefined;
}

/** All sites on this machine's loopback interface, each with an address of its own. Nothing can be cut here. */
export class Loopback implements LabNetwork {
  readonly kind = "loopback";

  /** @param prefix - first two octets of all addresses */
  constructor(readonly prefix: string) {}

  attach(): Promise<void> {
    return Promise.resolve();
  }

  detach(): Promise<void> {
    return Promise.resolve();
  }

  enter(): readonly string[] {
    return [];
  }

  isCut(): boolean {
    return false;
  }

  cut(): Promise<void> {
    return Promise.reject(needsNamespaces("cut"));
  }

  heal(): Promise<void> {
    return Promise.reject(needsNamespaces("heal"));
  }

  shape(): Promise<void> {
    return Promise.reject(needsNamespaces("delay and loss"));
  }

  packets(): undefined {
    return undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** What to say when a link is to be changed on loopback. */
export function needsNamespaces(what: string): UserError {
  return new UserError(`${what} needs a link for each site: start the lab as root with --network namespaces`);
}
