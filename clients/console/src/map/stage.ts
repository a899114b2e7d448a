import { Color, Fog, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from "three";
import { MapControls } from "three/addons/controls/MapControls.js";
import { FrameMeter } from "./frameMeter";

/** Camera as it goes into an address: place looked at, distance, azimuth and height above the ground in degrees. */
export interface CameraPose {
  x: number;
  y: number;
  distance: number;
  azimuth: number;
  elevation: number;
}

/** Slower than this for a while and the picture is made cheaper: 1/40 s. */
const SLOW_MS = 25;
const FAST_MS = 14;

/** Canvas, camera, controls and the animation loop. Draws only when asked: a resting picture costs nothing. */
export class Stage {
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(42, 1, 2, 20_000);
  readonly renderer: WebGLRenderer;
  readonly controls: MapControls;
  readonly meter = new FrameMeter();
  /** Called before each frame with seconds; answers whether another frame is needed. */
  onFrame: (now: number) => boolean = () => false;
  onPose: () => void = () => {};
  /** 1 as fine as the screen, down to 0.5; the level of detail follows. */
  quality = 1;
  private wanted = false;
  private handle = 0;
  private slow = 0;
  private fast = 0;
  private readonly observer: ResizeObserver;

  constructor(readonly host: HTMLElement) {
    this.renderer = new WebGLRenderer({ antialias: true, powerPreference: "high-performance" });
    this.renderer.domElement.className = "world-canvas";
    this.renderer.domElement.tabIndex = 0;
    host.append(this.renderer.domElement);
    this.camera.up.set(0, 0, 1);
    this.controls = new MapControls(this.camera, this.renderer.domElement);
    this.controls.zoomToCursor = true;
    this.controls.minDistance = 25;
    this.controls.maxDistance = 9000;
    this.controls.maxPolarAngle = (82 * Math.PI) / 180;
    this.controls.dampingFactor = 0.12;
    this.controls.enableDamping = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.controls.addEventListener("change", () => this.draw());
    this.controls.addEventListener("end", () => this.onPose());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
    this.resize();
  }

  setGround(colour: string): void {
    this.scene.background = new Color(colour);
    this.scene.fog = new Fog(colour, 5000, 15_000);
  }

  get pixelRatio(): number {
    return Math.min(2, devicePixelRatio) * this.quality;
  }

  get pose(): CameraPose {
    const t = this.controls.target;
    const away = new Vector3().subVectors(this.camera.position, t);
    const distance = away.length();
    return {
      x: t.x, y: t.y, distance, azimuth: (Math.atan2(-away.x, -away.y) * 180) / Math.PI, elevation: (Math.asin(away.z / (distance || 1)) * 180) / Math.PI,
    };
  }

  set pose(p: CameraPose) {
    const a = (p.azimuth * Math.PI) / 180;
    const e = (p.elevation * Math.PI) / 180;
    this.controls.target.set(p.x, p.y, 0);
    this.camera.position.set(p.x - Math.sin(a) * Math.cos(e) * p.distance, p.y - Math.cos(a) * Math.cos(e) * p.distance, Math.sin(e) * p.distance);
    this.controls.update();
    this.draw();
  }

  /** Asks for a frame. */
  draw(): void {
    this.wanted = true;
    if (this.handle === 0) this.handle = requestAnimationFrame((t) => this.frame(t));
  }

  dispose(): void {
    cancelAnimationFrame(this.handle);
    this.handle = -1;
    this.observer.disconnect();
    this.controls.dispose();
    this.renderer.dispose();
    this.renderer.domElement.remove();
  }

  private frame(at: number): void {
    if (this.handle === -1) return;
    this.handle = 0;
    this.wanted = false;
    this.meter.begin(at);
    const started = performance.now();
    const moving = this.controls.update();
    const again = this.onFrame(at / 1000);
    this.renderer.render(this.scene, this.camera);
    this.meter.worked(performance.now() - started);
    if (again || moving || this.wanted) {
      this.adapt();
      this.draw();
    } else this.meter.rest();
  }

  /** Below 40 frames a second for a while: fewer pixels and fewer shapes; well above 60 for longer: back again. */
  private adapt(): void {
    const { frames, medianMs } = this.meter.reading;
    if (frames < 60) return;
    this.slow = medianMs > SLOW_MS ? this.slow + 1 : 0;
    this.fast = medianMs < FAST_MS ? this.fast + 1 : 0;
    const next = this.slow > 30 ? Math.max(0.5, this.quality - 0.25) : this.fast > 600 ? Math.min(1, this.quality + 0.25) : this.quality;
    if (next === this.quality) return;
    this.quality = next;
    this.slow = this.fast = 0;
    this.meter.clear();
    this.resize();
  }

  private resize(): void {
    const { clientWidth: w, clientHeight: h } = this.host;
    if (w === 0 || h === 0) return;
    this.renderer.setPixelRatio(this.pixelRatio);
    this.renderer.setSize(w, h);
    this.camera.aspect = w / h;
    this.camera.updateProjectionMatrix();
    this.draw();
  }
}
