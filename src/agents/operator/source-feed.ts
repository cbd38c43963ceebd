import { type Clock, isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import type { Logger } from "../../base/log";
import type { KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import type { watchObjects } from "../../kube/watch";
import type { SourceObject } from "../../records/sources/claims";
import {
  apiPath,
  apiVersionOf,
  gatewayApi,
  isRoute,
  type SourceApi,
  sourceApis,
  type SourceKind,
  type SourceSettings,
} from "../../records/sources/kinds";
import type { Labels } from "../../records/sources/label-selector";
import { type GatewayObject, leadsTo, type Surroundings } from "../../records/sources/route";
import { KindFinder } from "./kind-finder";

/** What a {@link SourceFeed} works with. */
export interface SourceFeedOptions {
  readonly client: Pick<KubeClient, "get" | "stream">;
  readonly watch: typeof watchObjects;
  /** Whose objects count; `*` for all namespaces'. */
  readonly namespaces: readonly string[];
  /** A source is new, changed or gone, or what it takes is. */
  readonly onNews: (uid: string) => void;
  /** A kind was listed in a namespace (`*`: all): what is not there is gone. */
  readonly onListed: () => void;
  /** A kind cannot be listed, time and again. */
  readonly onTrouble: (reason: string) => void;
  readonly log: Logger;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** An object that counts. */
export interface Source {
  readonly kind: SourceKind;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly object: SourceObject;
}

/** Tries after which a kind that cannot be listed is told: by then it is no hiccup. */
const tellAfter = 3;
/** Between two looks at the labels of the namespaces, where they cannot be watched. */
const labelsMs = 10_000;

type What = SourceKind | "Gateway" | "Namespace";

interface Feed {
  readonly what: What;
  readonly namespace: string;
  readonly path: string;
  readonly base?: () => Promise<string>;
  readonly put: (object: KubeObject, gone: boolean) => void;
  /** Uids of what is known of it. */
  readonly known: () => ReadonlyMap<string, KubeObject>;
}

/** Keeps in sight what DnsRecords are made of, and for routes the Gateways and the namespaces' labels beside. */
export class SourceFeed implements Surroundings {
  #settings: SourceSettings | undefined;
  readonly #sources = new Map<string, Source>();
  /** By namespace and name: each route asks for its own. */
  readonly #gateways = new Map<string, KubeObject>();
  /** By name. */
  readonly #labels = new Map<string, Labels>();
  /** Namespaces (`*`: all) with what was listed in them. */
  readonly #listed = new Set<string>();
  /** What cannot be listed now, with the reason. */
  readonly #troubles = new Map<string, string>();
  #ending = new AbortController();
  #watches: Promise<unknown> = Promise.resolve();
  readonly #finder: KindFinder;

  constructor(private readonly options: SourceFeedOptions) {
    this.#finder = new KindFinder(options.client);
  }

  /** Uids of all sources that are known. */
  get uids(): Iterable<string> {
    return this.#sources.keys();
  }

  /** How many kinds cannot be listed, each in each of the namespaces. */
  get unlisted(): number {
    return this.#troubles.size;
  }

  source(uid: string): Source | undefined {
    return this.#sources.get(uid);
  }

  /** Whether all of a kind are known where an object is. */
  isListed(what: string, namespace: string): boolean {
    return [namespace, "*"].some((each) => this.#listed.has(`${what} ${each}`));
  }

  readonly gateway: Surroundings["gateway"] = ({ namespace, name }) => {
    if (this.isListed("Gateway", namespace)) return this.#gateways.get(`${namespace}/${name}`) ?? "none";
    const places = this.#settings === undefined ? [] : this.#gatewayPlaces(this.#settings);
    return ["*", namespace].some((each) => places.includes(each)) ? "pending" : "elsewhere";
  };

  readonly labels: Surroundings["labels"] = (namespace) => this.#labels.get(namespace);

  /** Takes over what the settings say. */
  follow(settings: SourceSettings | undefined, signal: AbortSignal): void {
    const isSame = JSON.stringify(feedOf(this.#settings)) === JSON.stringify(feedOf(settings));
    this.#settings = settings;
    if (isSame) return;
    this.#ending.abort();
    this.#ending = new AbortController();
    for (const known of [this.#sources, this.#gateways, this.#labels, this.#listed, this.#troubles]) known.clear();
    if (settings === undefined) return;
    const until = AbortSignal.any([signal, this.#ending.signal]);
    this.#watches = Promise.all(this.#begin(settings, until));
  }

  /** Ends all watches. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.#watches;
  }

  #begin(settings: SourceSettings, signal: AbortSignal): Promise<unknown>[] {
    const { namespaces } = this.options;
    const selector = Object.entries(settings.labels).map(([label, value]) => `${label}=${value}`);
    const query = selector.length === 0 ? "" : `?${new URLSearchParams({ labelSelector: selector.join() }).toString()}`;
    const sources = settings.kinds.flatMap((kind) =>
      namespaces.map((namespace) => this.#watch(this.#sourceFeed({ kind, namespace, query }), signal)),
    );
    if (!settings.kinds.some(isRoute)) return sources;
    const gateways = this.#gatewayPlaces(settings).map((namespace) =>
      this.#watch(this.#gatewayFeed(namespace), signal),
    );
    const labels = namespaces.includes("*") ? this.#watch(this.#labelFeed(), signal) : this.#pollLabels(signal);
    return [...sources, ...gateways, labels];
  }

  #gatewayPlaces({ gatewayNamespaces = [] }: SourceSettings): readonly string[] {
    const all = new Set([...this.options.namespaces, ...gatewayNamespaces]);
    return all.has("*") ? ["*"] : [...all];
  }

  #sourceFeed({ kind, namespace, query }: { kind: SourceKind; namespace: string; query: string }): Feed {
    const isOf = (source: Source): boolean =>
      source.kind === kind && (namespace === "*" || source.namespace === namespace);
    return {
      what: kind,
      namespace,
      ...this.#placeOf(sourceApis[kind], namespace, query),
      put: (object, gone) => {
        this.#put(kind, object, gone);
      },
      known: () => {
        const own = [...this.#sources.values()].filter(isOf);
        return new Map(own.map(({ uid, object }) => [uid, object as KubeObject]));
      },
    };
  }

  #gatewayFeed(namespace: string): Feed {
    return {
      what: "Gateway",
      namespace,
      ...this.#placeOf(gatewayApi, namespace),
      put: (object, gone) => {
        this.#putGateway(object, gone);
      },
      known: () =>
        new Map(
          [...this.#gateways.values()]
            .filter(({ metadata }) => namespace === "*" || metadata?.namespace === namespace)
            .map((gateway) => [gateway.metadata?.uid ?? "", gateway]),
        ),
    };
  }

  #labelFeed(): Feed {
    return {
      what: "Namespace",
      namespace: "*",
      path: "/api/v1/namespaces",
      put: (object, gone) => {
        this.#putLabels(object.metadata?.name ?? "", gone ? undefined : object);
      },
      // What was in a namespace that is gone is gone too.
      known: () => new Map(),
    };
  }

  #placeOf(api: SourceApi, namespace: string, query = ""): Pick<Feed, "path" | "base"> {
    const path = `${namespace === "*" ? "" : `/namespaces/${namespace}`}/${api.plural}${query}`;
    return api.isDefined
      ? { path, base: () => this.#finder.find(api) }
      : { path: apiPath(api, api.versions[0]) + path };
  }

  #watch({ what, namespace, put, known, ...place }: Feed, signal: AbortSignal): Promise<void> {
    const { client, watch, random, log, onListed } = this.options;
    const isLive = (): boolean => !isAborted(signal);
    const key = `${what} ${namespace}`;
    return watch({
      client,
      ...place,
      signal,
      random,
      onList: (objects) => {
        if (!isLive()) return;
        const isFirst = !this.#listed.has(key);
        const there = new Set(objects.map(({ metadata }) => metadata?.uid));
        for (const [uid, object] of known()) if (!there.has(uid)) put(object, true);
        for (const object of objects) put(object, false);
        this.#listed.add(key);
        if (what === "Gateway" && isFirst) this.#tellRoutes();
        onListed();
      },
      onChange: (object, gone) => {
        if (isLive()) put(object, gone);
      },
      onTrouble: (tries, reason) => {
        if (!isLive()) return;
        if (tries === 0) log.info("sources of DnsRecords are watched again", { kind: what, namespace });
        else if (this.#troubles.get(key) !== reason)
          log.warn("sources of DnsRecords cannot be watched", { kind: what, namespace, tries, reason });
        if (tries === 0) this.#troubles.delete(key);
        else this.#troubles.set(key, reason);
        if (tries >= tellAfter) this.options.onTrouble(`${what}: ${reason}`);
      },
    });
  }

  #put(kind: SourceKind, object: KubeObject, gone: boolean): void {
    const { uid = "", name = "", namespace = "", deletionTimestamp } = object.metadata ?? {};
    const api = sourceApis[kind];
    const { apiVersion = apiVersionOf(api, api.versions[0]) } = object;
    if (gone || deletionTimestamp !== undefined) this.#sources.delete(uid);
    else this.#sources.set(uid, { kind, apiVersion, namespace, name, uid, object: object });
    this.options.onNews(uid);
  }

  #putGateway(object: KubeObject, gone: boolean): void {
    const { namespace = "", name = "" } = object.metadata ?? {};
    const place = `${namespace}/${name}`;
    const before = this.#gateways.get(place);
    if (gone) this.#gateways.delete(place);
    else this.#gateways.set(place, object);
    // Its status also says how many routes it has, which changes with each of them.
    if (!gone && JSON.stringify(readOf(before)) === JSON.stringify(readOf(object))) return;
    this.#tellRoutes((source) => leadsTo(source.object, { namespace, name }));
  }

  #putLabels(name: string, namespace: KubeObject | undefined): void {
    const labels = namespace && (namespace.metadata?.labels ?? {});
    if (JSON.stringify(this.#labels.get(name)) === JSON.stringify(labels)) return;
    if (labels === undefined) this.#labels.delete(name);
    else this.#labels.set(name, labels);
    this.#tellRoutes((source) => source.namespace === name);
  }

  #tellRoutes(isMeant: (source: Source) => boolean = () => true): void {
    for (const source of this.#sources.values())
      if (isRoute(source.kind) && isMeant(source)) this.options.onNews(source.uid);
  }

  /** Reads each namespace by itself: rights to list them cannot be given for single ones. */
  async #pollLabels(signal: AbortSignal): Promise<void> {
    const { client, namespaces, clock, random } = this.options;
    while (!isAborted(signal)) {
      for (const name of namespaces)
        try {
          const namespace = await client.get(`/api/v1/namespaces/${name}`);
          if (isAborted(signal)) return;
          this.#putLabels(name, namespace);
          this.#troubles.delete(`Namespace ${name}`);
        } catch (error) {
          if (isAborted(signal)) return;
          const reason = messageOf(error);
          if (this.#troubles.get(`Namespace ${name}`) !== reason)
            this.options.log.warn("labels of a namespace cannot be read", { namespace: name, reason });
          this.#troubles.set(`Namespace ${name}`, reason);
        }
      await clock.pause(labelsMs * (1 + random() / 4), signal);
    }
  }
}

/** What of the settings the watches go by. */
function feedOf(settings: SourceSettings | undefined): unknown {
  return settings && [settings.kinds, settings.labels, settings.gatewayNamespaces];
}

/** What of a Gateway counts here. */
function readOf(gateway: KubeObject | undefined): unknown {
  const { metadata, spec, status } = (gateway ?? {}) as GatewayObject;
  return gateway && [metadata?.annotations, spec?.listeners, status?.addresses];
}
