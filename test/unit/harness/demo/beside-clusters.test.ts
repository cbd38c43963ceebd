import { expect } from "chai";

import { besideClusters } from "../../../../harness/demo/beside-clusters";

/** A promise that the test settles by its failing. */
function failing<T>(): { readonly promise: Promise<T>; readonly fail: (error: Error) => void } {
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((_, reject) => {
    fail = reject;
  });
  return { promise, fail };
}

async function ending(work: Promise<unknown>): Promise<string> {
  return work.then(String, String);
}

describe("what the demo does while its clusters are being made", () => {
  it("ends with what it gives once these are there", async () => {
    expect(await besideClusters(Promise.resolve(), Promise.resolve("shown"))).to.equal("shown");
  });

  it("ends with the error of a cluster, although what was done with the others failed first for want of them", async () => {
    const cluster = failing<undefined>();
    const pulumi = failing<string>();
    const ended = ending(besideClusters(cluster.promise, pulumi.promise));
    pulumi.fail(new Error("pulumi up: connection refused"));
    await pulumi.promise.catch(() => undefined);
    cluster.fail(new Error("site-b: etcd did not start"));
    expect(await ended).to.equal("Error: site-b: etcd did not start");
  });

  it("ends after both, so that the cause is the last that is printed", async () => {
    const pulumi = failing<string>();
    let isOver = false;
    const ended = ending(besideClusters(Promise.reject(new Error("site-b")), pulumi.promise)).finally(() => {
      isOver = true;
    });
    await new Promise(setImmediate);
    expect(isOver).to.equal(false);
    pulumi.fail(new Error("pulumi"));
    expect(await ended).to.equal("Error: site-b");
  });

  it("ends with its own error where all clusters are there", async () => {
    expect(await ending(besideClusters(Promise.resolve(), Promise.reject(new Error("pulumi up"))))).to.contain(
      "pulumi up",
    );
  });
});
