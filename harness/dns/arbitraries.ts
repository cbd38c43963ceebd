import fc from "fast-check";

import { formatIpv4, formatIpv6 } from "../../src/dns/address";
import type { Message } from "../../src/dns/message";
import { formatLabel } from "../../src/dns/name";
import type { RecordData, ResourceRecord } from "../../src/dns/record";
import { typeName } from "../../src/dns/types";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const latin1 = (minLength: number, maxLength: number) =>
  octets(minLength, maxLength).map((each) => Buffer.from(each).toString("latin1"));

const label = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("a", "b", "www", "mesh", "_zone", "*", "xn--bcher-kva") },
  { weight: 1, arbitrary: octets(1, 20).map(formatLabel) },
);

/** Normalised names, many of which share suffixes. */
export const names = fc.array(label, { maxLength: 6 }).map((labels) => labels.join("."));

const soa = fc.record({
  type: fc.constant("SOA" as const),
  mname: names,
  rname: names,
  serial: u32,
  refresh: u32,
  retry: u32,
  expire: u32,
  minimum: u32,
});

/** Types that are carried as octets and hold no names. */
const opaque = fc.integer({ min: 43, max: 0xfffe }).filter((type) => ![250, 257].includes(type));

/** Data of any type, in the form that decoding gives. */
export const data: fc.Arbitrary<RecordData> = fc.oneof(
  soa,
  fc.record({ type: fc.constant("A" as const), address: octets(4, 4).map(formatIpv4) }),
  fc.record({ type: fc.constant("AAAA" as const), address: octets(16, 16).map(formatIpv6) }),
  fc.record({
    type: fc.constantFrom("NS" as const, "CNAME" as const, "PTR" as const, "DNAME" as const),
    target: names,
  }),
  fc.record({ type: fc.constant("TXT" as const), strings: fc.array(latin1(0, 255), { minLength: 1, maxLength: 4 }) }),
  fc.record({ type: fc.constant("MX" as const), preference: u16, exchange: names }),
  fc.record({ type: fc.constant("SRV" as const), priority: u16, weight: u16, port: u16, target: names }),
  fc.record({ type: fc.constant("CAA" as const), flags: u8, tag: latin1(1, 255), value: latin1(0, 40) }),
  fc.record({ type: fc.constant("OTHER" as const), typeName: opaque.map(typeName), rdata: octets(1, 60) }),
);

const classes = fc.constantFrom("IN" as const, "CH" as const, "NONE" as const, "ANY" as const);

const records: fc.Arbitrary<ResourceRecord> = fc
  .record({ name: names, class: classes, ttl: u32, data })
  .map(({ data: rdata, ...rest }) => ({ ...rest, ...rdata }));

/** RRset deletions and prerequisites of RFC 2136: a type without RDATA. */
const typesOnly: fc.Arbitrary<ResourceRecord> = fc.record({
  name: names,
  class: fc.constantFrom("NONE" as const, "ANY" as const),
  ttl: fc.constant(0),
  type: fc.constant("OTHER" as const),
  typeName: fc.constantFrom("A", "SOA", "TXT", "ANY", "RP"),
  rdata: fc.constant(new Uint8Array()),
});

const section = fc.array(fc.oneof({ weight: 5, arbitrary: records }, { weight: 1, arbitrary: typesOnly }), {
  maxLength: 8,
});

const flags = fc.record({
  qr: fc.boolean(),
  opcode: fc.integer({ min: 0, max: 15 }),
  aa: fc.boolean(),
  tc: fc.boolean(),
  rd: fc.boolean(),
  ra: fc.boolean(),
  ad: fc.boolean(),
  cd: fc.boolean(),
});

const question = fc.record({ name: names, type: u16.map(typeName), class: classes });

const base = {
  id: u16,
  flags,
  questions: fc.array(question, { maxLength: 2 }),
  answers: section,
  authorities: section,
  additionals: section,
};

const edns = fc.record({ udpPayload: u16, version: u8, dnssecOk: fc.boolean(), options: octets(0, 30) });

/** Messages of any kind, in the form that decoding gives. */
export const messages: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ ...base, rcode: fc.integer({ min: 0, max: 15 }) }),
  fc.record({ ...base, rcode: fc.integer({ min: 0, max: 4095 }), edns }),
);
