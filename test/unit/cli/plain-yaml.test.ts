import { expect } from "chai";
import fc from "fast-check";
import { parseAllDocuments, stringify } from "yaml";
import { manifestText } from "../../../src/cli/manifest-text";
import { readPlainJson, readPlainYaml } from "../../../src/cli/plain-yaml";

const words = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/) },
  { weight: 2, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.string({ maxLength: 8, unit: fc.constantFrom(...Array.from("ab'\" :#-\n\\|>&*!%@`{}[],?0x1.e_~é")) }),
  },
  fc.constantFrom(
    ...["null", "~", "true", "True", "no", "0x1f", "0o17", "017", "1.5", "1e3", ".5", ".", ".inf", ".NaN", "1_000"],
    ...[
      "1:30",
      "2001-12-14",
      "=",
      "<<",
      "- a",
      "a: b",
      "a:",
      "# c",
      "a #c",
      "it's",
      "",
      " ",
      "a\nb\n",
      "a\n",
      "192.0.2.1",
    ],
    "every site answers it, and has done so since the last change of the object that it is about; nothing is to be done",
  ),
);
const values: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    words,
    fc.oneof(fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(fc.oneof(fc.stringMatching(/^[a-z]{1,8}$/), words), tie("value"), { maxKeys: 4 }),
})).object;

/** Ways in which YAML is written: that of Go's libraries among them, which break long lines. */
const styles = fc.record({
  indentSeq: fc.boolean(),
  lineWidth: fc.constantFrom(0, 40, 80),
  singleQuote: fc.constantFrom(true, false, null),
});

/** What a whole parser says of a text of one document. */
function whole(text: string): { readonly value: unknown } | "refused" {
  const documents = [...parseAllDocuments(text)];
  if (documents.some(({ errors }) => errors.length > 0) || documents.length > 1) return "refused";
  return { value: documents[0]?.toJS() ?? null };
}

function expectSameAsWhole(text: string): void {
  const plain = readPlainYaml(text);
  if (plain !== undefined) expect(whole(text), JSON.stringify(text)).to.deep.equal(plain);
}

describe("YAML as kubectl writes it", () => {
  it("is read as a whole parser reads it, in whatever style, or not at all", () => {
    fc.assert(
      fc.property(values, styles, (value, style) => {
        expectSameAsWhole(stringify(value, style));
      }),
      { numRuns: 500 },
    );
  });

  it("is refused or left to a whole parser where it is broken", () => {
    const edit = fc.record({ at: fc.nat(), cut: fc.nat({ max: 3 }), put: words });
    fc.assert(
      fc.property(values, styles, fc.array(edit, { minLength: 1, maxLength: 3 }), (value, style, edits) => {
        let text = stringify(value, style);
        for (const { at, cut, put } of edits) {
          const from = at % (text.length + 1);
          text = text.slice(0, from) + put + text.slice(from + cut);
        }
        expectSameAsWhole(text);
      }),
      { numRuns: 1000 },
    );
  });

  it("needs no whole parser for what kubectl and mesh write", () => {
    const status =
      "Programmed: every site of the mesh answers it, and did so when they were asked for the last time, just now";
    const object = {
      apiVersion: "dns.mesh.io/v1alpha1",
      kind: "DnsRecord",
      metadata: { name: "www", uid: "0b0e6a4e-1111-4d1c-8a52-77a1e3b0c8f1", generation: 1 },
      spec: {
        name: "www",
        zone: "example.org",
        type: "TXT",
        ttl: 300,
        values: ['"it\'s"', "192.0.2.1", "2001:db8::1"],
      },
    };
    const applied = { annotations: { "kubectl.kubernetes.io/last-applied-configuration": '{"a":1}\n' }, text: status };
    const list = { apiVersion: "v1", items: [{ ...object, ...applied }, object], kind: "List" };
    const folded = stringify(list, { indentSeq: false, singleQuote: true, aliasDuplicateObjects: false });
    expect(folded)
      .to.match(/\|\n/)
      .and.match(/\n +just now|\n +the last time|\n +asked/);
    expect(readPlainYaml(folded)).to.deep.equal({ value: list });
    expect(readPlainYaml(manifestText([object]).slice("---\n".length))).to.deep.equal({ value: object });
    expect(readPlainYaml("# nothing\n\n")).to.deep.equal({ value: null });
  });
});

describe("JSON of objects", () => {
  it("is read as a whole parser of YAML reads it", () => {
    fc.assert(
      fc.property(
        fc.jsonValue().filter((each) => !JSON.stringify(each).includes("__proto__")),
        (value) => {
          expect(readPlainJson(JSON.stringify(value))).to.deep.equal({
            value: JSON.parse(JSON.stringify(value)) as unknown,
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is not taken when a key stands twice, of which one would be dropped", () => {
    expect(readPlainJson('{"a": {"b": "x\\":", "b" : 2}}')).to.equal(undefined);
    expect(readPlainJson('[{"a": ":"}, {"a": 1}]')).to.deep.equal({ value: [{ a: ":" }, { a: 1 }] });
    expect(readPlainJson("{")).to.equal(undefined);
  });
});
