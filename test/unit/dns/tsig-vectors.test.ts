import { expect } from "chai";

import { encodeMessage } from "../../../src/dns/message";
import { transferMessage } from "../../../src/dns/request";
import { TransferAssembler } from "../../../src/dns/transfer";
import { locateTsig } from "../../../src/dns/tsig-record";
import { signMessage, TsigStreamVerifier, verifyMessage } from "../../../src/dns/tsig";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { failureOf } from "./failure";
import { tsigVectors } from "./tsig-vectors";

const now = 1_700_000_000;
const secret = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString("base64");

describe("TSIG vectors of dnspython", () => {
  for (const vector of tsigVectors) {
    const { algorithm } = vector;
    const key: TsigKey = { name: "mesh-key.example", algorithm, secret };
    const requestMac = Buffer.from(vector.mac, "hex");
    const stream = vector.stream.map((each) => Buffer.from(each, "hex"));

    it(`give the request's signature, ${algorithm}`, () => {
      const request = Buffer.from(vector.request, "hex");
      expect(verifyMessage({ message: request, keys: [key], now }).mac).to.deep.equal(requestMac);
      const ours = encodeMessage(transferMessage({ id: 0x1234, zone: "example" }));
      expect(signMessage({ message: ours, key, now }).mac).to.deep.equal(requestMac);
    });

    it(`give a stream where every second message is signed (section 5.3.1), ${algorithm}`, () => {
      expect(stream.map((each) => locateTsig(each) !== undefined)).to.deep.equal([true, false, true, false, true]);
      const assembler = new TransferAssembler({ zone: "example", id: 0x1234, key, requestMac });
      const done = stream.map((each) => assembler.push(each, now));
      expect(done).to.deep.equal([false, false, false, false, true]);
      expect(assembler.finish().map((each) => each.name)).to.deep.equal([
        "example",
        "h0.example",
        "h1.example",
        "h2.example",
      ]);
    });

    it(`notice any change of an unsigned message with the next signature, ${algorithm}`, () => {
      const [first, second, third] = stream as [Buffer, Buffer, Buffer];
      for (let at = 0; at < second.length; at++) {
        const changed = Buffer.from(second);
        changed[at] = (changed[at] ?? 0) ^ 0x20;
        const verifier = new TsigStreamVerifier({ key, requestMac });
        const failure = failureOf(() => {
          for (const each of [first, changed, third]) verifier.push(each, now);
        });
        expect(["badSignature", "malformed"], `octet ${at}`).to.include(failure.kind);
      }
    });

    it(`give BADTIME with the server's clock (section 5.2.3), ${algorithm}`, () => {
      const message = Buffer.from(vector.badTime, "hex");
      expect(failureOf(() => verifyMessage({ message, keys: [key], now, requestMac }))).to.deep.equal({
        kind: "badTime",
        by: "peer",
        skewSeconds: 1000,
      });
    });
  }
});
