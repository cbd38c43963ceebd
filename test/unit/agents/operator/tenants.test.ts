import { expect } from "chai";
import type { Tenant } from "../../../../src/records/tenants";
import { OperatorStage, type Turn } from "./operator-stage";

const namespaces = ["dns-system", "shop", "blog"];
const shop: Tenant = {
  namespaces: ["shop"],
  allow: [{ zones: ["a.example"], subtrees: ["shop.a.example", "both.a.example"], types: ["A"] }],
};
const blog: Tenant = { namespaces: ["blog"], allow: [{ zones: ["*"], types: ["A", "TXT"] }] };

describe("a record operator of a site with tenants", () => {
  let stage: OperatorStage;
  let turn: Turn;

  function start(tenants: readonly Tenant[] | undefined): void {
    stage = new OperatorStage({ namespaces });
    if (tenants !== undefined) stage.mount({ tenants });
    turn = stage.turn();
  }
  afterEach(() => turn.end());

  const until = (object: string, type: string, reason: string): Promise<void> => {
    const [namespace, name = ""] = object.split("/");
    return stage.clock.until(
      `${object} ${type} ${reason}`,
      () => stage.api.condition(name, type, namespace)?.reason === reason,
    );
  };
  const served = (namespace: string, ...names: string[]): Promise<unknown> =>
    Promise.all(names.map((name) => until(`${namespace}/${name}`, "Programmed", "AllSites")));
  const refused = (namespace: string, ...names: string[]): Promise<unknown> =>
    Promise.all(names.map((name) => until(`${namespace}/${name}`, "Accepted", "NotAllowed")));

  it("serves what is allowed, and says of the rest what is", async () => {
    start([shop, blog]);
    stage.api.make("good", { name: "www.shop" }, { namespace: "shop" });
    stage.api.make("bad", { name: "www" }, { namespace: "shop" });
    stage.api.make("own", { name: "www" });
    await served("shop", "good");
    await refused("shop", "bad");
    await served("dns-system", "own");
    const { status, message } = stage.api.condition("bad", "Accepted", "shop") ?? {};
    expect(status).to.equal("False");
    expect(message).to.match(/^namespace shop may not have A at www\.a\.example; it may have A in shop\.a\.example/);
    expect(stage.api.condition("bad", "Stalled", "shop")?.reason).to.equal("NotAllowed");
    expect(stage.api.find("bad", "shop")?.metadata.finalizers ?? []).to.deep.equal([]);
  });

  it("lets one go that was never allowed, and takes nothing away for it", async () => {
    start([shop, blog]);
    stage.api.make("own", { name: "www" });
    await served("dns-system", "own");
    stage.api.make("bad", { name: "www" }, { namespace: "shop" });
    await refused("shop", "bad");
    stage.api.remove("bad", "shop");
    await stage.clock.until("gone", () => stage.api.find("bad", "shop") === undefined);
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
  });

  it("takes nobody's word for what is served: neither our finalizer nor a wish to adopt opens a name", async () => {
    start([shop, { ...blog, most: 1 }]);
    stage.api.make("first", { name: "first" }, { namespace: "blog" });
    await served("blog", "first");
    stage.api.make("bad", { name: "www" }, { namespace: "shop", adopt: true });
    stage.api.make("more", { name: "more" }, { namespace: "blog" });
    stage.api.finalize("more", "blog");
    await refused("shop", "bad");
    await refused("blog", "more");
    expect([stage.writer.addresses("www"), stage.writer.addresses("more")]).to.deep.equal([[], []]);
  });

  it("keeps what is served of an object that is not allowed any more, takes no change of it, and takes it away with the object", async () => {
    start(undefined);
    stage.api.make("www", {}, { namespace: "shop" });
    await served("shop", "www");
    stage.mount({ tenants: [shop, blog] });
    await refused("shop", "www");
    expect(stage.api.condition("www", "Programmed", "shop")?.message).to.contain("stays as it is");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
    stage.api.edit("www", { value: "192.0.2.2" }, "shop");
    await stage.clock.until("seen", () => stage.api.condition("www", "Accepted", "shop")?.observedGeneration === 2);
    expect(stage.api.condition("www", "Accepted", "shop")?.reason).to.equal("NotAllowed");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
    stage.api.remove("www", "shop");
    await stage.clock.until("gone", () => stage.api.find("www", "shop") === undefined);
    expect(stage.writer.addresses("www")).to.deep.equal([]);
  });

  it("goes on saying so when another replica takes over, and when the sites that were away are back", async () => {
    start(undefined);
    stage.api.make("www", {}, { namespace: "shop" });
    await served("shop", "www");
    stage.mount({ tenants: [shop, blog] });
    await refused("shop", "www");
    await turn.end();
    turn = stage.turn("operator-1");
    stage.api.make("probe", { name: "probe.shop" }, { namespace: "shop" });
    await served("shop", "probe");
    expect(stage.api.condition("www", "Accepted", "shop")?.reason).to.equal("NotAllowed");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
  });

  it("takes all changes of an object that is allowed again", async () => {
    start([shop, blog]);
    stage.api.make("www", {}, { namespace: "shop" });
    await refused("shop", "www");
    stage.mount({ tenants: [{ ...shop, allow: blog.allow }, blog] });
    await served("shop", "www");
    expect(stage.api.condition("www", "Accepted", "shop")?.reason).to.equal("Valid");
  });

  describe("two namespaces that may have one name", () => {
    it("give it to the first with all its types; the other has it once the first has gone", async () => {
      start([shop, blog]);
      stage.api.make("mine", { name: "both" }, { namespace: "shop" });
      stage.api.make("too", { name: "both", value: "192.0.2.7" }, { namespace: "blog" });
      stage.api.make("text", { name: "both", type: "TXT", value: "x" }, { namespace: "blog" });
      await served("shop", "mine");
      await until("blog/too", "Conflict", "OtherNamespace");
      await until("blog/text", "Conflict", "OtherNamespace");
      expect(stage.api.condition("too", "Conflict", "blog")?.message).to.contain("belongs to namespace shop");
      expect(stage.writer.addresses("both")).to.deep.equal(["192.0.2.1"]);
      stage.api.remove("mine", "shop");
      await served("blog", "too", "text");
      expect(stage.writer.addresses("both")).to.deep.equal(["192.0.2.7"]);
    });

    it("share it on, when they did before there were tenants", async () => {
      start(undefined);
      stage.api.make("mine", { name: "both" }, { namespace: "shop" });
      stage.api.make("too", { name: "both", value: "192.0.2.7" }, { namespace: "blog" });
      await served("shop", "mine");
      await served("blog", "too");
      stage.mount({ tenants: [shop, blog] });
      await stage.clock.until("taken over", () => stage.lines.some((line) => line.includes("was brought up")));
      stage.api.make("third", { name: "both", value: "192.0.2.8" });
      await until("dns-system/third", "Conflict", "OtherNamespace");
      stage.api.edit("too", { value: "192.0.2.9" }, "blog");
      await stage.clock.until("changed", () => stage.writer.addresses("both").includes("192.0.2.9"));
      expect(stage.writer.addresses("both")).to.deep.equal(["192.0.2.1", "192.0.2.9"]);
    });
  });

  describe("a namespace with a number", () => {
    const two = { ...blog, most: 2 };

    it("has so many, and the next once one has gone", async () => {
      start([shop, two]);
      for (const name of ["one", "two", "three", "four"]) stage.api.make(name, {}, { namespace: "blog" });
      await served("blog", "one", "two");
      await refused("blog", "three", "four");
      expect(stage.api.condition("three", "Accepted", "blog")?.message).to.match(
        /^namespace blog has 2 DnsRecords already, as many as it may have; delete one/,
      );
      stage.api.edit("two", { value: "192.0.2.2" }, "blog");
      await stage.clock.until("changed", () => stage.writer.addresses("two")[0] === "192.0.2.2");
      stage.api.remove("one", "blog");
      await served("blog", "three");
      expect(stage.api.condition("four", "Accepted", "blog")?.reason).to.equal("NotAllowed");
    });

    it("keeps all that is served when the number falls, and takes no further one", async () => {
      start([shop, two]);
      for (const name of ["one", "two"]) stage.api.make(name, {}, { namespace: "blog" });
      await served("blog", "one", "two");
      stage.mount({ tenants: [shop, { ...blog, most: 1 }] });
      await stage.clock.until("taken over", () => stage.lines.some((line) => line.includes("was brought up")));
      stage.api.make("three", {}, { namespace: "blog" });
      await refused("blog", "three");
      expect(stage.api.condition("two", "Accepted", "blog")?.reason).to.equal("Valid");
      stage.api.edit("two", { value: "192.0.2.2" }, "blog");
      await stage.clock.until("changed", () => stage.writer.addresses("two")[0] === "192.0.2.2");
      stage.api.remove("one", "blog");
      await stage.clock.until("gone", () => stage.api.find("one", "blog") === undefined);
      expect(stage.api.condition("three", "Accepted", "blog")?.reason).to.equal("NotAllowed");
      stage.mount({ tenants: [shop, two] });
      await served("blog", "three");
    });

    it("keeps its places over a change of the leader, whatever comes first in the listing", async () => {
      start([shop, two]);
      for (const name of ["y", "z"]) stage.api.make(name, {}, { namespace: "blog" });
      await served("blog", "y", "z");
      stage.api.make("a", {}, { namespace: "blog" });
      await refused("blog", "a");
      await turn.end();
      turn = stage.turn("operator-1");
      stage.api.edit("z", { value: "192.0.2.2" }, "blog");
      await stage.clock.until("changed", () => stage.writer.addresses("z")[0] === "192.0.2.2");
      expect(stage.api.condition("a", "Accepted", "blog")?.reason).to.equal("NotAllowed");
    });
  });

  it("says of an object that is not allowed that, and not that it waits, while pod 0 is away", async () => {
    start([shop, blog]);
    stage.api.make("bad", { name: "both", type: "TXT", value: "x" }, { namespace: "shop" });
    await refused("shop", "bad");
    stage.writer.silent.add("a.example");
    stage.api.make("waits", { name: "both" }, { namespace: "shop" });
    await until("shop/waits", "Programmed", "WriterUnreachable");
    expect(stage.api.condition("bad", "Programmed", "shop")?.reason).to.equal("NotAllowed");
    stage.writer.silent.clear();
    await served("shop", "waits");
  });
});
