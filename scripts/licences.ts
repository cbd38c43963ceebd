import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { thirdParty, thirdPartyFile } from "../harness/docs/third-party";

writeFileSync(join(__dirname, "..", thirdPartyFile), thirdParty());
console.log(`${thirdPartyFile} is written`);
