import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../../../src/base/errors";
import { manifestText } from "../../../src/cli/manifest-text";
import { objectsIn } from "../../../src/cli/record-files";
import type { DnsRecord } from "../../../src/records/model";

describe("DnsRecords in files", () => {
  let folder: string;

  before(() => (folder = mkdtempSync(join(tmpdir(), "dns-mesh-record-files-"))));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const file = (): string => join(folder, "records");
  function read(text: string): DnsRecord[] {
    writeFileSync(file(), text);
    return objectsIn(file());
  }
  function refusal(text: string): string {
    try {
      return JSON.stringify(read(text));
    } catch (error) {
      expect(error).to.be.instanceOf(UserError);
      return (error as Error).message.replace(file(), "FILE");
    }
  }

  const record = (name: string, values: readonly string[]): DnsRecord =>
    ({
      apiVersion: "dns.mesh.io/v1alpha1",
      kind: "DnsRecord",
      metadata: { name, annotations: { "kubectl.kubernetes.io/last-applied-configuration": '{"a":1}\n' } },
      spec: { name, zone: "example.org", type: "TXT", ttl: 300, values },
    }) as unknown as DnsRecord;
  const records = [
    record("www", ['"it\'s"', "192.0.2.1", "2001:db8::1", "a: b", "yes", "1:30", "0x1f", "~"]),
    record("far", ["every site answers it, and has done so since the last change of the object that it is about: all"]),
  ];

  it("are read as kubectl and mesh write them: a list or documents, in YAML or JSON, with long lines folded", () => {
    const list = { apiVersion: "v1", items: records, kind: "List" };
    const folded = stringify(list, { indentSeq: false, singleQuote: true, aliasDuplicateObjects: false });
    const texts = [folded, JSON.stringify(list), JSON.stringify(list, null, 4), manifestText([...records])];
    for (const text of texts) expect(read(text), text).to.deep.equal(records);
  });

  it("may stand after directives and between empty documents, and are none in an empty file", () => {
    expect(read(`%YAML 1.2\n---\n# nothing\n---\n${stringify(records[0])}---\n`)).to.deep.equal([records[0]]);
    expect(read("")).to.deep.equal([]);
  });

  it("are refused with line and column where the file is broken, or has a key twice, of which one would be lost", () => {
    expect(refusal("a:\n  - [\n")).to.match(/^FILE:3:1: unexpected end/);
    expect(refusal(`${stringify(records[0])}---\na: 1\na: 2\n`)).to.match(/^FILE:\d+:1: duplicated mapping key$/);
    expect(refusal('{"a": {"b": 1, "b": 2}}')).to.equal("FILE:1:16: duplicated mapping key");
    expect(refusal("a: !!js/function 'x'\n")).to.match(/^FILE:1:\d+: unknown tag/);
  });

  it("are refused with the field that is wrong, and so is what is no DnsRecord", () => {
    expect(refusal(stringify({ ...records[0], kind: "ConfigMap" }))).to.match(/not a DnsRecord .*: kind/);
    const spec = { ...records[0]?.spec, ttl: "long" };
    expect(refusal(stringify({ ...records[0], spec }))).to.match(/not a DnsRecord .*: spec\.ttl: .*number/);
  });
});
