import { ipv4, ipv6, name, seconds, sequence, u16, u32 } from "./parts";
import { carried, obsolete, typed, type TypeForm, unfolded } from "./type-form";

const compressedTarget = sequence({ target: name("target", "compressed") });
/** RFC 1183, RFC 2230: a preference and a host. */
const preferred = sequence({ preference: u16("preference"), host: name("host") });

/** Addresses, hosts and the ways between names: types whose data is names, numbers and addresses. */
export const nameTypes: readonly TypeForm[] = [
  typed("A", sequence({ address: ipv4 })),
  typed("AAAA", sequence({ address: ipv6 })),
  typed("NS", compressedTarget),
  typed("CNAME", compressedTarget),
  typed("PTR", compressedTarget),
  typed("DNAME", sequence({ target: name("target") })),
  typed(
    "SOA",
    sequence({
      mname: name("primary server", "compressed"),
      rname: name("mailbox", "compressed"),
      serial: u32("serial"),
      refresh: seconds("refresh"),
      retry: seconds("retry"),
      expire: seconds("expire"),
      minimum: seconds("minimum"),
    }),
  ),
  typed("MX", sequence({ preference: u16("preference"), exchange: name("exchange", "compressed") })),
  typed(
    "SRV",
    sequence({ priority: u16("priority"), weight: u16("weight"), port: u16("port"), target: name("target") }),
  ),
  ...["MD", "MF", "MB", "MG", "MR"].map((type) => obsolete(type, sequence({ host: name("host") }))),
  unfolded("MINFO", sequence({ responsible: name("mailbox"), errors: name("mailbox for errors") })),
  unfolded("RP", sequence({ mailbox: name("mailbox"), text: name("name of the text") })),
  ...["AFSDB", "RT", "KX"].map((type) => unfolded(type, preferred)),
  obsolete("PX", sequence({ preference: u16("preference"), map822: name("name"), mapx400: name("X.400 name") })),
  carried("LP", preferred),
];
