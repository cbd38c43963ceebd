import { PolicyPack } from "@pulumi/policy";

import { policiesOf } from "./pack";
import { rules } from "./rules";

/** What `pulumi preview --policy-pack policy` and `pulumi up --policy-pack policy` start. */
new PolicyPack("dns-mesh", { enforcementLevel: "mandatory", policies: policiesOf(rules) });
