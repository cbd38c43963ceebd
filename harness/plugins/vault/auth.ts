import type { ResourceKind } from "../bridged";
import { isObject, type Json, type Properties } from "../wire";
import { text, type Vault } from "./engines";
import { type Field, fromVault, tokenFields, toVault } from "./fields";

/** Seconds as the real plugin keeps them: `10m`. */
export function duration(seconds: Json | undefined): string {
  const whole = typeof seconds === "number" ? seconds : 0;
  if (whole % 3600 === 0) return `${whole / 3600}h`;
  return whole % 60 === 0 ? `${whole / 60}m` : `${whole}s`;
}

/** The tuning of an auth method, as it stands in the state. */
async function tuneOf(vault: Vault, path: string): Promise<Properties> {
  const live = (await vault().find(`sys/auth/${path}/tune`)) ?? {};
  return {
    allowedResponseHeaders: live["allowed_response_headers"] ?? [],
    auditNonHmacRequestKeys: live["audit_non_hmac_request_keys"] ?? [],
    auditNonHmacResponseKeys: live["audit_non_hmac_response_keys"] ?? [],
    defaultLeaseTtl: duration(live["default_lease_ttl"]),
    listingVisibility: live["listing_visibility"] ?? "",
    maxLeaseTtl: duration(live["max_lease_ttl"]),
    passthroughRequestHeaders: live["passthrough_request_headers"] ?? [],
    tokenType: live["token_type"] ?? "default-service",
  };
}

async function enable(vault: Vault, path: string, inputs: Properties): Promise<void> {
  const type = text(inputs, "type", "jwt");
  await vault().write(`sys/auth/${path}`, {
    type,
    description: text(inputs, "description"),
    local: inputs["local"] === true,
  });
  await tune(vault, path, inputs);
}

async function tune(vault: Vault, path: string, inputs: Properties): Promise<void> {
  const wanted = isObject(inputs["tune"]) ? inputs["tune"] : {};
  const fields: readonly Field[] = [
    ["defaultLeaseTtl", "default_lease_ttl", null],
    ["maxLeaseTtl", "max_lease_ttl", null],
    ["listingVisibility", "listing_visibility", null],
    ["tokenType", "token_type", null],
  ];
  const sent = toVault(fields, wanted);
  if (Object.keys(sent).length > 0) await vault().write(`sys/auth/${path}/tune`, sent);
}

/** `vault.AuthBackend`: any auth method at a path. */
export function authBackendKind(vault: Vault): ResourceKind {
  const read = async (path: string): Promise<Properties | undefined> => {
    const live = await vault().find(`sys/auth/${path}`);
    if (!live) return undefined;
    return {
      accessor: live["accessor"] ?? "",
      description: live["description"] ?? "",
      disableRemount: false,
      id: path,
      identityTokenKey: null,
      local: live["local"] ?? false,
      namespace: null,
      path,
      tune: await tuneOf(vault, path),
      type: live["type"] ?? "",
    };
  };
  return {
    required: ["type"],
    updatable: ["tune", "description"],
    secrets: [],
    computed: ["accessor", "path", "tune", "id"],
    async create(inputs) {
      const path = text(inputs, "path", text(inputs, "type"));
      await enable(vault, path, inputs);
      return { id: path, outputs: (await read(path)) ?? {} };
    },
    read: (id) => read(id),
    async update(id, inputs) {
      await tune(vault, id, inputs);
      return (await read(id)) ?? {};
    },
    delete: (id) => vault().remove(`sys/auth/${id}`),
  };
}

const jwtConfigFields: readonly Field[] = [
  ["boundIssuer", "bound_issuer", ""],
  ["defaultRole", "default_role", ""],
  ["jwksCaPem", "jwks_ca_pem", ""],
  ["jwksPairs", "jwks_pairs", null],
  ["jwksUrl", "jwks_url", ""],
  ["jwtSupportedAlgs", "jwt_supported_algs", null],
  ["jwtValidationPubkeys", "jwt_validation_pubkeys", null],
  ["namespaceInState", "namespace_in_state", true],
  ["oidcClientId", "oidc_client_id", ""],
  ["oidcDiscoveryCaPem", "oidc_discovery_ca_pem", ""],
  ["oidcDiscoveryUrl", "oidc_discovery_url", ""],
  ["oidcResponseMode", "oidc_response_mode", ""],
  ["oidcResponseTypes", "oidc_response_types", null],
  ["providerConfig", "provider_config", null],
];

