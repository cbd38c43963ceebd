import { expect } from "chai";
import * as z from "zod/mini";
import { UserError } from "../../../src/base/errors";
import { objectOf, flag, listOf, problem, readShape, plainText, variantOf, zoneName } from "../../../src/base/shape";

const way = z.discriminatedUnion(
  "method",
  [objectOf({ method: z.literal("a"), path: plainText }), objectOf({ method: z.literal("b") })],
  variantOf("must be a or b"),
);
const schema = objectOf({
  name: zoneName,
  items: listOf(objectOf({ on: z.union([flag, objectOf({ each: listOf(plainText) })]) })),
  way: z.exactOptional(way),
}).check(problem(({ items }) => (items.length > 2 ? "has too many items" : undefined)));
const good = { name: "Zone.Example.", items: [{ on: true }, { on: { each: ["x"] } }] };

describe("the shape of JSON", () => {
  const refusal = (json: unknown, at = "thing:"): string => {
    try {
      readShape(schema, json, at);
      return "";
    } catch (error) {
      expect(error).to.be.instanceOf(UserError);
      return (error as UserError).message;
    }
  };

  it("is read without fields that it does not have, and names folded", () => {
    expect(readShape(schema, { ...good, more: 1 }, "thing:")).to.deep.equal({ ...good, name: "zone.example" });
  });

  for (const [what, json, message] of [
    ["no object", [], "thing: must be a JSON object"],
    ["a field that is missing", { items: [] }, "thing: name must be a text"],
    ["a wrong name, which is shown", { ...good, name: "a b" }, 'thing: name: "a b" has the label "a b"; use'],
    ["no list", { ...good, items: {} }, "thing: items must be a list"],
    ["an item", { ...good, items: [{ on: true }, 1] }, "thing: items[1] must be a JSON object"],
    [
      "the alternative that went furthest",
      { ...good, items: [{ on: { each: ["x", 7] } }] },
      "items[0].on.each[1] must be",
    ],
    ["none of the alternatives", { ...good, items: [{ on: 1 }] }, "thing: items[0].on must be a JSON object"],
    ["an unknown variant", { ...good, way: { method: "c" } }, "thing: way.method must be a or b"],
    ["a variant that is no object", { ...good, way: 1 }, "thing: way must be a JSON object"],
    ["a field of a variant", { ...good, way: { method: "a" } }, "thing: way.path must be a text"],
    ["the whole", { ...good, items: [{ on: true }, { on: true }, { on: true }] }, "thing: has too many items"],
  ] as const)
    it(`is refused with the path of ${what}`, () => {
      expect(refusal(json)).to.contain(message);
    });

  it("says where a field is by what it is read from", () => {
    expect(refusal({ items: [] }, "key")).to.equal("key.name must be a text");
    expect(refusal({ items: [] }, "")).to.equal("name must be a text");
    expect(refusal([], "")).to.equal("must be a JSON object");
  });

  it("shows no value, which may be a secret", () => {
    const secret = "s3cret";
    for (const json of [secret, { name: { secret } }, { ...good, items: secret }, { ...good, way: { method: secret } }])
      expect(refusal(json))
        .to.match(/must be/)
        .and.not.contain(secret);
  });
});
