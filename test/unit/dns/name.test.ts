import { expect } from "chai";
import fc from "fast-check";

import { encodeName, isSubdomain, labelsOf, parseName } from "../../../src/dns/name";
import { names } from "../../../harness/dns/arbitraries";
import { failureOf } from "./failure";

describe("names", () => {
  it("have one spelling", () => {
    expect(parseName("WWW.Example.COM.")).to.equal("www.example.com");
    expect(parseName("www.example.com")).to.equal("www.example.com");
    expect(parseName(".")).to.equal("");
    expect(parseName("")).to.equal("");
  });

  it("keep their spelling when parsed again", () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(parseName(name)).to.equal(name);
        expect(parseName(`${name}.`)).to.equal(name);
        expect(labelsOf(name).join(".")).to.equal(name);
      }),
    );
  });

  it("escape what is no plain label character (RFC 1035 section 5.1)", () => {
    expect(parseName("a\\.b.c")).to.equal("a\\.b.c");
    expect(parseName("a\\046b.c")).to.equal("a\\.b.c");
    expect(parseName("\\065.c")).to.equal("a.c");
    expect(parseName("a\\032b\\255\\000")).to.equal("a\\032b\\255\\000");
    expect(parseName("a\\\\.")).to.equal("a\\\\");
    expect(labelsOf("a\\.b.c\\\\.d")).to.deep.equal(["a\\.b", "c\\\\", "d"]);
    expect(encodeName("a\\.B.c").toString("latin1")).to.equal("\x03a.b\x01c\x00");
  });

  it("keep the limits of RFC 1035 section 2.3.4", () => {
    const long = "a".repeat(63);
    expect(parseName(long)).to.equal(long);
    expect(parseName([long, long, long, "a".repeat(61)].join("."))).to.have.length(253);
    for (const bad of [`${long}a`, [long, long, long, "a".repeat(62)].join("."), "\\065".repeat(64)])
      expect(failureOf(() => parseName(bad)).kind, bad).to.equal("malformed");
  });

  it("refuse empty labels, bad escapes and characters that are no octet of a name", () => {
    for (const bad of ["..", ".a", "a..b", "a\\", "a\\25", "a\\256", "a b", "bücher", "\u212a"])
      expect(failureOf(() => parseName(bad)).kind, bad).to.equal("malformed");
  });

  it("are below themselves, their parents and the root, and not below look-alikes", () => {
    expect(isSubdomain("a.example", "example")).to.equal(true);
    expect(isSubdomain("example", "example")).to.equal(true);
    expect(isSubdomain("example", "")).to.equal(true);
    expect(isSubdomain("", "example")).to.equal(false);
    expect(isSubdomain("badexample", "example")).to.equal(false);
    expect(isSubdomain("a\\.example", "example")).to.equal(false);
    expect(isSubdomain("a\\\\.example", "example")).to.equal(true);
  });
});
