export { Lab } from "./lab";
export { LabSite } from "./site";
