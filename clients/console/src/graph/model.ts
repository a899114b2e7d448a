import type { TwinApi } from "../api/client";
import type { Change } from "../api/types";
import type { ModelBook } from "../live/modelBook";
import { layOut, thingsOf, type Point } from "./layout";
import { alarmOf, faceOf, readingText, tellingOf, type TwinFace } from "./marks";
import { Neighbourhood, type Picture } from "./neighbourhood";
import { inTurn, readLinks, readTwins } from "./reader";

/** Twins whose relationships are asked for at a time. */
const AT_ONCE = 6;

/** The picture around one twin: what it shows, where it lies, and what its twins say of themselves. Reads outwards ring by ring; a ring is laid out when all of it is there, so that the order of answers changes nothing. */
export class GraphModel {
  readonly near: Neighbourhood;
  readonly faces = new Map<string, TwinFace>();
  places: ReadonlyMap<string, Point> = new Map();
  picture: Picture;
  isReading = false;
  private readonly cancel = new AbortController();
  private dirty = false;
  private isFresh = true;

  /** @param onPicture Called with true when places changed, with false when only what is written did. */
  constructor(
    private readonly api: Pick<TwinApi, "send" | "query">,
    private readonly book: () => ModelBook,
    root: string,
    hops: number,
    private readonly onPicture: (isMoved: boolean) => void,
  ) {
    this.near = new Neighbourhood(root, hops);
    this.picture = this.near.picture();
  }

  dispose(): void {
    this.cancel.abort();
  }

  /** Reads what the picture wants until it wants nothing; throws what the silo refused. Calls during a reading are joined to it. */
  async grow(): Promise<void> {
    this.dirty = true;
    if (this.isReading) return;
    this.isReading = true;
    try {
      while (this.dirty && !this.cancel.signal.aborted) {
        this.dirty = false;
        await this.round();
      }
      this.isFresh = false;
    } finally {
      this.isReading = false;
    }
  }

  private async round(): Promise<void> {
    const { signal } = this.cancel;
    for (;;) {
      const wanted = this.near.picture().wanted;
      const links = await inTurn(wanted, AT_ONCE, (id) => readLinks(this.api, id, signal));
      wanted.forEach((id, i) => this.near.learn(id, links[i]!));
      const picture = this.near.picture();
      await this.readFaces(picture.nodes.map((n) => n.id).filter((id) => !this.faces.has(id)));
      if (signal.aborted) return;
      this.lay(picture);
      if (picture.wanted.length === 0) return;
    }
  }

  /** A first picture is laid out anew with each ring; later only newcomers look for a place. */
  private lay(picture: Picture): void {
    this.picture = picture;
    const { things, lines } = thingsOf(picture.nodes, picture.links, picture.folds);
    const isKnown = !this.isFresh && things.every((t) => this.places.has(t.id));
    if (isKnown) {
      const places = this.places;
      this.places = new Map(things.map((t) => [t.id, places.get(t.id)!]));
    } else this.places = layOut(things, lines, this.isFresh ? new Map() : this.places);
    this.onPicture(true);
  }

  private async readFaces(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const twin of await readTwins(this.api, ids, this.cancel.signal)) {
      const face = faceOf(twin, this.book());
      this.faces.set(face.id, face);
    }
  }

  /** Reads everything in the picture again, after a gap in the stream; places stay. */
  async again(): Promise<void> {
    this.near.forget();
    this.faces.clear();
    await this.grow();
  }

  /** Hot: every batch of the stream passes here. Answers whether the picture must be drawn, and whether relationships moved. */
  take(changes: readonly Change[]): { isChanged: boolean; isMoved: boolean } {
    let isChanged = false;
    let isMoved = false;
    for (const change of changes) {
      const face = this.faces.get(change.id);
      if (change.kind === "relationshipChanged" || change.kind === "relationshipDeleted") {
        if (this.near.knows(change.id)) {
          this.near.forget(change.id);
          isMoved = true;
        }
      } else if (!face) continue;
      else if (change.kind === "twinDeleted") {
        this.faces.delete(change.id);
        isChanged = true;
      } else if (change.path !== undefined && (change.kind === "propertyChanged" || change.kind === "propertyRemoved")) isChanged = this.apply(face, change) || isChanged;
    }
    return { isChanged, isMoved };
  }

  private apply(face: TwinFace, change: Change): boolean {
    const value = change.kind === "propertyRemoved" ? undefined : change.value;
    if (change.path === "alarm") {
      face.alarm = alarmOf(value);
      return true;
    }
    if (change.path === "name" && typeof value === "string") {
      face.name = value;
      return true;
    }
    if (change.path !== tellingOf(face.model, this.book())) return false;
    const text = readingText(face.model, change.path, value, this.book());
    if (text === face.reading) return false;
    face.reading = text;
    return true;
  }
}
