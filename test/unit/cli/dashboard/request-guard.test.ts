import { expect } from "chai";
import { isLoopback, refusalOf, securityHeaders } from "../../../../src/cli/dashboard/request-guard";

const loopback = { address: "127.0.0.1", names: [] };
const statusFor = (headers: Readonly<Record<string, string>>, allowed: Parameters<typeof refusalOf>[1] = loopback) =>
  refusalOf({ method: "GET", headers }, allowed)?.status;

describe("who may ask for the page", () => {
  for (const host of ["127.0.0.1:8053", "127.0.0.1", "localhost:8053", "LOCALHOST", "[::1]:8053", "localhost:9000"])
    it(`is a browser that knows it as ${host}`, () => {
      expect(statusFor({ host })).to.equal(undefined);
    });

  for (const host of [
    "evil.example:8053",
    "localhost.evil.example",
    "127.0.0.1.evil.example:8053",
    "evil.example@localhost",
    "192.0.2.1:8053",
    "localhost:8053/x",
    "a b",
    "[::1",
    "",
  ])
    it(`is none that asks for "${host}", whose page could read it then`, () => {
      expect(statusFor({ host })).to.equal(421);
    });

  it("is nobody who names no host", () => {
    expect(statusFor({})).to.equal(421);
  });

  it("is asked by a name of the user's own, and by the address that it listens at", () => {
    const allowed = { address: "192.0.2.7", names: ["dns.corp.example"] };
    expect(statusFor({ host: "dns.corp.example" }, allowed)).to.equal(undefined);
    expect(statusFor({ host: "192.0.2.7:8053" }, allowed)).to.equal(undefined);
    expect(statusFor({ host: "192.0.2.8:8053" }, allowed)).to.equal(421);
    expect(statusFor({ host: "192.0.2.8:8053" }, { address: "0.0.0.0", names: [] })).to.equal(undefined);
    expect(statusFor({ host: "evil.example" }, { address: "0.0.0.0", names: [] })).to.equal(421);
    expect(statusFor({ host: "[2001:db8::7]:1" }, { address: "2001:db8:0::7", names: [] })).to.equal(undefined);
  });

  it("is no page from elsewhere, which would take up the streams; a link to it is followed", () => {
    const host = "localhost:8053";
    expect(statusFor({ host, origin: "http://evil.example" })).to.equal(403);
    expect(statusFor({ host, origin: "null" })).to.equal(403);
    expect(statusFor({ host, origin: "http://localhost:9999" })).to.equal(403);
    expect(statusFor({ host, origin: "http://localhost:8053", "sec-fetch-site": "same-origin" })).to.equal(undefined);
    expect(statusFor({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).to.equal(403);
    expect(statusFor({ host, "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" })).to.equal(403);
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect(statusFor({ host, ...link, "sec-fetch-dest": "document" })).to.equal(undefined);
    expect(statusFor({ host, ...link, "sec-fetch-dest": "iframe" })).to.equal(403);
    expect(statusFor({ host, "sec-fetch-site": "none" })).to.equal(undefined);
  });

  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
    it(`changes nothing: ${method} is refused`, () => {
      expect(refusalOf({ method, headers: { host: "localhost" } }, loopback)?.status).to.equal(405);
    });
});

describe("the page's headers", () => {
  it("let nothing in from elsewhere, and no script or style that stands in the page", () => {
    const policy = securityHeaders["content-security-policy"] ?? "";
    const directives = new Map(policy.split("; ").map((each) => each.split(/ (.*)/) as [string, string]));
    expect(directives.get("default-src")).to.equal("'none'");
    for (const name of ["script-src", "style-src", "img-src", "connect-src"])
      expect(directives.get(name), name).to.equal("'self'");
    for (const name of ["base-uri", "form-action", "frame-ancestors", "trusted-types"])
      expect(directives.get(name), name).to.equal("'none'");
    expect(policy).not.to.match(/unsafe|http|data:|\*/);
  });
});

describe("loopback", () => {
  it("is what others cannot reach", () => {
    for (const address of ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
      expect(isLoopback(address), address).to.equal(true);
    for (const address of ["0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "localhost", "127.0.0.1.example"])
      expect(isLoopback(address), address).to.equal(false);
  });
});
