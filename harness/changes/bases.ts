import { all, type Basis, dnssec, entry, shared, site, within, zone } from "./change";

/** The site's address stands among the Service's external ones. */
export const addressedOutside: Basis = {
  into: within("service", ({ addresses: [address] }) => ({ externalIPs: [address] })),
};

/** Keys and certificates come from Vault, which the site logs in to by AppRole. */
export const inVault: Basis = { into: shared(({ vaultAddress }) => ({ vault: { address: vaultAddress } })) };

/** The same by tokens of the site's cluster. */
export const inVaultByJwt: Basis = {
  into: all(
    inVault.into,
    entry((_, { serviceAccountKeys }) => ({ vault: { serviceAccountKeys } })),
  ),
};

/** The site has a resolver. */
export const withResolver: Basis = { into: site({ resolver: { replicas: 1, upstreams: ["192.0.2.53"] } }) };

/** Knot listens in both families, and the Service has the first. */
export const listeningInBoth: Basis = {
  into: all(
    site({ listen: ["0.0.0.0", "::"] }),
    within("service", { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] }),
  ),
};

/** A second root, which does not sign yet. */
export const withSecondRoot: Basis = { into: shared({ ca: { generation: 2, signing: 1, oldest: 1 } }) };

/** A second root, which signs. */
export const withRootThatSigns: Basis = { into: shared({ ca: { generation: 2, signing: 2, oldest: 1 } }) };

/** The site's zone is signed. */
export const signed: Basis = { into: zone({ dnssec: true }), out: [dnssec({ withdraw: true })] };

/** What a site needs that takes a zone from outside the mesh. */
export const withKeyOfPrimary: Basis = {
  into: site({
    readers: [{ name: "legacy", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 2).toString("base64") }],
    zoneGuard: {},
  }),
};
