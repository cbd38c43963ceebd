import { select } from "d3-selection";
import { type D3ZoomEvent, zoom, type ZoomBehavior, zoomIdentity, zoomTransform } from "d3-zoom";
import type { RefObject } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** What buttons and keys do to a picture. */
export interface Zooming {
  /** The `transform` of what is zoomed. */
  readonly transform: string;
  readonly scale: number;
  readonly by: (factor: number) => void;
  readonly reset: () => void;
}

const most = 8;

/**
 * Zooms and moves a picture. The wheel does so with Ctrl alone (which is what pinching on a touchpad is), and one finger only once
 * something is zoomed: the page must scroll over the picture.
 *
 * @param box - The picture's `viewBox`.
 */
export function useZoom(picture: RefObject<SVGSVGElement | null>, box: string): Zooming {
  const behaviour = useRef<ZoomBehavior<SVGSVGElement, unknown>>(null);
  const [{ transform, scale }, setTransform] = useState({ transform: "", scale: 1 });
  useEffect(() => {
    const element = picture.current;
    if (element === null) return undefined;
    const [x = 0, y = 0, width = 0, height = 0] = box.split(" ").map(Number);
    behaviour.current = zoom<SVGSVGElement, unknown>()
      .scaleExtent([1, most])
      .translateExtent([
        [x, y],
        [x + width, y + height],
      ])
      .filter((event: Event) => isForPicture(event, zoomTransform(element).k))
      .on("zoom", ({ transform: now }: D3ZoomEvent<SVGSVGElement, unknown>) => {
        setTransform({ transform: now.toString(), scale: now.k });
      });
    const selection = select(element).call(behaviour.current).on("dblclick.zoom", null);
    return () => {
      selection.on(".zoom", null);
    };
  }, [picture, box]);
  const by = useCallback(
    (factor: number): void => {
      if (picture.current !== null) behaviour.current?.scaleBy(select(picture.current), factor);
    },
    [picture],
  );
  const reset = useCallback((): void => {
    if (picture.current !== null) behaviour.current?.transform(select(picture.current), zoomIdentity);
  }, [picture]);
  return { transform, scale, by, reset };
}

function isForPicture(event: Event, scale: number): boolean {
  if (event instanceof WheelEvent) return event.ctrlKey;
  if (event instanceof MouseEvent) return event.button === 0;
  return "touches" in event && ((event.touches as TouchList).length > 1 || scale > 1);
}
