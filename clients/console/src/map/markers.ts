import { BufferAttribute, BufferGeometry, Color, DynamicDrawUsage, Points, ShaderMaterial } from "three";

const MOST = 4096;

/** A ring around a place, always on top: what is selected, hovered, found or alarming. */
export interface Mark {
  x: number;
  y: number;
  z: number;
  colour: string;
  pixels: number;
  /** Filled share of the ring's inside, 0 a ring, 1 a disc. */
  fill: number;
}

/** Rings in one draw call. */
export class Markers {
  readonly points: Points;
  private readonly geometry = new BufferGeometry();
  private readonly material: ShaderMaterial;
  private readonly position = new Float32Array(MOST * 3);
  private readonly tint = new Float32Array(MOST * 3);
  private readonly look = new Float32Array(MOST * 2);

  constructor() {
    this.geometry.setAttribute("position", new BufferAttribute(this.position, 3).setUsage(DynamicDrawUsage));
    this.geometry.setAttribute("tint", new BufferAttribute(this.tint, 3).setUsage(DynamicDrawUsage));
    this.geometry.setAttribute("look", new BufferAttribute(this.look, 2).setUsage(DynamicDrawUsage));
    this.material = new ShaderMaterial({
      transparent: true, depthTest: false, depthWrite: false, uniforms: { uPixels: { value: 1 } },
      vertexShader: /* glsl */ `
        attribute vec3 tint; attribute vec2 look; uniform float uPixels; varying vec3 vTint; varying vec2 vLook;
        void main() {
          gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
          gl_PointSize = look.x * uPixels; vTint = tint; vLook = vec2(look.x * uPixels, look.y);
        }`,
      fragmentShader: /* glsl */ `
        varying vec3 vTint; varying vec2 vLook;
        void main() {
          float r = length(gl_PointCoord * 2.0 - 1.0);
          float soft = 2.0 / vLook.x;
          float ring = smoothstep(1.0, 1.0 - soft, r) * smoothstep(1.0 - 5.0 * soft - soft, 1.0 - 5.0 * soft, r);
          float inside = smoothstep(1.0, 1.0 - soft, r) * vLook.y;
          float a = max(ring, inside);
          if (a < 0.02) discard;
          gl_FragColor = vec4(vTint, a);
          #include <colorspace_fragment>
        }`,
    });
    this.points = new Points(this.geometry, this.material);
    this.points.frustumCulled = false;
    this.points.renderOrder = 100;
  }

  /** Replaces all marks; beyond 4,096 the rest is left out. */
  set(marks: readonly Mark[], pixelRatio: number): void {
    const colour = new Color();
    const n = Math.min(MOST, marks.length);
    for (let i = 0; i < n; i++) {
      const m = marks[i]!;
      colour.set(m.colour);
      this.position.set([m.x, m.y, m.z], i * 3);
      this.tint.set([colour.r, colour.g, colour.b], i * 3);
      this.look.set([m.pixels, m.fill], i * 2);
    }
    this.geometry.setDrawRange(0, n);
    this.material.uniforms["uPixels"]!.value = pixelRatio;
    for (const name of ["position", "tint", "look"]) this.geometry.getAttribute(name).needsUpdate = true;
  }

  dispose(): void {
    this.geometry.dispose();
    this.material.dispose();
  }
}