/** `vault.jwt.AuthBackend`. Vault drops the last newline of public keys: what it answers stands in the state. */
export function jwtBackendKind(vault: Vault): ResourceKind {
  const read = async (path: string, known: Properties): Promise<Properties | undefined> => {
    const [live, config] = [await vault().find(`sys/auth/${path}`), await vault().find(`auth/${path}/config`)];
    if (!live || !config) return undefined;
    return {
      ...fromVault(jwtConfigFields, config),
      accessor: live["accessor"] ?? "",
      description: known["description"] ?? null,
      disableRemount: false,
      id: path,
      local: live["local"] ?? false,
      namespace: null,
      oidcClientSecret: known["oidcClientSecret"] ?? null,
      oidcClientSecretWo: null,
      oidcClientSecretWoVersion: null,
      path,
      tune: await tuneOf(vault, path),
      type: live["type"] ?? "",
    };
  };
  const configure = (path: string, inputs: Properties): Promise<Properties> =>
    vault().write(`auth/${path}/config`, toVault(jwtConfigFields, inputs));
  return {
    required: [],
    defaults: { namespaceInState: true },
    updatable: [...jwtConfigFields.map(([name]) => name), "tune"],
    secrets: ["oidcClientSecret", "oidcClientSecretWo"],
    computed: ["accessor", "tune", "id"],
    async create(inputs) {
      const path = text(inputs, "path", "jwt");
      await enable(vault, path, inputs);
      await configure(path, inputs);
      return { id: path, outputs: (await read(path, inputs)) ?? {} };
    },
    read: (id, state) => read(id, state),
    async update(id, inputs) {
      await tune(vault, id, inputs);
      await configure(id, inputs);
      return (await read(id, inputs)) ?? {};
    },
    delete: (id) => vault().remove(`sys/auth/${id}`),
  };
}

const jwtRoleFields: readonly Field[] = [
  ...tokenFields,
  ["allowedRedirectUris", "allowed_redirect_uris", null],
  ["boundAudiences", "bound_audiences", null],
  ["boundClaims", "bound_claims", null],
  ["boundClaimsType", "bound_claims_type", "string"],
  ["boundSubject", "bound_subject", ""],
  ["claimMappings", "claim_mappings", null],
  ["clockSkewLeeway", "clock_skew_leeway", 0],
  ["expirationLeeway", "expiration_leeway", 0],
  ["groupsClaim", "groups_claim", ""],
  ["maxAge", "max_age", 0],
  ["notBeforeLeeway", "not_before_leeway", 0],
  ["oidcScopes", "oidc_scopes", null],
  ["roleType", "role_type", ""],
  ["userClaim", "user_claim", ""],
  ["userClaimJsonPointer", "user_claim_json_pointer", false],
  ["verboseOidcLogging", "verbose_oidc_logging", false],
];

interface RoleShape {
  readonly fields: readonly Field[];
  readonly required: readonly string[];
  readonly defaults: Properties;
  readonly computed: readonly string[];
  readonly backend: string;
  /** Outputs that do not come back with the role. */
  extra(path: string, known: Properties): Promise<Properties>;
}

function roleKind(vault: Vault, shape: RoleShape): ResourceKind {
  const backendOf = (properties: Properties): string => text(properties, "backend", shape.backend);
  const read = async (path: string, known: Properties): Promise<Properties | undefined> => {
    const live = await vault().find(path);
    if (!live) return undefined;
    const place = { backend: backendOf(known), id: path, namespace: null, roleName: text(known, "roleName") };
    return { ...fromVault(shape.fields, live), ...place, ...(await shape.extra(path, known)) };
  };
  const write = async (path: string, inputs: Properties): Promise<Properties> => {
    await vault().write(path, toVault(shape.fields, inputs));
    return (await read(path, inputs)) ?? {};
  };
  return {
    required: shape.required,
    defaults: shape.defaults,
    updatable: shape.fields.map(([name]) => name),
    secrets: [],
    computed: [...shape.computed, "id"],
    async create(inputs) {
      const path = `auth/${backendOf(inputs)}/role/${text(inputs, "roleName")}`;
      return { id: path, outputs: await write(path, inputs) };
    },
    read,
    update: write,
    delete: (id) => vault().remove(id),
  };
}

