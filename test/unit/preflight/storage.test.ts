import { expect } from "chai";
import { quantityOctets, storageProblems, type VolumeClaim } from "../../../src/preflight/storage";

const wanted = { storageSize: "2Gi", storageClass: undefined, context: "site-a", namespace: "dns-system" };
const claim: VolumeClaim = { name: "storage-knot-0", size: "1Gi", storageClass: "fast" };
const classes = new Set(["fast"]);

describe("the storage that a running site is to have", () => {
  const problems = (
    change: Partial<typeof wanted> | { storageClass: string },
    of: Partial<VolumeClaim> = {},
  ): string[] => storageProblems({ ...wanted, ...change }, { claims: [{ ...claim, ...of }], expandable: classes });

  it("may be more where the class lets claims grow", () => {
    expect(problems({})).to.deep.equal([]);
    expect(problems({}, { size: "2048Mi" })).to.deep.equal([]);
  });

  it("may not be more where the class does not, and says how to go on", () => {
    const [problem, ...others] = problems({}, { storageClass: "slow" });
    expect(others).to.deep.equal([]);
    expect(problem).to.match(/storage-knot-0 .*1Gi.*"slow" does not let it grow to 2Gi; set allowVolumeExpansion/);
    expect(problems({}, { storageClass: "slow", size: "2Gi" })).to.deep.equal([]);
  });

  it("is left to the API server where classes cannot be listed", () => {
    expect(storageProblems(wanted, { claims: [claim], expandable: undefined })).to.deep.equal([]);
  });

  it("cannot shrink", () => {
    expect(problems({ storageSize: "500Mi" }).join("\n")).to.match(/has 1Gi and cannot shrink to 500Mi; set .* to 1Gi/);
  });

  it("cannot be of another class", () => {
    expect(problems({ storageClass: "slow" }).join("\n")).to.match(/"fast", which cannot be changed to "slow"/);
    expect(problems({ storageClass: "fast" })).to.deep.equal([]);
  });

  it("says it for each claim, and nothing where there is none yet", () => {
    const claims = [claim, { ...claim, name: "storage-knot-1" }];
    expect(storageProblems({ ...wanted, storageSize: "1Mi" }, { claims, expandable: classes })).to.have.length(2);
    expect(storageProblems(wanted, { claims: [], expandable: classes })).to.deep.equal([]);
  });

  it("reads quantities as Kubernetes does", () => {
    const rows: [string, number][] = [
      ["1Gi", 1_073_741_824],
      ["1.5Gi", 1_610_612_736],
      ["10G", 10_000_000_000],
      ["128974848", 128_974_848],
      ["129e6", 129_000_000],
      ["129M", 129_000_000],
      ["128974848000m", 128_974_848],
      ["123Mi", 128_974_848],
      ["2k", 2000],
    ];
    for (const [text, size] of rows) expect(quantityOctets(text), text).to.equal(size);
    for (const text of ["", "Gi", "1Q", "1 Gi"]) expect(quantityOctets(text), text).to.be.NaN;
  });
});
