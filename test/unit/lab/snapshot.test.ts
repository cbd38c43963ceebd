import { expect } from "chai";
import { renderSnapshot, type LabSiteView, summarise } from "../../../lab/snapshot";

function site(name: string, changes: Partial<LabSiteView> = {}): LabSiteView {
  const agent = { ready: true, peers: 2, problems: [] };
  return {
    name,
    role: "standard",
    address: "127.10.0.1",
    state: "up",
    agent,
    current: 5,
    lagging: [],
    empty: [],
    ...changes,
  };
}

describe("the lab's table", () => {
  const sites = Array.from({ length: 30 }, (_, i) => site(`site-${i}`));
  const troubled = site("site-20", { lagging: ["a.example"], current: 4 });

  it("has a row for each site", () => {
    expect(renderSnapshot({ sites, zones: 5 }).split("\n")).to.have.length(32);
  });

  it("shows the troubled first when there is not room for all, and says how many are left out", () => {
    const some = sites.map((each) => (each.name === troubled.name ? troubled : each));
    const lines = renderSnapshot({ sites: some, zones: 5 }, 6).split("\n");
    expect(lines).to.have.length(8);
    expect(lines[2]).to.match(/^site-20 /);
    expect(lines[7]).to.equal("… and 25 more");
  });

  it("says in one line what is left to do", () => {
    const { agent, ...cut } = site("site-1", { state: "cut", empty: ["a.example", "b.example"] });
    expect(agent?.ready).to.equal(true);
    expect(summarise({ sites: [site("site-0"), troubled, cut], zones: 5 })).to.equal(
      "2 of 3 sites ready, 5 zones, 1 lag, 2 empty, 0 problems, site-1 cut",
    );
  });
});