/** `vault.jwt.AuthBackendRole`. */
export function jwtRoleKind(vault: Vault): ResourceKind {
  return roleKind(vault, {
    fields: jwtRoleFields,
    required: ["roleName", "userClaim"],
    defaults: { tokenType: "default" },
    computed: [],
    backend: "jwt",
    extra: (_path, known) =>
      Promise.resolve({ disableBoundClaimsParsing: known["disableBoundClaimsParsing"] ?? false }),
  });
}

const appRoleFields: readonly Field[] = [
  ...tokenFields,
  ["bindSecretId", "bind_secret_id", true],
  ["localSecretIds", "local_secret_ids", false],
  ["secretIdBoundCidrs", "secret_id_bound_cidrs", null],
  ["secretIdNumUses", "secret_id_num_uses", 0],
  ["secretIdTtl", "secret_id_ttl", 0],
];

/** `vault.appRole.AuthBackendRole`. */
export function appRoleKind(vault: Vault): ResourceKind {
  return roleKind(vault, {
    fields: appRoleFields,
    required: ["roleName"],
    defaults: { bindSecretId: true, tokenType: "default" },
    computed: ["roleId"],
    backend: "approle",
    extra: async (path) => ({ roleId: text((await vault().find(`${path}/role-id`)) ?? {}, "role_id") }),
  });
}

/** `vault.appRole.getAuthBackendRoleId`. */
export async function getRoleId(vault: Vault, args: Properties): Promise<Properties> {
  const path = `auth/${text(args, "backend", "approle")}/role/${text(args, "roleName")}/role-id`;
  const live = await vault().find(path);
  if (!live) throw new Error(`no role found at "${path}"`);
  return { ...args, id: path, roleId: text(live, "role_id") };
}

/** `vault.appRole.AuthBackendRoleSecretId`. Its id holds the accessor. */
export function secretIdKind(vault: Vault): ResourceKind {
  const pathOf = (properties: Properties): string =>
    `auth/${text(properties, "backend", "approle")}/role/${text(properties, "roleName")}`;
  const named = (state: Properties): Properties => ({ secret_id_accessor: text(state, "accessor") });
  return {
    required: ["roleName"],
    updatable: [],
    secrets: ["secretId", "wrappingToken"],
    computed: ["accessor", "secretId", "id"],
    async create(inputs) {
      const metadata = text(inputs, "metadata", "{}");
      const asked: Properties = { metadata, num_uses: inputs["numUses"] ?? 0, ttl: `${Number(inputs["ttl"] ?? 0)}s` };
      if (Array.isArray(inputs["cidrLists"])) asked["cidr_list"] = inputs["cidrLists"];
      const made = await vault().write(`${pathOf(inputs)}/secret-id`, asked);
      const accessor = text(made, "secret_id_accessor");
      const backend = text(inputs, "backend", "approle");
      const id = `backend=${backend}::role=${text(inputs, "roleName")}::accessor=${accessor}`;
      const outputs: Properties = {
        accessor,
        backend,
        cidrLists: inputs["cidrLists"] ?? null,
        id,
        metadata,
        namespace: null,
        numUses: made["secret_id_num_uses"] ?? 0,
        roleName: text(inputs, "roleName"),
        secretId: text(made, "secret_id"),
        tokenBoundCidrs: null,
        ttl: made["secret_id_ttl"] ?? 0,
        withWrappedAccessor: null,
        wrappingAccessor: null,
        wrappingToken: null,
        wrappingTtl: null,
      };
      return { id, outputs };
    },
    async read(_id, state) {
      const live = await vault()
        .write(`${pathOf(state)}/secret-id-accessor/lookup`, named(state))
        .catch(() => undefined);
      return live && state;
    },
    async delete(_id, state) {
      await vault()
        .write(`${pathOf(state)}/secret-id-accessor/destroy`, named(state))
        .catch(() => undefined);
    },
  };
}
