import { compare } from "bcryptjs";
import { expect } from "chai";
import { randomProvider } from "../../../../harness/plugins/random/provider";
import { isSecretValue, isUnknown, plain, type Properties } from "../../../../harness/plugins/wire";

const provider = randomProvider();
const type = "random:index/randomPassword:RandomPassword";

async function outputsOf(news: Properties, preview = false): Promise<Properties> {
  return (await provider.create({ urn: "", type, name: "x", news, preview })).outputs;
}

describe("the stand-in for random", () => {
  it("draws a password from the characters that were asked for", async () => {
    const settings = { length: 64, special: false, upper: false, minNumeric: 20 };
    const result = plain((await outputsOf(settings))["result"]) as string;
    expect(result).to.match(/^[a-z0-9]{64}$/);
    expect(result.replace(/\D/g, "").length).to.be.at.least(20);
    const other = plain(
      (
        await outputsOf({ length: 30, special: true, lower: false, upper: false, numeric: false, overrideSpecial: "_" })
      )["result"],
    );
    expect(other).to.equal("_".repeat(30));
  });

  it("keeps the password and its hash secret, and the hash is of that password", async () => {
    const outputs = await outputsOf({ length: 20 });
    expect([outputs["result"], outputs["bcryptHash"]].map(isSecretValue)).to.deep.equal([true, true]);
    expect(await compare(plain(outputs["result"]) as string, plain(outputs["bcryptHash"]) as string)).to.equal(true);
  });

  it("does not know the password in a preview", async () => {
    const outputs = await outputsOf({ length: 20 }, true);
    expect(isSecretValue(outputs["result"])).to.equal(true);
    expect(isUnknown(plain(outputs["result"]))).to.equal(true);
    expect(outputs["lower"]).to.equal(true);
  });

  it("says which argument is missing", async () => {
    const { failures } = await provider.check({
      urn: "",
      type,
      name: "x",
      olds: undefined,
      news: {},
      randomSeed: new Uint8Array(),
    });
    expect(failures?.map(({ property }) => property)).to.deep.equal(["length"]);
  });
});
