import { expect } from "chai";
import fc from "fast-check";
import { isScalar, parseAllDocuments, visit } from "yaml";
import { manifestText } from "../../../src/cli/manifest-text";

/** What YAML 1.1, or Go's parser of it, takes for something else than a string. */
const ambiguous = "no yes on off y n No NO true null ~ 0b11 0o17 017 0x1f 1_000 1e3 .5 .inf .NaN 1:30 2001-12-14 = <<"
  .split(" ")
  .concat("", "- a", "a: b", "# c", "it's", '"', '"a b"', "*", "&a", "!a", "%a", "@", "`", "{", "[");

describe("objects as YAML", () => {
  it("hold each string in quotes, since the API server reads YAML 1.1 with additions of its own", () => {
    const words = fc.oneof(fc.constantFrom(...ambiguous), fc.string({ unit: "grapheme-ascii" }));
    fc.assert(
      fc.property(fc.array(words, { minLength: 1 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }), (values, ttl) => {
        const object = { spec: { name: values[0], ttl, values } };
        const text = manifestText([object, object]);
        for (const version of ["1.1", "1.2"] as const) {
          const documents = [...parseAllDocuments(text, { version })];
          expect(documents.map((document): unknown => document.toJS())).to.deep.equal([object, object]);
        }
        for (const document of parseAllDocuments(text))
          visit(document, {
            Scalar: (key, node) => {
              if (key === "key" || !isScalar(node) || typeof node.value !== "string") return;
              expect(node.type).to.be.oneOf(["QUOTE_SINGLE", "QUOTE_DOUBLE"]);
            },
          });
      }),
    );
  });
});
