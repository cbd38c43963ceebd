import { expect } from "chai";
import fc from "fast-check";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

import { readStructsPlainly } from "../../../components/plain-structs";

interface StructType {
  fromJavaScript(object: object): { serializeBinary(): Uint8Array; toJavaScript(): object };
  deserializeBinary(bytes: Uint8Array): ReturnType<StructType["fromJavaScript"]> & {
    getFieldsMap(): { toArray(): unknown; getLength(): number };
    toObject(): { readonly fieldsMap: readonly unknown[] };
  };
}

const root = join(__dirname, "..", "..", "..");

describe("properties on the way between the program and the engine", () => {
  const sdk = createRequire(require.resolve("@pulumi/pulumi"));
  const { Struct } = sdk("google-protobuf/google/protobuf/struct_pb") as { readonly Struct: StructType };
  const values = fc.dictionary(
    fc.string(),
    fc.jsonValue({ maxDepth: 4 }).map((value) => value ?? null),
  );
  /** What google-protobuf itself makes of values, in a process of its own: bytes in base64, read back as JSON. */
  const byItself = (asked: readonly { readonly value?: object; readonly bytes?: string }[]): readonly unknown[] => {
    const script = `
      const sdk = require("node:module").createRequire(require.resolve("@pulumi/pulumi"));
      const { Struct } = sdk("google-protobuf/google/protobuf/struct_pb");
      const asked = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
      const said = asked.map(({ value, bytes }) => bytes === undefined
        ? Buffer.from(Struct.fromJavaScript(value).serializeBinary()).toString("base64")
        : Struct.deserializeBinary(Buffer.from(bytes, "base64")).toJavaScript());
      process.stdout.write(JSON.stringify(said));`;
    const text = execFileSync(process.execPath, ["-e", script], { cwd: root, input: JSON.stringify(asked) });
    return JSON.parse(text.toString()) as readonly unknown[];
  };
  // google-protobuf itself loses what has the key __proto__.
  const plainly = (value: object): object =>
    JSON.parse(JSON.stringify(value), (key, each: unknown) => (key === "__proto__" ? undefined : each)) as object;

  before(readStructsPlainly);

  it("are the same on the wire, both ways", function () {
    this.timeout(60_000);
    const samples: readonly object[] = [
      { "": { a: [null, true, -1.5, "ü€😀", [], {}, [[{ b: [1] }]]] }, long: "x".repeat(70_000) },
      ...fc.sample(values, { numRuns: 300, seed: 20261201 }).map(plainly),
    ];
    const written = samples.map((value) => Buffer.from(Struct.fromJavaScript(value).serializeBinary()));
    const read = byItself(written.map((bytes) => ({ bytes: bytes.toString("base64") })));
    expect(read, "what was written").to.deep.equal(samples);
    const theirs = byItself(samples.map((value) => ({ value }))) as readonly string[];
    const ours = theirs.map((bytes) => Struct.deserializeBinary(Buffer.from(bytes, "base64")).toJavaScript());
    expect(ours, "what was read").to.deep.equal(samples);
  });

  it("are their own whatever their keys are", () => {
    const value = JSON.parse('{"__proto__":{"a":1},"b":{"__proto__":null,"toString":"c"}}') as object;
    const bytes = Struct.fromJavaScript(value).serializeBinary();
    const read = Struct.deserializeBinary(bytes).toJavaScript();
    expect(JSON.stringify(read)).to.equal(JSON.stringify(value));
    expect(Object.getPrototypeOf(read)).to.equal(Object.prototype);
  });

  it("are messages as any others for whoever looks at their fields", () => {
    const value = { a: { b: [1, "c"] }, d: null };
    const struct = (): ReturnType<StructType["deserializeBinary"]> =>
      Struct.deserializeBinary(Struct.fromJavaScript(value).serializeBinary());
    expect(struct().getFieldsMap().getLength()).to.equal(2);
    expect(struct().toObject().fieldsMap).to.have.length(2);
    const looked = struct();
    looked.getFieldsMap();
    expect(looked.toJavaScript()).to.deep.equal(value);
    expect(Struct.deserializeBinary(looked.serializeBinary()).toJavaScript()).to.deep.equal(value);
  });

  it("are the program's own: what it changes of them changes nothing else", () => {
    const given = { list: [{ a: 1 }] };
    const struct = Struct.fromJavaScript(given);
    (struct.toJavaScript() as typeof given).list.push({ a: 2 });
    expect([given, struct.toJavaScript()]).to.deep.equal([{ list: [{ a: 1 }] }, { list: [{ a: 1 }] }]);
  });

  it("are refused where they are of no kind", () => {
    const bad = (): unknown => Struct.fromJavaScript({ a: () => 1 }).serializeBinary();
    expect(bad).to.throw("Unexpected struct type");
    // An entry whose value says nothing.
    expect(() => Struct.deserializeBinary(Buffer.from([0x0a, 0x05, 0x0a, 0x01, 0x61, 0x12, 0x00]))).to.throw(
      "Unexpected struct type",
    );
  });
});
