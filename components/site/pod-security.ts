/** Knot's user in its official image; our own programs use it too, since they share the volume. */
const user = 53;

/** Pod settings that Pod Security `restricted` asks for. */
export const podSecurity = {
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  fsGroup: user,
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

/** Container settings that Pod Security `restricted` asks for, and a read-only root. */
export const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};
