import { BridgedProvider } from "../bridged";
import { VaultApi } from "./api";
import { appRoleKind, authBackendKind, getRoleId, jwtBackendKind, jwtRoleKind, secretIdKind } from "./auth";
import { getSecretV2, mountKind, policyKind, secretV2Kind, type Vault } from "./engines";
import { configIssuersKind, pkiRoleKind, rootCertKind } from "./pki";

/** Stands in for Pulumi's vault plugin: what the mesh uses of it, over the HTTP API of a real Vault. */
export function vaultProvider(): BridgedProvider {
  let api = new VaultApi({});
  const vault: Vault = () => api;
  return new BridgedProvider({
    version: "7.8.0",
    notesDefaults: true,
    configure: (config) => {
      api = new VaultApi(config);
    },
    kinds: {
      "vault:index/mount:Mount": mountKind(vault),
      "vault:index/policy:Policy": policyKind(vault),
      "vault:index/authBackend:AuthBackend": authBackendKind(vault),
      "vault:kv/secretV2:SecretV2": secretV2Kind(vault),
      "vault:jwt/authBackend:AuthBackend": jwtBackendKind(vault),
      "vault:jwt/authBackendRole:AuthBackendRole": jwtRoleKind(vault),
      "vault:appRole/authBackendRole:AuthBackendRole": appRoleKind(vault),
      "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": secretIdKind(vault),
      "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert": rootCertKind(vault),
      "vault:pkiSecret/secretBackendConfigIssuers:SecretBackendConfigIssuers": configIssuersKind(vault),
      "vault:pkiSecret/secretBackendRole:SecretBackendRole": pkiRoleKind(vault),
    },
    functions: {
      "vault:appRole/getAuthBackendRoleId:getAuthBackendRoleId": {
        secrets: [],
        call: (args) => getRoleId(vault, args),
      },
      "vault:kv/getSecretV2:getSecretV2": { secrets: ["data", "dataJson"], call: (args) => getSecretV2(vault, args) },
    },
  });
}
