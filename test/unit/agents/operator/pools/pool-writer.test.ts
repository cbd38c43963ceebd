import { expect } from "chai";

import { PoolStore, type PoolEntry } from "../../../../../src/agents/operator/pools/pool-store";
import { PoolWriter } from "../../../../../src/agents/operator/pools/pool-writer";
import type { KubeClient } from "../../../../../src/kube/client";
import type { Pool } from "../../../../../src/pools/model";
import { PoolApi, poolOf } from "./pool-stage";

const [first, second, third] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"] as const;

describe("the answers of a pool that two leaders write", () => {
  /** A leader that knows what there is now, and nothing that comes later unless a write tells it. */
  const leader = (of: PoolApi, client: Pick<KubeClient, "get" | "create" | "merge"> = of.client) => {
    const store = new PoolStore();
    const ending = new AbortController();
    for (const path of ["dnspools", "dnsrecords"])
      void of.watch({
        ...{ client: of.client, path, signal: ending.signal, random: () => 0 },
        ...{ onChange: () => undefined, onTrouble: () => undefined },
        onList: (objects) => {
          for (const object of objects) {
            if (path === "dnspools") store.put(object, true);
            else store.putRecord(object);
          }
        },
      });
    const writer = new PoolWriter({ client, events: { tell: () => undefined }, store });
    const entry = (): PoolEntry => {
      const [found] = store.all();
      if (found === undefined) throw new Error("no pool");
      return found;
    };
    const write = async (...values: string[]) => {
      const { reading } = entry();
      return writer.answer(entry(), (reading as { pool: Pool }).pool, values);
    };
    const end = (): void => {
      ending.abort();
    };
    return { entry, write, end };
  };
  const made = async (): Promise<PoolApi> => {
    const of = new PoolApi();
    of.make("shop", poolOf("shop", [first, second, third]));
    const { write, end } = await ready(of);
    await write(first);
    end();
    return of;
  };
  const ready = async (...of: Parameters<typeof leader>) => {
    const found = leader(...of);
    await new Promise(setImmediate);
    return found;
  };

  it("stay what the new one wrote, and the deposed one learns of it", async () => {
    const of = await made();
    const [deposed, current] = [await ready(of), await ready(of)];
    await current.write(second);
    const error: unknown = await deposed.write(third).catch((caught: unknown) => caught);
    expect(error).to.have.property("status", 409);
    expect(of.answer("shop")).to.deep.equal([second]);
    expect(deposed.entry().record?.spec.values).to.deep.equal([second]);
    deposed.end();
    current.end();
  });

  it("are written at once though the status of what they are written as is another one by now", async () => {
    const of = await made();
    const current = await ready(of);
    of.touch("shop");
    await current.write(second);
    expect(of.answer("shop")).to.deep.equal([second]);
    current.end();
  });

  it("fail after some tries against one whose status changes all the time", async () => {
    const of = await made();
    let tries = 0;
    const merge: KubeClient["merge"] = (...change) => {
      tries += 1;
      of.touch("shop");
      return of.client.merge(...change);
    };
    const current = await ready(of, { ...of.client, merge });
    const error: unknown = await current.write(second).catch((caught: unknown) => caught);
    expect(error).to.have.property("status", 409);
    expect([tries, of.answer("shop")]).to.deep.equal([5, [first]]);
    current.end();
  });
});
