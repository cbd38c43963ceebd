import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";

const root = join(__dirname, "../../..");
const plans = join(root, "test/unit/golden/plans");

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const roles = parseAllDocuments(readFileSync(join(root, "examples/ci/drift-role.yaml"), "utf8"))
  .map((document) => document.toJS() as { kind: string; metadata: { namespace?: string }; rules?: readonly Rule[] })
  .filter(({ rules }) => rules !== undefined);

/** Objects of the golden plans, as `core/v1:Service dns-system/knot`. */
const planned = readdirSync(plans)
  .flatMap((name) => Object.keys(parse(readFileSync(join(plans, name), "utf8")) as object))
  .filter((key) => /^[a-z0-9.]+\/v[a-z0-9]+:\w+ \S+$/.test(key));

function plural(kind: string): string {
  const lower = kind.replace(/Patch$/, "").toLowerCase();
  return lower.endsWith("y") ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** Whether the account that the file makes may read an object. */
function isReadable(key: string): boolean {
  const [, group = "", kind = "", where = ""] = /^([^/]+)\/[^:]+:(\w+) (\S+)$/.exec(key) ?? [];
  const [name = "", namespace] = where.split("/").reverse();
  return roles
    .filter((role) => role.kind === "ClusterRole" || role.metadata.namespace === namespace)
    .flatMap(({ rules = [] }) => rules)
    .some(
      ({ apiGroups, resources, resourceNames, verbs }) =>
        apiGroups.includes(group === "core" ? "" : group) &&
        resources.includes(plural(kind)) &&
        (resourceNames?.includes(name) ?? true) &&
        verbs.includes("get"),
    );
}

describe("the role of the drift job", () => {
  it("reads every object that the golden plans have", () => {
    expect(planned.length).to.be.greaterThan(100);
    expect(planned.filter((key) => !isReadable(key))).to.deep.equal([]);
  });

  it("reads Secrets and roles of no other namespace", () => {
    for (const key of ["core/v1:Secret kube-system/one", "rbac.authorization.k8s.io/v1:ClusterRole cluster-admin"])
      expect(isReadable(key), key).to.equal(false);
  });

  it("changes nothing", () => {
    const verbs = roles.flatMap(({ rules = [] }) => rules.flatMap((rule) => rule.verbs));
    expect([...new Set(verbs)].sort()).to.deep.equal(["get", "list"]);
  });
});
