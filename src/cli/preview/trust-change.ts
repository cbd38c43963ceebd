import type { WelcomePacket } from "../../mesh/model";
import type { SharedConfig } from "../../settings/shared-settings";
import type { DnsChange } from "./dns-change";

/** What other settings of the shared stack change about where keys and certificates come from. */
export function trustChanges(packets: readonly WelcomePacket[], config: SharedConfig): readonly DnsChange[] {
  const [first] = packets;
  if (first === undefined) return [];
  const setting = (name: string, was: string | undefined, is: string | undefined): readonly DnsChange[] =>
    was === is
      ? []
      : [
          {
            site: "mesh",
            what: "mesh",
            action: "change",
            name,
            setting: name,
            detail: `${was ?? "none"} → ${is ?? "none"}`,
          },
        ];
  const [old, now] = [first.vault, config.vault];
  const isMoved = old !== undefined && now !== undefined;
  return [
    ...setting("certificates", first.certificates ?? "pulumi", config.certificates),
    ...setting("vault", old === undefined ? undefined : "set", now === undefined ? undefined : "set"),
    ...(isMoved ? setting("vault.address", old.address, now.address) : []),
    ...(isMoved ? setting("vault.audience", old.audience, now.audience) : []),
    ...(isMoved ? packets.flatMap((packet) => loginChange(packet, config)) : []),
  ];
}

function loginChange({ site, vault }: WelcomePacket, { mesh }: SharedConfig): readonly DnsChange[] {
  const entry = mesh.sites.find(({ name }) => name === site.name);
  if (entry === undefined || vault === undefined) return [];
  const [was, is] = [vault.auth.method, entry.vault === undefined ? "approle" : "jwt"];
  if (was === is) return [];
  const name = "mesh.sites[].vault.serviceAccountKeys";
  return [
    {
      site: site.name,
      what: "site",
      action: "change",
      name: "login to Vault",
      setting: name,
      detail: `${was} → ${is}`,
    },
  ];
}
