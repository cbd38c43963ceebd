export { beginClusters, createClusters, destroyClusters } from "./set";
/** @public for scripts that work on clusters left running */
export { openClusters } from "./set";
export { useContexts } from "./contexts";
export type { Cluster, ClusterSet } from "./types";
