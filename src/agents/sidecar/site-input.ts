import type { SiteInput } from "../../knot/config/site-config";
import { bootstrapView, withPacketCatalogs } from "../../mesh/peers";
import { noteSigning, withKeptSigned } from "../../mesh/signing-state";
import type { MeshView } from "../../mesh/view";
import type { Inputs } from "./inputs/inputs";
import { withoutUnseeded } from "./own-zones/seeding";
import type { AgentState } from "./state-store";

/** The view that files are rendered from: what was accepted last, or the packet's catalog servers on a fresh volume. */
export function standingView(inputs: Inputs, state: AgentState): MeshView {
  return state.candidate ?? state.view ?? bootstrapView(inputs.packet);
}

/** What Knot's files are rendered from, given the state. One function for the init container and the agent, so that they agree. */
export function siteInput(o: {
  readonly inputs: Inputs;
  readonly state: AgentState;
  readonly view: MeshView;
}): SiteInput {
  const { inputs, state, view } = o;
  const ahead = state.packetAhead !== undefined && state.packetAhead === view.directorySerial;
  return {
    packet: withKeptSigned(withoutUnseeded(inputs.packet, state.seeded), state.signing ?? {}),
    ring: inputs.ring,
    localKey: inputs.localKey,
    readers: inputs.readers,
    updaters: inputs.updaters,
    ...(inputs.recordsKey && { recordsKey: inputs.recordsKey }),
    ...(inputs.identity && { identity: inputs.identity }),
    view: ahead ? withPacketCatalogs(view, inputs.packet) : view,
    runtime: inputs.runtime,
  };
}

/** Takes note of what a packet says that must outlive it. */
export function notePacket(state: AgentState, inputs: Inputs): AgentState {
  const signing = noteSigning(state.signing ?? {}, inputs.packet.site.zones);
  const noted = noteCatalogs(state, inputs);
  return JSON.stringify(signing) === JSON.stringify(state.signing ?? {}) ? noted : { ...noted, signing };
}

/** Takes note of a packet whose catalog servers are not the ones that were used last. */
function noteCatalogs(state: AgentState, inputs: Inputs): AgentState {
  const catalogs = JSON.stringify(inputs.packet.catalogs);
  if (state.catalogs === catalogs) return state;
  const changed = state.catalogs !== undefined && state.view !== undefined;
  return { ...state, catalogs, ...(changed && { packetAhead: state.view.directorySerial }) };
}
