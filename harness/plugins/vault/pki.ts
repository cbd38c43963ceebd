import type { ResourceKind } from "../bridged";
import type { Json, Properties } from "../wire";
import { duration } from "./auth";
import { text, type Vault } from "./engines";
import { type Field, fromVault, toVault } from "./fields";

const rootFields: readonly Field[] = [
  ["commonName", "common_name", ""],
  ["excludeCnFromSans", "exclude_cn_from_sans", false],
  ["issuerName", "issuer_name", ""],
  ["keyBits", "key_bits", 0],
  ["keyType", "key_type", ""],
  ["maxPathLength", "max_path_length", -1],
  ["notBeforeDuration", "not_before_duration", ""],
  ["permittedDnsDomains", "permitted_dns_domains", null],
  ["ttl", "ttl", ""],
];

/** `vault.pkisecret.SecretBackendRootCert`: a root whose key Vault keeps. Nothing of it changes in place. */
export function rootCertKind(vault: Vault): ResourceKind {
  const issuerPath = (state: Properties): string => `${text(state, "backend")}/issuer/${text(state, "issuerId")}`;
  return {
    required: ["backend", "commonName", "type"],
    updatable: [],
    secrets: [],
    computed: ["certificate", "issuerId", "issuingCa", "keyId", "keyName", "serialNumber", "id"],
    async create(inputs) {
      const path = `${text(inputs, "backend")}/issuers/generate/root/${text(inputs, "type")}`;
      const made = await vault().write(path, toVault(rootFields, inputs));
      const outputs = {
        ...inputs,
        certificate: made["certificate"] ?? "",
        id: path,
        issuerId: made["issuer_id"] ?? "",
        issuerName: made["issuer_name"] ?? "",
        issuingCa: made["issuing_ca"] ?? "",
        keyId: made["key_id"] ?? "",
        keyName: made["key_name"] ?? "",
        serialNumber: made["serial_number"] ?? "",
      };
      return { id: path, outputs };
    },
    async read(_id, state) {
      const known = await vault()
        .send("GET", `${text(state, "backend")}/config/issuers`)
        .catch(() => undefined);
      return known && (await vault().find(issuerPath(state))) ? state : undefined;
    },
    async delete(_id, state) {
      await vault().remove(issuerPath(state));
      await vault().remove(`${text(state, "backend")}/key/${text(state, "keyId")}`);
    },
  };
}

/** `vault.pkisecret.SecretBackendConfigIssuers`: which root signs. Goes with its mount. */
export function configIssuersKind(vault: Vault): ResourceKind {
  const write = async (path: string, inputs: Properties): Promise<Properties> => {
    await vault().write(path, { default: text(inputs, "default") });
    return { ...inputs, id: path };
  };
  return {
    required: ["backend"],
    updatable: ["default"],
    secrets: [],
    computed: ["id"],
    async create(inputs) {
      const id = `${text(inputs, "backend")}/config/issuers`;
      return { id, outputs: await write(id, inputs) };
    },
    async read(id, state) {
      const live = await vault().find(id);
      return live && { ...state, default: live["default"] ?? "" };
    },
    update: write,
  };
}

const roleFields: readonly Field[] = [
  ["allowAnyName", "allow_any_name", false],
  ["allowBareDomains", "allow_bare_domains", false],
  ["allowGlobDomains", "allow_glob_domains", false],
  ["allowIpSans", "allow_ip_sans", true],
  ["allowLocalhost", "allow_localhost", true],
  ["allowSubdomains", "allow_subdomains", false],
  ["allowWildcardCertificates", "allow_wildcard_certificates", true],
  ["allowedDomains", "allowed_domains", null],
  ["clientFlag", "client_flag", true],
  ["issuerRef", "issuer_ref", "default"],
  ["keyBits", "key_bits", 0],
  ["keyType", "key_type", "rsa"],
  ["keyUsages", "key_usage", null],
  ["maxTtl", "max_ttl", "0"],
  ["noStore", "no_store", false],
  ["notBeforeDuration", "not_before_duration", "30s"],
  ["serverFlag", "server_flag", true],
  ["ttl", "ttl", "0"],
];

/** The real one keeps lifetimes as texts of seconds, and the time before as a short duration. */
function kept(live: Properties): Properties {
  const seconds = (value: Json | undefined): string => (typeof value === "number" ? String(value) : "0");
  return {
    ...live,
    ttl: seconds(live["ttl"]),
    max_ttl: seconds(live["max_ttl"]),
    not_before_duration: duration(live["not_before_duration"]),
  };
}

/** `vault.pkisecret.SecretBackendRole`. */
export function pkiRoleKind(vault: Vault): ResourceKind {
  const read = async (id: string, known: Properties): Promise<Properties | undefined> => {
    const live = await vault().find(id);
    const place = { backend: text(known, "backend"), id, name: text(known, "name") };
    return live && { ...fromVault(roleFields, kept(live)), ...place };
  };
  const write = async (id: string, inputs: Properties): Promise<Properties> => {
    await vault().write(id, toVault(roleFields, inputs));
    return (await read(id, inputs)) ?? {};
  };
  return {
    required: ["backend"],
    autonamed: true,
    updatable: roleFields.map(([name]) => name),
    secrets: [],
    computed: ["id"],
    async create(inputs) {
      const id = `${text(inputs, "backend")}/roles/${text(inputs, "name")}`;
      return { id, outputs: await write(id, inputs) };
    },
    read,
    update: write,
    delete: (id) => vault().remove(id),
  };
}
