import { expect } from "chai";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { eventually } from "../../../harness/eventually";
import type { TransferPoint } from "../../../src/cli/mesh-access";
import { type VerifyParts, verifyZones } from "../../../src/cli/verify";
import { sharesOf, verifyInThreads } from "../../../src/cli/verify-threads";
import { randomKey } from "../../../src/keyring/fresh-key";

describe("a comparison that ends early", function () {
  this.timeout(120_000);
  const sockets: Socket[] = [];
  let silent: Server;
  let parts: VerifyParts;

  beforeEach(async () => {
    sockets.length = 0;
    silent = createServer((socket) => {
      sockets.push(socket.on("error", () => undefined).resume());
    }).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const servers = [{ address: "127.0.0.1", port }];
    const point: TransferPoint = { name: "site-a", site: "site-a", servers, key: randomKey("reader") };
    parts = {
      zones: ["a.example", "b.example"].map((name) => ({ name, owner: "site-a" })),
      ...{ points: [point], notAsked: [], timeoutMs: 600_000, pause: () => Promise.resolve() },
    };
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  const areClosed = () =>
    eventually(10, () =>
      expect(sockets.filter((socket) => !socket.destroyed && !socket.readableEnded)).to.deep.equal([]),
    );

  it("is over at its signal, whatever servers do", async () => {
    const ending = new AbortController();
    const found = verifyZones({ ...parts, signal: ending.signal }).then(String, String);
    await eventually(10, () => expect(sockets).to.have.lengthOf(1));
    ending.abort(new Error("enough"));
    expect(await found).to.equal("Error: enough");
    await areClosed();
    expect(sockets).to.have.lengthOf(1);
  });

  it("lets nothing of its own go on when another thread fails", async () => {
    const [first] = parts.zones;
    // What no thread can read is the second one's.
    const broken = { ...parts, zones: [first!, undefined as never] };
    const outcome = await verifyInThreads(broken, 2).then(String, String);
    expect(outcome).to.match(/TypeError/);
    await areClosed();
  });

  it("divides the memory for owners' copies among its threads", () => {
    const shares = sharesOf(parts, 4);
    expect(shares.flatMap(({ zones }) => zones)).to.have.lengthOf(2);
    expect(shares.map(({ mostOctets }) => mostOctets)).to.deep.equal(Array(4).fill(16 * 1024 * 1024));
  });
});
