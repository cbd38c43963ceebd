import { isDeepStrictEqual } from "node:util";

import { KubeError, type KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import { poolKind } from "../../pools/model";
import { checkFields, type PoolClaim } from "../../pools/source-pools";
import { poolOf } from "../../pools/spec";
import { apiVersion, collectionPath, objectPath, poolPlural } from "../../records/model";
import { sourceLabel } from "../../records/sources/kinds";
import { fieldManager } from "./event-queue";
import type { PoolEntry } from "./pools/pool-store";
import type { Source } from "./source-feed";

/** A DnsPool as far as it counts for what it was made of. */
export type MadePool = Pick<PoolEntry, "uid" | "object" | "reading" | "status">;

/** Pools that were made of other objects. */
export interface MadePools {
  /** What was made of another object and is there, or is about to go: in the namespace that this is in, or in any. */
  readonly madeOf: (sourceUid: string, namespace?: string) => readonly MadePool[];
  /** The pool of a name in a namespace, whoever made it. */
  readonly named: (namespace: string, name: string) => MadePool | undefined;
  /** Uids of objects that pools were made of. */
  readonly sources: () => readonly string[];
  /** Whether all pools of a namespace are known: before, one that is there would be made again. */
  readonly isListed: (namespace: string) => boolean;
}

/** What {@link SourcePools} work with. */
export interface SourcePoolsOptions {
  readonly client: Pick<KubeClient, "merge" | "create" | "remove">;
  readonly pools: () => MadePools;
}

const noCheck = Object.fromEntries(checkFields.map((field) => [field, null]));

/** Makes DnsPools of other objects, changes them, and takes them away. */
export class SourcePools {
  constructor(private readonly options: SourcePoolsOptions) {}

  isListed(namespace: string): boolean {
    return this.options.pools().isListed(namespace);
  }

  madeOf(sourceUid: string, namespace?: string): readonly MadePool[] {
    return this.options
      .pools()
      .madeOf(sourceUid, namespace)
      .filter(({ object }) => !object.isLeaving);
  }

  /** Why pools that are asked for are not served, or not made, for whoever has their source. */
  refusals(source: Source, claims: readonly PoolClaim[], made: readonly MadePool[]): readonly string[] {
    return claims.flatMap(({ name }) => {
      if (this.#isTaken(source, name, made))
        return [`there is a DnsPool ${name} that was not made of this object: delete it, and this one gets its own`];
      const refusal = refusalOf(made.find(({ object }) => object.metadata.name === name));
      return refusal === undefined ? [] : [`the DnsPool ${name} is refused: ${refusal}`];
    });
  }

  /**
   * Makes a pool, or makes it what its source asks for.
   *
   * @returns whether it is: not so where somebody else has one of its name.
   * @throws KubeError
   */
  async settle(source: Source, claim: PoolClaim, made: readonly MadePool[]): Promise<boolean> {
    if (this.#isTaken(source, claim.name, made)) return false;
    const there = made.find(({ object }) => object.metadata.name === claim.name);
    if (there === undefined) await this.#make(source, claim);
    else if (!isDeepStrictEqual(there.reading, poolOf(claim.spec))) await this.#change(there, claim);
    return true;
  }

  #isTaken({ namespace }: Source, name: string, made: readonly MadePool[]): boolean {
    if (made.some(({ object }) => object.metadata.name === name)) return false;
    return this.options.pools().named(namespace, name)?.object.isLeaving === false;
  }

  /** @throws KubeError */
  async remove({ object, uid }: MadePool): Promise<void> {
    await this.options.client.remove(pathOf(object), uid);
  }

  async #make({ kind, apiVersion: version, namespace, name, uid }: Source, claim: PoolClaim): Promise<void> {
    const pool = {
      apiVersion,
      kind: poolKind,
      metadata: {
        name: claim.name,
        labels: { [sourceLabel]: kind },
        ownerReferences: [{ apiVersion: version, kind, name, uid, controller: true }],
      },
      spec: claim.spec,
    };
    await this.options.client
      .create(collectionPath(poolPlural, namespace), pool as KubeObject)
      .catch((error: unknown) => {
        // The watch is late: what is there is looked at once it has come.
        if (!(error instanceof KubeError) || error.status !== 409) throw error;
      });
  }

  async #change({ object }: MadePool, { spec }: PoolClaim): Promise<void> {
    const { resourceVersion } = object.metadata;
    // A merge leaves what it does not name.
    const check = spec.check && { ...noCheck, ...spec.check };
    const change = { metadata: { resourceVersion }, spec: { ...spec, check: check ?? null } } as unknown as KubeObject;
    await this.options.client.merge(pathOf(object), change, fieldManager).catch((error: unknown) => {
      // The watch brings what it is by now, and it is looked at again.
      if (!(error instanceof KubeError) || error.status !== 409) throw error;
    });
  }
}

/** Whether a pool is answered by every site, as it is now. */
export function isAnswered(pool: MadePool): boolean {
  return conditionOf(pool, "Ready")?.status === "True";
}

/** Why a pool, as it is now, is not served; undefined where nothing is said against it. */
export function refusalOf(pool: MadePool | undefined): string | undefined {
  const accepted = pool && conditionOf(pool, "Accepted");
  return accepted?.status === "False" ? accepted.message : undefined;
}

function conditionOf({ object, status }: MadePool, wanted: string) {
  const { generation } = object.metadata;
  return status.conditions?.find(
    ({ type, observedGeneration }) => type === wanted && observedGeneration === generation,
  );
}

function pathOf({ metadata }: MadePool["object"]): string {
  return objectPath(poolPlural, metadata);
}
