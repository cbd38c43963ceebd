import { createHash } from "node:crypto";

import type {
  Checked,
  CheckRequest,
  CreateRequest,
  DeleteRequest,
  Difference,
  DiffKind,
  DiffRequest,
  Provider,
  ReadRequest,
  ResourceState,
  UpdateRequest,
} from "./provider";
import {
  hasUnknown,
  type Json,
  plainProperties,
  type Properties,
  sameJson,
  secret,
  unknown,
  without,
  withSecretsOf,
} from "./wire";

/** A resource as a kind makes it, without secret marks. */
export interface Made {
  readonly id: string;
  readonly outputs: Properties;
}

/** One kind of resource of a plugin that the real one bridges from a Terraform provider. Inputs and outputs come without secret marks. */
export interface ResourceKind {
  readonly required: readonly string[];
  /** Inputs that stand in the state although the program did not give them, marked as defaults (`__defaults`) by the real plugin. */
  readonly defaults?: Properties;
  /** The plugin names the resource itself when `name` is missing. */
  readonly autonamed?: boolean;
  /** Inputs whose change is made in place; every other replaces the resource. */
  readonly updatable: readonly string[];
  readonly secrets: readonly string[];
  /** Outputs that only exist once the resource does. */
  readonly computed: readonly string[];
  /** Inputs that are JSON texts, compared by content. */
  readonly json?: readonly string[];
  /** A property because of which the resource has to be replaced although no input changed. */
  readonly due?: (state: Properties) => string | undefined;
  /** Outputs that follow from the inputs alone. */
  readonly derived?: (inputs: Properties) => Properties;
  create(inputs: Properties): Promise<Made> | Made;
  /** Undefined when it is gone. Default: as in the state. */
  read?(id: string, state: Properties): Promise<Properties | undefined>;
  update?(id: string, inputs: Properties, state: Properties): Promise<Properties>;
  delete?(id: string, state: Properties): Promise<void>;
}

/** A function that programs call. Outputs in `secrets` are marked. */
export interface ProviderFunction {
  readonly secrets: readonly string[];
  call(args: Properties): Promise<Properties>;
}

/** What distinguishes one bridged plugin from another. */
export interface BridgedPlugin {
  readonly version: string;
  /** The real one notes in the inputs which of them are defaults. */
  readonly notesDefaults: boolean;
  readonly kinds: Readonly<Record<string, ResourceKind>>;
  readonly functions: Readonly<Record<string, ProviderFunction>>;
  configure?(config: Properties): void;
}

function sameText(left: Json | undefined, right: Json | undefined): boolean {
  if (typeof left !== "string" || typeof right !== "string") return sameJson(left, right);
  try {
    return sameJson(JSON.parse(left) as Json, JSON.parse(right) as Json);
  } catch {
    return left === right;
  }
}

/** Stands in for a plugin that is bridged from Terraform: random, tls, vault. */
export class BridgedProvider implements Provider {
  readonly version: string;

  constructor(private readonly plugin: BridgedPlugin) {
    this.version = plugin.version;
  }

