import { expect } from "chai";
import fc from "fast-check";

import { DnsError } from "../../../src/dns/errors";
import { decodeMessage, encodeMessage, noFlags } from "../../../src/dns/message";
import { signMessage, TsigStreamVerifier, verifyMessage } from "../../../src/dns/tsig";
import { encodeTsig, locateTsig } from "../../../src/dns/tsig-record";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { messages } from "../../../harness/dns/arbitraries";
import { failureOf } from "./failure";
import { StreamSigner } from "../../../harness/dns/stream-signer";

const now = 1_700_000_000;
const secret = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString("base64");
const key: TsigKey = { name: "mesh-key.example", algorithm: "hmac-sha256", secret };
const other: TsigKey = { ...key, secret: Buffer.alloc(32, 1).toString("base64") };

/** "example. SOA" with id 0x1234 and its answer, signed by dnspython 2.9.2 (key name in mixed case and compressed). */
const vectors = [
  {
    algorithm: "hmac-sha256",
    query:
      "123400000001000000000001076578616d706c650000060001084d6573682d4b6579c00c00fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020a420592dda63cb48c05578b4e0ff419e38bb5b72befcddddac1871d1e0be3fc3123400000000",
    response:
      "123484000001000100000001076578616d706c650000060001c00c000600010000003c0021026e73c00c0561646d696ec00c000000070000003c0000000a00000e100000003c084d6573682d4b6579c00c00fa00ff00000000003d0b686d61632d7368613235360000006553f101012c0020b072b7202b6527fa7174cf8e499e9a7ccff6f8eb663738458aaa2d013c1161c0123400000000",
  },
  {
    algorithm: "hmac-sha384",
    query:
      "123400000001000000000001076578616d706c650000060001084d6573682d4b6579c00c00fa00ff00000000004d0b686d61632d7368613338340000006553f100012c0030e539fd8bb9c4e794837bf46fc8917df92844d66abaa143d176b656c768154f9b7f7d85bab277c6e045092decdc9c7247123400000000",
    response:
      "123484000001000100000001076578616d706c650000060001c00c000600010000003c0021026e73c00c0561646d696ec00c000000070000003c0000000a00000e100000003c084d6573682d4b6579c00c00fa00ff00000000004d0b686d61632d7368613338340000006553f101012c0030ea66312b4b10b973a9033438f7527c2362acce7a5adaae517c778c45ba14025be0aa4ef78436e601cbe16fe1ace5e0d8123400000000",
  },
  {
    algorithm: "hmac-sha512",
    query:
      "123400000001000000000001076578616d706c650000060001084d6573682d4b6579c00c00fa00ff00000000005d0b686d61632d7368613531320000006553f100012c004085d3873b673995021c19b794b86657a2af91b7d2180cf2a69e6ac8b5dd80f1a1683c27f41f9dde30fcd7711d8b9ea81c4708798111215e5f787fc34acfad8f03123400000000",
    response:
      "123484000001000100000001076578616d706c650000060001c00c000600010000003c0021026e73c00c0561646d696ec00c000000070000003c0000000a00000e100000003c084d6573682d4b6579c00c00fa00ff00000000005d0b686d61632d7368613531320000006553f101012c00403105f7090818476d711ec8e88bbcdcc4573f647784f9f695be6a74b9ada5acc7ca03320b328e131bf9d94d846d28bbbabba70f2f6bf1facb527c4b070e87d310123400000000",
  },
] as const;

const question = { name: "example", type: "SOA", class: "IN" } as const;
const query = encodeMessage({
  id: 0x1234,
  flags: noFlags,
  rcode: 0,
  questions: [question],
  answers: [],
  authorities: [],
  additionals: [],
});

/** The query signed with changes to its TSIG record that leave the message as it is. */
function resigned(change: (tsig: NonNullable<ReturnType<typeof locateTsig>>) => object): Buffer {
  const { bytes } = signMessage({ message: query, key, now });
  const tsig = locateTsig(bytes)!;
  return Buffer.concat([bytes.subarray(0, tsig.offset), encodeTsig({ ...tsig, ...change(tsig) })]);
}

