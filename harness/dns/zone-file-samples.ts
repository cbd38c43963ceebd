const soa = "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n";

/** Zone files of z.example that Knot refuses, with what we say of them. */
export const badZoneFiles: readonly (readonly [text: string, says: string])[] = [
  ["@ 60 NS a.\n", "there is no SOA record"],
  [
    "$ORIGIN other.example.\n@ SOA a. b. 1 2 3 4 5\n",
    "line 2: the file is of the zone other.example, not of z.example",
  ],
  [`${soa}@ SOA a. b. 2 2 3 4 5\n`, "line 3: a second SOA record"],
  [`${soa}www A not-an-address\n`, 'line 3: "not-an-address" is not an IPv4 address'],
  [`${soa}www FOO a\n`, 'line 3: "FOO" is no record type'],
  [`${soa}www A 192.0.2.1 (\n`, "line 3: a parenthesis is not closed"],
  [`${soa}www A 192.0.2.1 )\n`, "line 3: a ) without its ("],
  [`${soa}www TXT "abc\n`, "line 3: a quote is not closed"],
  [`${soa}www CH A 192.0.2.1\n`, "line 3: the class CH"],
  [`${soa}a.b..c A 192.0.2.1\n`, 'line 3: "a.b..c" is not a name'],
  [`${soa}a HINFO x\n`, "line 3: HINFO lacks its system"],
  [`${soa}a TXT\n`, "line 3: TXT lacks its text"],
  [`${soa}a CAA 0 issue x y\n`, 'line 3: CAA ends before "y"'],
  [`${soa}a SVCB 1 . ALPN=h2\n`, 'line 3: "ALPN" is no parameter'],
  [`${soa}$GENERATE 1-2 h$ A 192.0.2.$\n`, "line 3: $GENERATE is BIND's alone"],
  [`${soa}$DATE 20260101000000\n`, "line 3: Knot does not read $DATE"],
  [`${soa}$INCLUDE other\n`, "line 3: $INCLUDE is not followed"],
  [`${soa}x WKS 192.0.2.1 6 25\n`, "line 3: Knot does not read the type WKS by that name"],
  [`${soa}x A6 0 ::1\n`, "line 3: Knot does not read the type A6 by that name"],
  [`${soa}x TXT ü\n`, 'line 3: "ü" has characters outside ASCII'],
  [`${soa}a CNAME b\na A 192.0.2.1\n`, "line 4: a.z.example has a CNAME beside A"],
  [`${soa}a CNAME b\na CNAME c\n`, "line 4: a.z.example has a second CNAME"],
  [`${soa}a DNAME b\nx.a A 192.0.2.1\n`, "line 4: x.a.z.example is below a.z.example"],
];

/** Zone files of z.example that Knot takes. */
export const goodZoneFiles: readonly string[] = [
  soa,
  `${soa}@ SOA a. b. 1 2 3 4 5\n`,
  `${soa}www A 192.0.2.1\nwww A 192.0.2.1\n`,
  `${soa}www 70 A 192.0.2.1\nwww 80 A 192.0.2.2\n`,
  `${soa}a 1h30m IN A 192.0.2.1\na IN 60 AAAA ::ffff:192.0.2.1\n`,
  `${soa}a LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n`,
  `${soa}a TYPE25 \\# 5 0000030800\n`,
  `${soa}a KEY 0 3 8 AQPSKmyn\na CERT PKIX 1 RSASHA256 AAAA\n`,
  `${soa}a DS 1 RSASHA256 2 aabb\na SVCB 1 . alpn=h2 dohpath=/q{?dns} ohttp key9="\\000\\029"\n`,
  `${soa}*.a A 192.0.2.1\n`,
  `${soa}a TXT unquoted ;comment (\n`,
];
