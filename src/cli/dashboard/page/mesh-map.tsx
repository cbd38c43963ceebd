import { symbol, symbolCircle, symbolDiamond2, symbolSquare2 } from "d3-shape";
import { useMemo, useRef, useState } from "preact/hooks";

import type { MeshGraph } from "../../graph";
import { layoutSites, type MapLayout, neighbour, type Place } from "./map-layout";
import { countText, namesText } from "./texts";
import { useWidth } from "./use-width";
import { useZoom } from "./use-zoom";

type Site = MeshGraph["nodes"][number];
type Link = MeshGraph["edges"][number];

interface MeshMapProps {
  readonly graph: MeshGraph;
  readonly chosen: string | undefined;
  readonly choose: (site: string | undefined) => void;
}

/** Narrower than so many CSS pixels, the map is as high as it is wide. */
const narrow = 640;
/** Sites that are named though there is no room for every name. */
const mostMarked = 12;

/** The sites and who takes from whom, with what is broken. */
export function MeshMap({ graph, chosen, choose }: MeshMapProps) {
  const frame = useRef<HTMLDivElement>(null);
  const picture = useRef<SVGSVGElement>(null);
  const width = useWidth(frame);
  const names = graph.nodes.map(({ name, role }) => `${name} ${role}`).join("\n");
  const layout = useMemo(
    () => layoutSites(graph.nodes, { stretch: width >= narrow ? 1.9 : 1 }),
    // The list itself is new with each state; the layout is not, as long as it is of the same sites.
    [names, width >= narrow],
  );
  const [at, setAt] = useState<string | undefined>();
  const { box, places } = layout;
  const viewBox = [box.x, box.y, box.width, box.height].join(" ");
  const zooming = useZoom(picture, viewBox);
  const stop = at !== undefined && places.has(at) ? at : graph.nodes[0]?.name;

  const onKey = (event: KeyboardEvent, name: string): void => {
    // Those are the browser's: a larger page, the page before.
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const next = neighbour(places, name, event.key);
    if (next !== undefined) {
      setAt(next);
      picture.current?.querySelector<SVGGElement>(`[data-site="${CSS.escape(next)}"]`)?.focus();
    } else if (event.key === "Enter" || event.key === " ") choose(chosen === name ? undefined : name);
    else if (event.key === "Escape") choose(undefined);
    else if (event.key === "+") zooming.by(1.5);
    else if (event.key === "-") zooming.by(1 / 1.5);
    else if (event.key === "0") zooming.reset();
    else return;
    event.preventDefault();
  };

  return (
    <>
      <div class="map" ref={frame}>
        <svg
          ref={picture}
          viewBox={viewBox}
          class={`${layout.isRoomy ? "roomy" : "dense"}${zooming.scale > 1 ? " zoomed" : ""}`}
          role="group"
          aria-label={`${countText(graph.nodes.length, "site")}; arrow keys go from site to site, Enter shows one, plus and minus zoom`}
        >
          <g transform={zooming.transform}>
            <g aria-hidden="true">
              {graph.edges.map((link) => (
                <Line key={`${link.from} ${link.to}`} link={link} places={places} chosen={chosen} />
              ))}
            </g>
            {graph.nodes.map((site) => (
              <Mark
                key={site.name}
                site={site}
                place={places.get(site.name)}
                layout={layout}
                isChosen={site.name === chosen}
                isStop={site.name === stop}
                isNamed={isNamed(site, layout, graph)}
                onChoose={() => {
                  setAt(site.name);
                  choose(site.name === chosen ? undefined : site.name);
                }}
                onFocus={() => {
                  setAt(site.name);
                }}
                onKey={(event) => {
                  onKey(event, site.name);
                }}
              />
            ))}
          </g>
        </svg>
        <div class="zoom">
          <button
            type="button"
            aria-label="Zoom in"
            onClick={() => {
              zooming.by(1.5);
            }}
          >
            +
          </button>
          <button
            type="button"
            aria-label="Zoom out"
            onClick={() => {
              zooming.by(1 / 1.5);
            }}
          >
            −
          </button>
          <button type="button" aria-label="Show the whole map" onClick={zooming.reset}>
            ⤢
          </button>
        </div>
      </div>
      <Legend graph={graph} />
    </>
  );
}

function kindOf({ wrong, unknown }: Site): "wrong" | "unknown" | "fine" {
  return wrong.length > 0 ? "wrong" : unknown.length > 0 ? "unknown" : "fine";
}