describe("TSIG of single messages (RFC 8945)", () => {
  for (const vector of vectors) {
    const vectorKey = { ...key, algorithm: vector.algorithm };

    it(`makes and accepts the signatures of an independent implementation, ${vector.algorithm}`, () => {
      const signed = signMessage({ message: query, key: vectorKey, now });
      const theirs = Buffer.from(vector.query, "hex");
      expect(signed.mac.toString("hex")).to.equal(locateTsig(theirs)!.mac.toString("hex"));
      expect(verifyMessage({ message: theirs, keys: [vectorKey], now }).key).to.equal(vectorKey);
      const response = Buffer.from(vector.response, "hex");
      verifyMessage({ message: response, keys: [other, vectorKey].slice(1), now, requestMac: signed.mac });
      expect(failureOf(() => verifyMessage({ message: response, keys: [vectorKey], now })).kind).to.equal(
        "badSignature",
      );
    });
  }

  it("signs any message so that it verifies, and decodes to the same message with one record more", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const { bytes, mac } = signMessage({ message: encodeMessage(message), key, now });
        expect(verifyMessage({ message: bytes, keys: [key], now }).mac).to.deep.equal(mac);
        const decoded = decodeMessage(bytes);
        expect(decoded.additionals.at(-1)).to.deep.include({ typeName: "TSIG", class: "ANY", name: key.name });
        expect({ ...decoded, additionals: decoded.additionals.slice(0, -1) }).to.deep.equal(message);
      }),
    );
  });

  it("does not sign what has no room for a signature, by a name of its own", () => {
    const sign = (message: Uint8Array) => failureOf(() => signMessage({ message, key, now }));
    const full = Buffer.from(query);
    full.writeUInt16BE(0xffff, 10);
    expect(sign(full).kind).to.equal("malformed");
    expect(sign(query.subarray(0, 11)).kind).to.equal("malformed");
    expect(sign(Buffer.concat([query, Buffer.alloc(0xffff - query.length)]))).to.deep.equal({
      kind: "tooLarge",
      limit: "octets",
    });
  });

  it("notices a change of any single octet", () => {
    const { bytes } = signMessage({ message: query, key, now });
    for (let at = 2; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      if (/[a-z]/i.test(String.fromCharCode(bytes[at] ?? 0)) && (bytes[at] ?? 0) >= 0x41) continue;
      expect(() => verifyMessage({ message: changed, keys: [key], now }), `octet ${at}`).to.throw(DnsError);
    }
  });

  it("takes any mutation with a result or a DnsError", () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    const signed = signMessage({ message: query, key, now }).bytes;
    fc.assert(
      fc.property(change, fc.nat({ max: signed.length }), (changes, length) => {
        const bytes = Buffer.from(signed.subarray(0, length));
        for (const [at, value] of changes) if (length > 0) bytes[at % length] = value;
        try {
          verifyMessage({ message: bytes, keys: [key], now, requestMac: Buffer.alloc(32) });
        } catch (error) {
          expect(error).to.be.instanceOf(DnsError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("allows a forwarder to change the id: the original id is signed (section 5.1)", () => {
    const { bytes } = signMessage({ message: query, key, now });
    bytes.writeUInt16BE(0x4321, 0);
    expect(verifyMessage({ message: bytes, keys: [key], now }).key).to.equal(key);
  });

  it("names an unknown key, and a known one with another algorithm, BADKEY", () => {
    const { bytes } = signMessage({ message: query, key, now });
    const verify = (keys: TsigKey[]) => failureOf(() => verifyMessage({ message: bytes, keys, now }));
    expect(verify([])).to.deep.equal({ kind: "badKey", by: "us", key: "mesh-key.example" });
    expect(verify([{ ...key, algorithm: "hmac-sha512" }]).kind).to.equal("badKey");
    expect(verify([{ ...key, name: "other" }]).kind).to.equal("badKey");
  });

  it("names another secret BADSIG", () => {
    const { bytes } = signMessage({ message: query, key, now });
    expect(failureOf(() => verifyMessage({ message: bytes, keys: [other], now }))).to.deep.equal({
      kind: "badSignature",
      by: "us",
    });
  });

  it("accepts a clock that is off by the fudge, and names one second more BADTIME", () => {
    const { bytes } = signMessage({ message: query, key, now, fudge: 300 });
    verifyMessage({ message: bytes, keys: [key], now: now + 300 });
    verifyMessage({ message: bytes, keys: [key], now: now - 300 });
    const late = failureOf(() => verifyMessage({ message: bytes, keys: [key], now: now + 301 }));
    expect(late).to.deep.equal({ kind: "badTime", by: "us", skewSeconds: -301 });
    const early = failureOf(() => verifyMessage({ message: bytes, keys: [key], now: now - 301 }));
    expect(early).to.deep.equal({ kind: "badTime", by: "us", skewSeconds: 301 });
  });

  it("reports BADSIG before BADTIME, so that nobody learns our clock with a forged message (section 5.2)", () => {
    const { bytes } = signMessage({ message: query, key, now });
    expect(failureOf(() => verifyMessage({ message: bytes, keys: [other], now: 0 })).kind).to.equal("badSignature");
  });

  it("names a right but shortened MAC BADTRUNC, and one of an impossible length malformed (section 5.2.2.1)", () => {
    const verify = (message: Buffer) => failureOf(() => verifyMessage({ message, keys: [key], now }));
    const cut = (length: number) => resigned(({ mac }) => ({ mac: mac.subarray(0, length) }));
    expect(verify(cut(31))).to.deep.equal({ kind: "badTruncation", by: "us" });
    expect(verify(cut(16)).kind).to.equal("badTruncation");
    expect(verify(cut(15)).kind).to.equal("malformed");
    expect(verify(cut(0)).kind).to.equal("malformed");
    expect(verify(resigned(({ mac }) => ({ mac: Buffer.concat([mac, mac]) }))).kind).to.equal("malformed");
    expect(verify(resigned(() => ({ mac: Buffer.alloc(31) }))).kind).to.equal("badSignature");
  });

  it("names a message without TSIG unsigned, with what it claims", () => {
    expect(failureOf(() => verifyMessage({ message: query, keys: [key], now }))).to.deep.equal({ kind: "unsigned" });
    const refused = Buffer.from(query);
    refused[3] = 5;
    expect(failureOf(() => verifyMessage({ message: refused, keys: [key], now }))).to.deep.equal({
      kind: "unsigned",
      rcode: "REFUSED",
    });
  });

  it("reports what the peer says of our message", () => {
    const requestMac = Buffer.alloc(32, 9);
    const says = (error: number) => resigned(() => ({ mac: Buffer.alloc(0), error }));
    const verify = (message: Buffer) => failureOf(() => verifyMessage({ message, keys: [key], now, requestMac }));
    expect(verify(says(16))).to.deep.equal({ kind: "badSignature", by: "peer" });
    expect(verify(says(17))).to.deep.equal({ kind: "badKey", by: "peer", key: "mesh-key.example" });
    const otherTime = Buffer.alloc(6);
    otherTime.writeUIntBE(now + 1000, 0, 6);
    const badTime = signMessage({ message: query, key, now, requestMac, error: { code: 18, other: otherTime } });
    expect(verify(badTime.bytes)).to.deep.equal({ kind: "badTime", by: "peer", skewSeconds: 1000 });
    const badTruncation = signMessage({
      message: query,
      key,
      now,
      requestMac,
      error: { code: 22, other: Buffer.alloc(0) },
    });
    expect(verify(badTruncation.bytes)).to.deep.equal({ kind: "badTruncation", by: "peer" });
  });

  it("refuses a TSIG record that is not the last one, or occurs twice (section 5.1)", () => {
    const { bytes } = signMessage({ message: query, key, now });
    const twice = signMessage({ message: bytes, key, now }).bytes;
    expect(failureOf(() => locateTsig(twice)).kind).to.equal("malformed");
    const asAnswer = Buffer.from(bytes);
    asAnswer.writeUInt16BE(1, 6);
    asAnswer.writeUInt16BE(0, 10);
    expect(failureOf(() => locateTsig(asAnswer)).kind).to.equal("malformed");
    expect(failureOf(() => locateTsig(Buffer.concat([bytes, Buffer.alloc(1)]))).kind).to.equal("malformed");
  });

  it("keeps the secret out of every error", () => {
    const { bytes } = signMessage({ message: query, key, now });
    for (const keys of [[], [other]]) {
      try {
        verifyMessage({ message: bytes, keys, now });
      } catch (error) {
        expect(JSON.stringify(error) + String(error))
          .not.to.contain(secret)
          .and.not.to.contain(other.secret);
      }
    }
  });
});

describe("TSIG of a stream (RFC 8945 section 5.3.1)", () => {
  const requestMac = Buffer.alloc(32, 3);
  const stream = () => new TsigStreamVerifier({ key, requestMac });

  it("accepts a stream where only some are signed, whichever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (signed) => {
        const signer = new StreamSigner(key, requestMac);
        const verifier = stream();
        [true, ...signed, true].forEach((sign, i) => {
          verifier.push(sign ? signer.sign(query, now + i) : signer.skip(query), now);
          expect(verifier.settled).to.equal(sign);
        });
      }),
      { numRuns: 50 },
    );
  });

  it("allows 99 unsigned messages in a row and not one more", () => {
    const signer = new StreamSigner(key, requestMac);
    const verifier = stream();
    verifier.push(signer.sign(query, now), now);
    for (let i = 0; i < 99; i++) verifier.push(signer.skip(query), now);
    verifier.push(signer.sign(query, now), now);
    expect(verifier.settled).to.equal(true);
    for (let i = 0; i < 99; i++) verifier.push(signer.skip(query), now);
    expect(
      failureOf(() => {
        verifier.push(signer.skip(query), now);
      }).kind,
    ).to.equal("unsigned");
  });

  it("does not start with an unsigned message", () => {
    expect(
      failureOf(() => {
        stream().push(query, now);
      }).kind,
    ).to.equal("unsigned");
    expect(stream().settled).to.equal(false);
  });

  it("notices a changed, lost, doubled or swapped message in between", () => {
    const tamper: Record<string, (messages: Buffer[]) => Buffer[]> = {
      changed: ([a, b, ...rest]) => [a!, flip(b!), ...rest],
      lost: ([a, , ...rest]) => [a!, ...rest],
      doubled: ([a, b, ...rest]) => [a!, b!, b!, ...rest],
      swapped: ([a, b, c, ...rest]) => [a!, c!, b!, ...rest],
    };
    for (const [name, change] of Object.entries(tamper)) {
      const signer = new StreamSigner(key, requestMac);
      const second = Buffer.from(query);
      second[2] = 0x84;
      const sent = [signer.sign(query, now), signer.skip(query), signer.skip(second), signer.sign(query, now)];
      const verifier = stream();
      const failure = failureOf(() => {
        for (const message of change(sent.map((each) => Buffer.from(each)))) verifier.push(message, now);
      });
      expect(failure, name).to.deep.equal({ kind: "badSignature", by: "us" });
    }
  });

  it("does not change keys on the way, and checks the time of each signature", () => {
    const signer = new StreamSigner(key, requestMac);
    const verifier = stream();
    verifier.push(signer.sign(query, now), now);
    const late = signer.sign(query, now);
    expect(
      failureOf(() => {
        verifier.push(late, now + 400);
      }).kind,
    ).to.equal("badTime");
    const again = stream();
    again.push(new StreamSigner(key, requestMac).sign(query, now), now);
    const foreign = signMessage({ message: query, key: { ...key, name: "other" }, now }).bytes;
    expect(
      failureOf(() => {
        again.push(foreign, now);
      }).kind,
    ).to.equal("badKey");
  });
});

function flip(message: Buffer): Buffer {
  message[3] = (message[3] ?? 0) ^ 0x10;
  return message;
}
