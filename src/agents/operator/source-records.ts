import { isDeepStrictEqual } from "node:util";

import { KubeError, type KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import { apiVersion, collectionPath, kind as recordKind, objectPath, plural } from "../../records/model";
import type { SourceClaim } from "../../records/sources/claims";
import { sourceLabel } from "../../records/sources/kinds";
import { type EventQueue, fieldManager } from "./event-queue";
import { type Entry, isLeaving, type RecordStore } from "./record-store";
import type { Source } from "./source-feed";

/** What {@link SourceRecords} work with. */
export interface SourceRecordsOptions {
  readonly client: Pick<KubeClient, "get" | "merge" | "create" | "remove">;
  readonly store: Pick<RecordStore, "madeOf">;
  readonly events: Pick<EventQueue, "tell">;
}

/** What has the name of a DnsRecord that is to be made. */
export class TakenError extends Error {}

/** Makes DnsRecords of other objects, changes them, and takes them away. */
export class SourceRecords {
  /** Those of which it was said that they follow nothing, by their uids. */
  readonly #unfollowed = new Set<string>();

  constructor(private readonly options: SourceRecordsOptions) {}

  /** What was made of an object, and is not about to go. */
  madeOf(uid: string, namespace?: string): readonly Entry[] {
    return this.options.store.madeOf(uid, namespace).filter((entry) => !isLeaving(entry));
  }

  /**
   * Makes a DnsRecord, or makes it what its source asks for.
   *
   * @throws KubeError, and TakenError where something else has its name
   */
  async settle(source: Source, claim: SourceClaim): Promise<void> {
    const made = this.options.store.madeOf(source.uid, source.namespace);
    const there = made.find(({ object }) => object.metadata.name === claim.name);
    if (there === undefined) await this.#make(source, claim);
    else if (!isLeaving(there) && !isDeepStrictEqual(there.object.spec, claim.spec)) await this.change(there, claim);
  }

  /** @throws KubeError */
  async change({ object }: Entry, { spec }: SourceClaim): Promise<void> {
    const { resourceVersion } = object.metadata;
    await this.#merge(objectPath(plural, object.metadata), { metadata: { resourceVersion }, spec }).catch(
      (error: unknown) => {
        // The watch brings what it is by now, and it is looked at again.
        if (!(error instanceof KubeError) || error.status !== 409) throw error;
      },
    );
  }

  /** @throws KubeError */
  async remove({ object, uid }: Entry): Promise<void> {
    await this.options.client.remove(objectPath(plural, object.metadata), uid);
  }

  async #make(source: Source, claim: SourceClaim): Promise<void> {
    const metadata = { name: claim.name, labels: { [sourceLabel]: source.kind }, ownerReferences: [ownerOf(source)] };
    const object = { apiVersion, kind: recordKind, metadata, spec: claim.spec } as KubeObject;
    try {
      await this.options.client.create(collectionPath(plural, source.namespace), object);
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 409) throw error;
      await this.#takeBack(source, claim, error);
    }
  }

  /**
   * Takes the DnsRecord that has the name of one that is to be made. One that lost a part of what says that it is of its
   * source is given that again; whoever took all of it away has it for himself, and so has who wrote one.
   */
  async #takeBack(source: Source, claim: SourceClaim, taken: KubeError): Promise<void> {
    const path = objectPath(plural, { namespace: source.namespace, name: claim.name });
    const object = await this.options.client.get(path);
    // It has gone meanwhile.
    if (object === undefined) throw taken;
    const standing = standingOf(object, source);
    const { uid = "", resourceVersion } = object.metadata ?? {};
    if (standing === "foreign") this.#sayUnfollowed(source, { name: claim.name, uid });
    if (standing === "foreign" || standing === "going") throw new TakenError(takenBy[standing](source, claim.name));
    this.#unfollowed.delete(uid);
    // The watch is late.
    if (standing === "own") return;
    const labels = { [sourceLabel]: source.kind };
    const ownerReferences = [...ownersOf(object).filter((owner) => owner.uid !== source.uid), ownerOf(source)];
    await this.#merge(path, { metadata: { resourceVersion, labels, ownerReferences }, spec: claim.spec });
  }

  /** One value of its own is not what a source asks for. */
  #merge(
    path: string,
    { metadata, spec }: { readonly metadata: object; readonly spec: SourceClaim["spec"] },
  ): Promise<KubeObject> {
    const change = { metadata, spec: { ...spec, value: null } };
    return this.options.client.merge(path, change, fieldManager);
  }

  /** Says of a DnsRecord, once, that it does not follow the object that asks for its name. */
  #sayUnfollowed({ kind, namespace, name: of }: Source, { name, uid }: { name: string; uid: string }): void {
    if (this.#unfollowed.has(uid)) return;
    this.#unfollowed.add(uid);
    const message =
      `${kind} ${of} asks for this name, and this DnsRecord does not follow it: it has neither the label ` +
      `${sourceLabel}=${kind} nor an owner reference to it. Delete it, and one that follows is made`;
    const about = { apiVersion, kind: recordKind, name, namespace, uid };
    this.options.events.tell(about, { type: "Warning", reason: "SourceNotFollowed", message });
  }
}

const takenBy: Readonly<Record<"foreign" | "going", (source: Source, record: string) => string>> = {
  foreign: ({ kind }, record) =>
    `there is a DnsRecord ${record} that does not belong to this ${kind}, and does not follow it: delete it, and this one gets its own`,
  going: ({ kind, name }, record) => `the DnsRecord ${record} of a former ${kind} ${name} has yet to go`,
};

interface Owner {
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly controller?: boolean;
}

function ownerOf({ kind, apiVersion: version, name, uid }: Source): Owner & { readonly apiVersion: string } {
  return { apiVersion: version, kind, name, uid, controller: true };
}

function ownersOf({ metadata }: KubeObject): readonly Owner[] {
  return ((metadata ?? {}) as { readonly ownerReferences?: readonly Owner[] }).ownerReferences ?? [];
}

/**
 * How a DnsRecord stands to the source that one of its name is to be made of: `own`; `loose`, where its label or its owner
 * reference is missing; `going`, also with a former source of that name; `foreign` otherwise.
 */
function standingOf(object: KubeObject, { kind, name, uid }: Source): "own" | "loose" | "going" | "foreign" {
  const { labels, deletionTimestamp } = object.metadata ?? {};
  if (deletionTimestamp !== undefined) return "going";
  const isMarked = labels?.[sourceLabel] === kind;
  const owners = ownersOf(object);
  if (owners.some((owner) => owner.uid === uid)) return isMarked ? "own" : "loose";
  const controller = owners.find((owner) => owner.controller === true);
  if (isMarked && controller === undefined) return "loose";
  // Kubernetes deletes it with that.
  return isMarked && controller?.kind === kind && controller.name === name ? "going" : "foreign";
}
