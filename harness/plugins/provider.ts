import type { Properties } from "./wire";

/** How a property differs, as the engine shows it; `-replace` kinds force a replacement. */
export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

/** What `Diff` found. No entry in `detail`: nothing to do. */
export interface Difference {
  /** Property path → kind of change. */
  readonly detail: Readonly<Record<string, DiffKind>>;
}

/** Names a resource in a request. */
export interface ResourceName {
  readonly urn: string;
  /** The type token, for instance `kubernetes:core/v1:ConfigMap`. */
  readonly type: string;
  /** The logical name. */
  readonly name: string;
}

/** Inputs as the program gave them. `olds` are the inputs of the last run, if there was one. */
export interface CheckRequest extends ResourceName {
  readonly olds: Properties | undefined;
  readonly news: Properties;
  readonly randomSeed: Uint8Array;
}

/** What `Check` made of the inputs; a failure stops the operation before anything is changed. */
export interface Checked {
  readonly inputs: Properties;
  readonly failures?: readonly { readonly property: string; readonly reason: string }[];
}

/** Old state against new inputs. */
export interface DiffRequest extends ResourceName {
  readonly id: string;
  readonly oldInputs: Properties;
  readonly oldState: Properties;
  readonly news: Properties;
  readonly ignoreChanges: readonly string[];
}

/** Makes a resource, or, in a preview, says what it would be. */
export interface CreateRequest extends ResourceName {
  readonly news: Properties;
  readonly preview: boolean;
}

/** Changes a resource in place. */
export interface UpdateRequest extends DiffRequest {
  readonly preview: boolean;
}

/** Reads what a resource is now. */
export interface ReadRequest extends ResourceName {
  readonly id: string;
  readonly inputs: Properties;
  readonly state: Properties;
}

/** Removes a resource. */
export interface DeleteRequest extends ResourceName {
  readonly id: string;
  readonly state: Properties;
}

/** A resource as it is after an operation; `undefined` from `read` says that it is gone. */
export interface ResourceState {
  readonly id: string;
  readonly outputs: Properties;
  /** Inputs that a read derived from the live resource. */
  readonly inputs?: Properties;
}

/** One of Pulumi's resource plugins, without the wire. */
export interface Provider {
  readonly version: string;
  /** The provider's own configuration changed: which of the changed keys force a replacement of it, and so of all its resources. */
  diffConfig(olds: Properties, news: Properties): Difference;
  configure(config: Properties): void;
  check(request: CheckRequest): Promise<Checked>;
  diff(request: DiffRequest): Promise<Difference>;
  create(request: CreateRequest): Promise<ResourceState>;
  read(request: ReadRequest): Promise<ResourceState | undefined>;
  update(request: UpdateRequest): Promise<Properties>;
  delete(request: DeleteRequest): Promise<void>;
  invoke(token: string, args: Properties): Promise<Properties>;
}
