/** Degrees. */
export interface Position {
  readonly longitude: number;
  readonly latitude: number;
}

/**
 * Whether a position lies inside a polygon: a ray to the east crosses its border an odd number of times. On the plane of
 * degrees; polygons across the date line are to be given as two.
 */
export function isInside(position: Position, corners: readonly Position[]): boolean {
  let isIn = false;
  corners.forEach((from, i) => {
    const to = corners[(i + 1) % corners.length] as Position;
    const spans = from.latitude > position.latitude !== to.latitude > position.latitude;
    if (!spans) return;
    const share = (position.latitude - from.latitude) / (to.latitude - from.latitude);
    if (position.longitude < from.longitude + share * (to.longitude - from.longitude)) isIn = !isIn;
  });
  return isIn;
}
