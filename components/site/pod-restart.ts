/** The label of a pod template that changes with what only a restart takes over. */
export const restartLabel = "dns-mesh/restart-hash";

/**
 * What `up` leaves alone in an object with pods. `kubectl rollout restart` writes an annotation into the template; Pulumi's plugin
 * would take it away with its next change, and all pods would restart once more. It can leave a map alone, not
 * one annotation. An annotation of the name above, from before 0.2.0, stays there and counts no more.
 */
export const annotationsOfOthers = "spec.template.metadata.annotations";
