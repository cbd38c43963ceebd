import { expect } from "chai";

import { isNamed } from "../../../chaos/promises";

describe("what `Programmed` excepts", () => {
  it("is the pods that it names, and all of a site that it names", () => {
    const text = "every pod that could be asked answers it; not seen: site-c pod 0, site-b pod 1";
    const named = ["site-b", "site-b/1", "site-c", "site-c/1"].filter((pod) => isNamed(pod, text));
    expect(named).to.deep.equal(["site-b/1", "site-c"]);
    const away = "every site that can be reached answers it; away: site-a, site-c";
    expect(["site-a/1", "site-b", "site-c"].filter((pod) => isNamed(pod, away))).to.deep.equal(["site-a/1", "site-c"]);
    expect(isNamed("site-a", "")).to.equal(false);
  });
});