  diffConfig(olds: Properties, news: Properties): Difference {
    const keys = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
      (key) => !sameJson(olds[key], news[key]),
    );
    return { detail: Object.fromEntries(keys.map((key) => [key, "update" as const])) };
  }

  configure(config: Properties): void {
    this.plugin.configure?.(plainProperties(config));
  }

  check(request: CheckRequest): Promise<Checked> {
    const kind = this.#kind(request.type);
    const defaults: Properties = { ...kind.defaults };
    if (kind.autonamed)
      defaults["name"] =
        request.olds?.["name"] ??
        `${request.name}-${createHash("sha256").update(request.randomSeed).digest("hex").slice(0, 7)}`;
    const added = Object.keys(defaults).filter((key) => request.news[key] === undefined);
    const inputs: Properties = { ...request.news };
    for (const key of added) inputs[key] = defaults[key] ?? null;
    if (this.plugin.notesDefaults) inputs["__defaults"] = added;
    const failures = kind.required
      .filter((key) => inputs[key] === undefined)
      .map((key) => ({
        property: key,
        reason: `Missing required argument: the argument "${key}" is required, but no definition was found`,
      }));
    return Promise.resolve({ inputs, failures });
  }

  diff(request: DiffRequest): Promise<Difference> {
    const kind = this.#kind(request.type);
    const state = plainProperties(request.oldState);
    const before = plainProperties(request.oldInputs);
    const after = plainProperties(request.news);
    const detail: Record<string, DiffKind> = {};
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (key === "__defaults" || request.ignoreChanges.includes(key)) continue;
      const old = before[key] === undefined ? undefined : (state[key] ?? before[key]);
      const same = kind.json?.includes(key) ? sameText(old, after[key]) : sameJson(old, after[key]);
      if (same) continue;
      const change = old === undefined ? "add" : after[key] === undefined ? "delete" : "update";
      detail[key] = kind.updatable.includes(key) ? change : `${change}-replace`;
    }
    const due = kind.due?.(state);
    if (due) detail[due] = "update-replace";
    return Promise.resolve({ detail });
  }

  async create(request: CreateRequest): Promise<ResourceState> {
    const kind = this.#kind(request.type);
    const inputs = plainProperties(request.news);
    if (request.preview) return { id: "", outputs: this.#marked(kind, this.#foreseen(kind, inputs), request.news) };
    const made = await kind.create(inputs);
    return { id: made.id, outputs: this.#marked(kind, made.outputs, request.news) };
  }

  async read(request: ReadRequest): Promise<ResourceState | undefined> {
    const kind = this.#kind(request.type);
    const state = plainProperties(request.state);
    const outputs = kind.read ? await kind.read(request.id, state) : state;
    if (!outputs) return undefined;
    const inputs: Properties = { ...request.inputs };
    for (const key of Object.keys(inputs)) inputs[key] = outputs[key] ?? inputs[key] ?? null;
    return {
      id: request.id,
      outputs: this.#marked(kind, outputs, request.state),
      inputs: withSecretsOf(inputs, request.inputs),
    };
  }

  async update(request: UpdateRequest): Promise<Properties> {
    const kind = this.#kind(request.type);
    const inputs = plainProperties(request.news);
    const state = plainProperties(request.oldState);
    const plainOutputs = request.preview
      ? { ...state, ...inputs, ...kind.derived?.(inputs) }
      : await kind.update?.(request.id, inputs, state);
    const outputs = without(plainOutputs ?? { ...state, ...inputs }, "__defaults");
    return this.#marked(kind, outputs, request.news);
  }

  async delete(request: DeleteRequest): Promise<void> {
    await this.#kind(request.type).delete?.(request.id, plainProperties(request.state));
  }

  async invoke(token: string, args: Properties): Promise<Properties> {
    const called = this.plugin.functions[token];
    if (!called) throw new Error(`the stand-in of this plugin has no function ${token}`);
    if (hasUnknown(args)) throw new Error(`${token} was called with a value that is not known yet`);
    return markSecrets(await called.call(plainProperties(args)), called.secrets);
  }

  #kind(type: string): ResourceKind {
    const kind = this.plugin.kinds[type];
    if (!kind) throw new Error(`the stand-in of this plugin has no resource ${type}`);
    return kind;
  }

  #foreseen(kind: ResourceKind, inputs: Properties): Properties {
    const given = without(inputs, "__defaults");
    const pending = Object.fromEntries(kind.computed.map((key) => [key, unknown]));
    return { ...kind.derived?.(given), ...given, ...pending };
  }

  #marked(kind: ResourceKind, outputs: Properties, marks: Properties): Properties {
    return markSecrets(withSecretsOf(outputs, marks), kind.secrets);
  }
}

function markSecrets(outputs: Properties, names: readonly string[]): Properties {
  const marked: Properties = { ...outputs };
  for (const name of names) if (marked[name] !== undefined) marked[name] = secret(marked[name]);
  return marked;
}
