import type { ResourceKind } from "../bridged";
import { isObject, type Json, type Properties } from "../wire";
import type { VaultApi } from "./api";

/** How a kind reaches the Vault that the plugin was configured with. */
export type Vault = () => VaultApi;

export function text(properties: Properties, key: string, absent = ""): string {
  const value = properties[key];
  return typeof value === "string" ? value : absent;
}

function object(value: Json | undefined): Properties {
  return isObject(value) ? value : {};
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function mountOutputs(inputs: Properties, live: Properties): Properties {
  const config = object(live["config"]);
  return {
    accessor: live["accessor"] ?? "",
    allowedManagedKeys: null,
    allowedResponseHeaders: null,
    auditNonHmacRequestKeys: list(config["audit_non_hmac_request_keys"]),
    auditNonHmacResponseKeys: list(config["audit_non_hmac_response_keys"]),
    defaultLeaseTtlSeconds: inputs["defaultLeaseTtlSeconds"] ?? 0,
    delegatedAuthAccessors: null,
    description: live["description"] ?? "",
    externalEntropyAccess: live["external_entropy_access"] ?? false,
    forceNoCache: config["force_no_cache"] ?? false,
    id: inputs["path"] ?? "",
    identityTokenKey: config["identity_token_key"] ?? "",
    listingVisibility: config["listing_visibility"] ?? "",
    local: live["local"] ?? false,
    maxLeaseTtlSeconds: inputs["maxLeaseTtlSeconds"] ?? 0,
    namespace: null,
    options: live["options"] ?? null,
    passthroughRequestHeaders: null,
    path: inputs["path"] ?? "",
    pluginVersion: null,
    sealWrap: live["seal_wrap"] ?? false,
    type: live["type"] ?? "",
  };
}

/** `vault.Mount`: a secrets engine at a path. */
export function mountKind(vault: Vault): ResourceKind {
  const config = (inputs: Properties): Properties => ({
    default_lease_ttl: `${Number(inputs["defaultLeaseTtlSeconds"] ?? 0)}s`,
    max_lease_ttl: `${Number(inputs["maxLeaseTtlSeconds"] ?? 0)}s`,
  });
  const read = async (inputs: Properties): Promise<Properties | undefined> => {
    const live = await vault().find(`sys/mounts/${text(inputs, "path")}`);
    return live && mountOutputs(inputs, live);
  };
  return {
    required: ["path", "type"],
    updatable: ["description", "defaultLeaseTtlSeconds", "maxLeaseTtlSeconds", "options"],
    secrets: [],
    computed: ["accessor", "id"],
    async create(inputs) {
      const path = text(inputs, "path");
      const body = {
        type: text(inputs, "type"),
        description: text(inputs, "description"),
        options: object(inputs["options"]),
        config: config(inputs),
      };
      await vault().write(`sys/mounts/${path}`, body);
      return { id: path, outputs: (await read(inputs)) ?? {} };
    },
    read: (_id, state) => read(state),
    async update(id, inputs) {
      const body = { description: text(inputs, "description"), options: object(inputs["options"]), ...config(inputs) };
      await vault().write(`sys/mounts/${id}/tune`, body);
      return (await read(inputs)) ?? {};
    },
    delete: (id) => vault().remove(`sys/mounts/${id}`),
  };
}

/** `vault.Policy`. */
export function policyKind(vault: Vault): ResourceKind {
  const outputs = (name: string, policy: string): Properties => ({
    allowOverwrite: null,
    id: name,
    name,
    namespace: null,
    policy,
  });
  const write = async (inputs: Properties): Promise<Properties> => {
    await vault().write(`sys/policies/acl/${text(inputs, "name")}`, { policy: text(inputs, "policy") });
    return outputs(text(inputs, "name"), text(inputs, "policy"));
  };
  return {
    required: ["policy"],
    autonamed: true,
    updatable: ["policy"],
    secrets: [],
    computed: ["id"],
    create: async (inputs) => ({ id: text(inputs, "name"), outputs: await write(inputs) }),
    async read(id) {
      const live = await vault().find(`sys/policies/acl/${id}`);
      return live && outputs(id, text(live, "policy"));
    },
    update: (_id, inputs) => write(inputs),
    delete: (id) => vault().remove(`sys/policies/acl/${id}`),
  };
}

function flat(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function flatMap(values: Properties): Properties {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, flat(value)]));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] ?? null)]));
}

/** `vault.kv.SecretV2`. What others wrote is not seen, and `data` stays empty, as with the real one: use `dataJson`. */
export function secretV2Kind(vault: Vault): ResourceKind {
  const pathOf = (inputs: Properties): string => `${text(inputs, "mount")}/data/${text(inputs, "name")}`;
  const write = async (inputs: Properties): Promise<Properties> => {
    const path = pathOf(inputs);
    const data = object(JSON.parse(text(inputs, "dataJson", "{}")) as Json);
    const cas = Number(inputs["cas"] ?? 0);
    await vault().write(path, { data, options: { ...object(inputs["options"]), ...(cas > 0 && { cas }) } });
    const live = object((await vault().find(path))?.["metadata"]);
    return {
      cas: inputs["cas"] ?? null,
      customMetadata: { casRequired: false, data: {}, deleteVersionAfter: 0, maxVersions: 0 },
      data: {},
      dataJson: JSON.stringify(sorted(data)),
      dataJsonWo: null,
      dataJsonWoVersion: null,
      deleteAllVersions: inputs["deleteAllVersions"] ?? false,
      disableRead: inputs["disableRead"] ?? false,
      id: path,
      metadata: flatMap(live),
      mount: text(inputs, "mount"),
      name: text(inputs, "name"),
      namespace: null,
      options: inputs["options"] ?? null,
      path,
    };
  };
  return {
    required: ["mount"],
    autonamed: true,
    updatable: ["dataJson", "cas", "deleteAllVersions", "disableRead", "options", "customMetadata"],
    secrets: ["data", "dataJson", "dataJsonWo"],
    computed: ["data", "metadata", "path", "id"],
    json: ["dataJson"],
    create: async (inputs) => ({ id: pathOf(inputs), outputs: await write(inputs) }),
    read: async (id, state) => ((await vault().find(id)) ? state : undefined),
    update: (_id, inputs) => write(inputs),
    delete: (id, state) =>
      vault().remove(state["deleteAllVersions"] === true ? id.replace("/data/", "/metadata/") : id),
  };
}

/** `vault.kv.getSecretV2`. */
export async function getSecretV2(vault: Vault, args: Properties): Promise<Properties> {
  const path = `${text(args, "mount")}/data/${text(args, "name")}`;
  const version = typeof args["version"] === "number" ? `?version=${args["version"]}` : "";
  const live = await vault().find(path + version);
  if (!live) throw new Error(`no secret found at "${path}"`);
  const metadata = object(live["metadata"]);
  const data = object(live["data"]);
  return {
    createdTime: metadata["created_time"] ?? "",
    customMetadata: object(metadata["custom_metadata"]),
    data: flatMap(data),
    dataJson: JSON.stringify(sorted(data)),
    deletionTime: metadata["deletion_time"] ?? "",
    destroyed: metadata["destroyed"] ?? false,
    id: path,
    mount: text(args, "mount"),
    name: text(args, "name"),
    path,
    version: metadata["version"] ?? 0,
  };
}
