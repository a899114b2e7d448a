/** A relationship between two twins. */
export interface GraphLink {
  /** Unique in the place: the source's id and the relationship's. */
  key: string;
  name: string;
  source: string;
  target: string;
}

/** The relationships of one twin in both directions, as far as they were read. */
export interface TwinLinks {
  links: readonly GraphLink[];
  /** The silo has more than were read. */
  isCut: boolean;
}

export interface GraphNode {
  id: string;
  hop: number;
  /** The twin it was found through; null for the middle. */
  parent: string | null;
  isOpen: boolean;
}

/** Relationships of one name and direction at an open twin that are not shown. */
export interface Fold {
  key: string;
  owner: string;
  name: string;
  isOut: boolean;
  hidden: number;
  /** There are more than that: the silo was not asked for all. */
  isAtLeast: boolean;
}

export interface Picture {
  nodes: GraphNode[];
  links: GraphLink[];
  folds: Fold[];
  /** Twins to be shown open whose relationships are not known yet. */
  wanted: string[];
  /** The bound of twins was met. */
  isFull: boolean;
}

/** Most twins in the picture. */
export const MOST_TWINS = 400;
/** Twins shown of one relationship and direction before the rest is folded. */
export const GROUP_SHOWN = 12;
/** Twins a click on a fold adds. */
export const FOLD_STEP = 40;
export const MOST_HOPS = 4;

/** What is known around a twin and how much of it is to be shown. Pure: the picture depends on nothing but what was given. */
export class Neighbourhood {
  private readonly known = new Map<string, TwinLinks>();
  private readonly opened = new Set<string>();
  private readonly closed = new Set<string>();
  private readonly shown = new Map<string, number>();

  constructor(readonly root: string, public hops: number) {}

  /** Twins opened by hand, in the order of opening. */
  get openedIds(): readonly string[] {
    return [...this.opened];
  }

  learn(id: string, links: TwinLinks): void {
    this.known.set(id, links);
  }

  /** What was read may be old: the next picture wants it again. */
  forget(id?: string): void {
    if (id === undefined) this.known.clear();
    else this.known.delete(id);
  }

  knows(id: string): boolean {
    return this.known.has(id);
  }

  setOpen(id: string, is: boolean): void {
    (is ? this.closed : this.opened).delete(id);
    (is ? this.opened : this.closed).add(id);
  }

  /** Shows more of a fold. */
  unfold(key: string): void {
    this.shown.set(key, (this.shown.get(key) ?? GROUP_SHOWN) + FOLD_STEP);
  }

  /** Walks outwards, nearest first; relationships by name, twins by id, so that the same knowledge gives the same picture. */
  picture(): Picture {
    const nodes = new Map<string, GraphNode>([[this.root, { id: this.root, hop: 0, parent: null, isOpen: false }]]);
    const wanted: string[] = [];
    let isFull = false;
    for (const node of nodes.values()) { // Grows while it is walked.
      if (!this.isToOpen(node)) continue;
      node.isOpen = true;
      const known = this.known.get(node.id);
      if (!known) {
        wanted.push(node.id);
        continue;
      }
      for (const group of groupsOf(node.id, known.links)) {
        let room = (this.shown.get(group.key) ?? GROUP_SHOWN) - group.ids.filter((id) => nodes.has(id)).length;
        for (const id of group.ids) {
          if (nodes.has(id)) continue;
          if (room-- <= 0) break;
          if (nodes.size >= MOST_TWINS) {
            isFull = true;
            break;
          }
          nodes.set(id, { id, hop: node.hop + 1, parent: node.id, isOpen: false });
        }
      }
    }
    return { nodes: [...nodes.values()], links: this.linksAmong(nodes), folds: this.foldsOf(nodes), wanted, isFull };
  }

  private isToOpen(node: GraphNode): boolean {
    return !this.closed.has(node.id) && (node.hop < this.hops || this.opened.has(node.id));
  }

  private linksAmong(nodes: ReadonlyMap<string, GraphNode>): GraphLink[] {
    const links = new Map<string, GraphLink>();
    for (const id of nodes.keys())
      for (const link of this.known.get(id)?.links ?? []) if (nodes.has(link.source) && nodes.has(link.target)) links.set(link.key, link);
    return [...links.values()];
  }

  private foldsOf(nodes: ReadonlyMap<string, GraphNode>): Fold[] {
    const folds: Fold[] = [];
    for (const node of nodes.values()) {
      const known = node.isOpen ? this.known.get(node.id) : undefined;
      if (!known) continue;
      const groups = groupsOf(node.id, known.links);
      for (const g of groups) {
        const hidden = g.ids.filter((id) => !nodes.has(id)).length;
        if (hidden > 0) folds.push({ key: g.key, owner: node.id, name: g.name, isOut: g.isOut, hidden, isAtLeast: known.isCut });
      }
      if (known.isCut && !folds.some((f) => f.owner === node.id)) folds.push({ key: `${node.id} more`, owner: node.id, name: "", isOut: true, hidden: 0, isAtLeast: true });
    }
    return folds;
  }
}

interface Group {
  key: string;
  name: string;
  isOut: boolean;
  ids: string[];
}

const ORDER = new Intl.Collator("en", { numeric: true });

function groupsOf(id: string, links: readonly GraphLink[]): Group[] {
  const groups = new Map<string, Group>();
  for (const link of links) {
    const isOut = link.source === id;
    const other = isOut ? link.target : link.source;
    if (other === id) continue;
    const key = `${id} ${isOut ? "out" : "in"} ${link.name}`;
    const group = groups.get(key) ?? { key, name: link.name, isOut, ids: [] };
    if (!group.ids.includes(other)) group.ids.push(other);
    groups.set(key, group);
  }
  for (const g of groups.values()) g.ids.sort(ORDER.compare);
  return [...groups.values()].sort((a, b) => Number(b.isOut) - Number(a.isOut) || ORDER.compare(a.name, b.name));
}

/** How many relationships the folds hide, as a person says it; empty when nothing is left out. */
export function leftOutText(picture: Picture): string {
  const hidden = picture.folds.reduce((sum, f) => sum + f.hidden, 0);
  if (hidden === 0 && !picture.folds.some((f) => f.isAtLeast)) return "";
  const more = picture.folds.some((f) => f.isAtLeast) ? "at least " : "";
  const bound = picture.isFull ? `; the picture holds at most ${MOST_TWINS} twins` : "";
  return `${more}${hidden} neighbours left out${bound}`;
}
