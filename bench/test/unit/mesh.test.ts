import { expect } from "chai";

import { watchedPods } from "../../support/mesh";

describe("the pods that a bench watches", () => {
  it("are told apart, also where several are of one site", () => {
    const pod = (podName: string, last: number) => ({ podName, server: { address: `127.0.0.${last}`, port: 53 } });
    const pods = [pod("site-a", 1), pod("site-a/1", 2), pod("site-b", 3)];
    expect(watchedPods(pods)).to.deep.equal([
      { name: "site-a", server: { address: "127.0.0.1", port: 53 } },
      { name: "site-a/1", server: { address: "127.0.0.2", port: 53 } },
      { name: "site-b", server: { address: "127.0.0.3", port: 53 } },
    ]);
  });
});
