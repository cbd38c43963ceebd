import { expect } from "chai";
import { requireSamePlace } from "../../../src/preflight/former-outputs";
import { UserError } from "../../../src/base/errors";

describe("where a site's stack brought its site up", () => {
  const config = { site: "site-a", namespace: "dns-system" };
  const former = { site: "site-a", namespace: "dns-system" };

  it("may be anywhere the first time, and stays there", () => {
    for (const outputs of [undefined, {}, former, { namespace: 7 }])
      expect(() => {
        requireSamePlace(config, outputs);
      }).to.not.throw();
  });

  for (const key of ["site", "namespace"] as const) {
    it(`cannot be another ${key}: its volumes would go`, () => {
      expect(() => {
        requireSamePlace({ ...config, [key]: "other" }, former);
      }).to.throw(UserError, new RegExp(`dns-mesh:${key} is "other".*set dns-mesh:${key} to "${former[key]}"`));
    });
  }
});