function isNamed(site: Site, { isRoomy }: MapLayout, { nodes }: MeshGraph): boolean {
  if (isRoomy || site.role === "primary-catalog") return true;
  return kindOf(site) === "wrong" && nodes.filter(({ wrong }) => wrong.length > 0).length <= mostMarked;
}

interface LineProps {
  readonly link: Link;
  readonly places: ReadonlyMap<string, Place>;
  readonly chosen: string | undefined;
}

/** Who takes from whom; with a mark in its middle where something does not arrive. */
function Line({ link, places, chosen }: LineProps) {
  const [a, b] = [places.get(link.from), places.get(link.to)];
  if (a === undefined || b === undefined) return null;
  const isLate = link.late !== undefined;
  const isChosen = link.from === chosen || link.to === chosen;
  const kind = ["link", isLate && "late", isChosen && "chosen"].filter(Boolean).join(" ");
  const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  return (
    <g class={kind}>
      <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} />
      {isLate && <path d={symbol(symbolDiamond2, 150)(null) ?? ""} transform={`translate(${x},${y})`} />}
    </g>
  );
}

interface MarkProps {
  readonly site: Site;
  readonly place: Place | undefined;
  readonly layout: MapLayout;
  readonly isChosen: boolean;
  readonly isStop: boolean;
  readonly isNamed: boolean;
  readonly onChoose: () => void;
  readonly onFocus: () => void;
  readonly onKey: (event: KeyboardEvent) => void;
}

const shapes = { fine: symbolCircle, unknown: symbolSquare2, wrong: symbolDiamond2 } as const;
const glyphs = { fine: "", unknown: "?", wrong: "!" } as const;

/** A site: shape, sign and colour say alike how it is. */
function Mark({ site, place, layout, isChosen, isStop, isNamed: hasName, onChoose, onFocus, onKey }: MarkProps) {
  if (place === undefined) return null;
  const kind = kindOf(site);
  const isCentral = site.role !== "standard";
  const radius = layout.radius * (site.role === "primary-catalog" ? 1.35 : 1);
  const area = Math.PI * radius ** 2;
  const transform = `translate(${place.x},${place.y})`;
  return (
    <>
      <g
        class={`site ${kind}${isChosen ? " chosen" : ""}`}
        transform={transform}
        role="button"
        tabindex={isStop ? 0 : -1}
        data-site={site.name}
        aria-pressed={isChosen}
        aria-label={spoken(site)}
        onClick={onChoose}
        onFocus={onFocus}
        onKeyDown={onKey}
      >
        <circle class="halo" r={radius + 6} />
        {isCentral && <circle class="central" r={radius + 3.5} />}
        <path d={symbol(shapes[kind], kind === "wrong" ? area * 1.25 : area)(null) ?? ""} />
      </g>
      <g class={`label ${kind}${hasName ? " named" : ""}`} transform={transform} aria-hidden="true">
        <text class="glyph" dy="0.36em">
          {glyphs[kind]}
        </text>
        <text class="name" y={radius + (isCentral ? 19 : 17)}>
          {site.name}
        </text>
        {layout.isRoomy && (
          <text class="role" y={radius + (isCentral ? 33 : 31)}>
            {site.role === "standard" ? countText(site.zones, "zone") : site.role.replace("-catalog", "")}
          </text>
        )}
      </g>
    </>
  );
}

/** A site as a screen reader says it. */
function spoken({ name, role, zones, wrong, unknown }: Site): string {
  const said = [...wrong, ...unknown];
  const state = said.length === 0 ? "fine" : said.slice(0, 3).join("; ");
  return `${name}, ${role}, owns ${countText(zones, "zone")}: ${state}`;
}

function Legend({ graph: { note, edges } }: { readonly graph: MeshGraph }) {
  const late = edges.filter((link) => link.late !== undefined);
  return (
    <>
      {late.length > 0 && (
        <ul class="findings">
          {late.slice(0, mostMarked).map(({ from, to, late: zones = [] }) => (
            <li key={`${from} ${to}`} class="wrong">
              <strong>late</strong> from {from} to {to}: {namesText(zones)}
            </li>
          ))}
          {late.length > mostMarked && <li>and {countText(late.length - mostMarked, "more link")}</li>}
        </ul>
      )}
      <p class="legend">
        <span class="key fine">fine</span> <span class="key unknown">? not known</span>{" "}
        <span class="key wrong">! wrong</span> Lines: who gives directory and catalog to whom; dashed ones are late.{" "}
        {note.charAt(0).toUpperCase() + note.slice(1)}.
      </p>
    </>
  );
}
