import type { Lab } from "../../lab";

/** One more site with a zone of its own joins the mesh. Returns how it leaves. */
export async function joinSite(lab: Lab): Promise<() => Promise<void>> {
  const { name } = lab.add();
  await lab.up();
  await lab.upSite(name);
  return async () => {
    lab.plan.remove(name);
    await lab.up();
    await lab.drop(name);
  };
}

/** The primary gets one more zone. Returns how it leaves. */
export async function joinZone(lab: Lab): Promise<() => Promise<void>> {
  const { primary } = lab.plan;
  const zone = `joined-${joined++}.example`;
  const mount = async (): Promise<void> => {
    for (const pod of lab.pods(primary)) await pod.mount(lab.mesh);
  };
  lab.plan.addZone(zone, primary);
  await mount();
  return async () => {
    lab.plan.removeZone(zone);
    await mount();
  };
}

/** No zone comes twice: its owner would remember it. */
let joined = 1;
