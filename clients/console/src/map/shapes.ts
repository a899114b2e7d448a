import { BoxGeometry, BufferGeometry, CylinderGeometry, Float32BufferAttribute, type Matrix4, Matrix4 as M4, SphereGeometry } from "three";
import { mergeGeometries } from "three/addons/utils/BufferGeometryUtils.js";

/** How a model looks near by: a shape in metres, z up, front towards north; and how big its point is from afar, in pixels. */
export interface Shape {
  geometry: BufferGeometry;
  pointPixels: number;
  /** Drawn as a shape within this many metres of the eye. */
  nearMetres: number;
}

type Part = [BufferGeometry, Matrix4, number];

/** The shape of a model, by its short name; what has none is a small post. Containers (city, district, street) have no shape. */
export function shapeOf(model: string): Shape | null {
  switch (model) {
    case "City": case "District": case "Street": case "BusRoute": case "Building": case "CarPark": case "Site": case "Area": case "ProductionLine":
      return null;
    case "Streetlight":
      return shape(3.2, 700, [box(0.22, 0.22, 7), at(0, 0, 3.5), 0.45], [box(0.3, 1.8, 0.2), at(0, 0.7, 7), 0.55], [box(0.6, 1.1, 0.35), at(0, 1.4, 6.9), 1]);
    case "ParkingBay":
      return shape(3, 600, [box(2.3, 4.8, 0.25), at(0, 0, 0.4), 1]);
    case "Charger":
      return shape(4.5, 900, [box(0.8, 0.6, 1.8), at(0, 0, 0.9), 0.6], [box(0.9, 0.7, 0.7), at(0, 0, 1.9), 1]);
    case "Bus":
      return shape(7.5, 1600, [box(2.6, 11.5, 2.6), at(0, 0, 1.8), 1], [box(2.65, 0.4, 1.4), at(0, 5.7, 2.1), 0.5], [box(2.2, 10.5, 0.4), at(0, 0, 3.2), 0.75]);
    case "BusStop":
      return shape(3, 500, [box(0.12, 0.12, 2.8), at(0, 0, 1.4), 0.5], [box(0.15, 0.8, 0.8), at(0, 0, 2.7), 1]);
    case "TrafficCounter":
      return shape(4.5, 800, [box(0.25, 0.25, 5), at(0, 0, 2.5), 0.5], [box(1.2, 1.2, 0.9), at(0, 0, 5.2), 1]);
    case "Transformer":
      return shape(5.5, 1200, [box(3, 4.2, 2.6), at(0, 0, 1.3), 1], [box(3.3, 4.5, 0.3), at(0, 0, 2.75), 0.7]);
    case "AirQualityStation":
      return shape(5, 1000, [new CylinderGeometry(0.12, 0.12, 4, 8).rotateX(Math.PI / 2), at(0, 0, 2), 0.5], [new SphereGeometry(0.85, 12, 8), at(0, 0, 4.4), 1]);
    default:
      return shape(4, 700, [box(1, 1, 2), at(0, 0, 1), 1]);
  }
}

function box(x: number, y: number, z: number): BufferGeometry {
  return new BoxGeometry(x, y, z);
}

function at(x: number, y: number, z: number): Matrix4 {
  return new M4().makeTranslation(x, y, z);
}

/** Joins parts and bakes light into a grey per vertex: tops lighter than sides. */
function shape(pointPixels: number, nearMetres: number, ...parts: Part[]): Shape {
  const baked = parts.map(([geometry, matrix, shade]) => {
    geometry.applyMatrix4(matrix);
    const normal = geometry.getAttribute("normal");
    const colours: number[] = [];
    for (let i = 0; i < normal.count; i++) {
      const light = 0.78 + 0.22 * normal.getZ(i) - 0.1 * normal.getX(i) - 0.06 * normal.getY(i);
      const s = Math.min(1, shade * light);
      colours.push(s, s, s);
    }
    geometry.setAttribute("color", new Float32BufferAttribute(colours, 3));
    geometry.deleteAttribute("uv");
    return geometry;
  });
  return { geometry: mergeGeometries(baked), pointPixels, nearMetres };
}
