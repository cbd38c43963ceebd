import type { DnsRecordSpec } from "../../src/records/model";

/** As the seed has it, to the letter. */
export const seedExample = `apiVersion: "dns.mesh.io/v1alpha1"
kind: "DnsRecord"
metadata:
  name: "new-server-in-standard-1"
spec:
  zone: "standard-1.internal.dns"
  name: "new-server"
  ttl: 3600
  type: "A"
  value: "10.10.1.5"
`;

type Good = Omit<DnsRecordSpec, "zone">;

const hash = "0".repeat(64);

/** One of each type and form that must pass both the API server and the operator. */
export const goodSpecs: readonly Good[] = [
  { name: "@", type: "A", value: "192.0.2.1" },
  { name: "*", type: "AAAA", values: ["2001:db8::1", "2001:DB8::2"] },
  { name: "*.apps", type: "CNAME", value: "ingress" },
  { name: "Web", type: "CNAME", value: "example.org." },
  { name: "back", type: "CNAME", value: "@" },
  { name: "absolute.standard-1.internal.dns.", type: "A", value: "192.0.2.1" },
  { name: "0/25", type: "NS", value: "ns1.example.org." },
  { name: "dotted\\.label", type: "TXT", value: "plain" },
  { name: "My\\032Printer._ipp._tcp", type: "TXT", value: '"rp=printers/a" "note=first floor"' },
  { name: "@", type: "TXT", value: '"v=spf1 mx -all"' },
  { name: "quoted", type: "TXT", value: '"say \\"hi\\"; \\\\o/ \\010"' },
  { name: "k1._domainkey", type: "TXT", value: `"v=DKIM1; p=${"A".repeat(200)}" "${"B".repeat(200)}"` },
  { name: "@", type: "MX", values: ["10 mail", "20 mail.example.org."] },
  { name: "nomail", type: "MX", value: "0 ." },
  { name: "_sip._tcp", type: "SRV", value: "0 5 5060 sip" },
  { name: "@", type: "CAA", values: ['0 issue "letsencrypt.org"', "128 iodef mailto:ca@example.org"] },
  { name: "5", type: "PTR", value: "host.example.org." },
  { name: "child", type: "NS", values: ["ns1.child", "ns2.example.org."] },
  { name: "_dns", type: "SVCB", value: "1 ns1.example.org. alpn=dot port=853" },
  { name: "@", type: "HTTPS", value: "0 www.example.org." },
  {
    name: "www",
    type: "HTTPS",
    value: '1 . alpn="h2,h3" ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 key667="a b"',
  },
  { name: "_443._tcp.www", type: "TLSA", value: `3 1 1 ${hash}` },
  { name: "@", type: "NAPTR", value: '100 10 "U" "E2U+sip" "!^.*$!sip:info@example.org!" .' },
  { name: "raw", type: "A", value: "\\# 4 0a0a0105" },
  { name: "folded", type: "TXT", value: "block\n" },
];
