export { Lab, type LabOptions } from "./lab";
export { LabSite } from "./site";
