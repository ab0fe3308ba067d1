/**
 * Rows of one height, of which only those in sight are in the document.
 *
 * Browsers limit the height of an element: beyond `MAX_HEIGHT` the scroll bar moves in larger steps
 * than the rows.
 */

const MAX_HEIGHT = 8_000_000;
const OVERSCAN = 8;

export class VirtualRows {
  readonly #scroller: HTMLElement;
  readonly #rowHeight: number;
  readonly #draw: (start: number, end: number) => readonly Node[] | Promise<readonly Node[]>;
  readonly #spacer = document.createElement('div');
  readonly #window = document.createElement('div');
  readonly #resized: ResizeObserver;
  #count = 0;
  #start = 0;
  #end = 0;
  #drawing = 0;

  /** `draw` makes the rows from `start` up to but without `end`. */
  constructor(
    scroller: HTMLElement,
    rowHeight: number,
    draw: (start: number, end: number) => readonly Node[] | Promise<readonly Node[]>,
  ) {
    this.#scroller = scroller;
    this.#rowHeight = rowHeight;
    this.#draw = draw;
    this.#spacer.className = 'virtual';
    this.#spacer.setAttribute('role', 'presentation');
    this.#window.className = 'virtual-window';
    this.#window.setAttribute('role', 'presentation');
    this.#spacer.append(this.#window);
    scroller.replaceChildren(this.#spacer);
    scroller.addEventListener('scroll', () => this.#update(false), { passive: true });
    this.#resized = new ResizeObserver(() => this.#update(false));
    this.#resized.observe(scroller);
  }

  /** Draws all that is in sight again. */
  refresh(count: number): void {
    this.#count = count;
    this.#spacer.style.height = `${this.#height}px`;
    this.#update(true);
  }

  /** Rows that fit in sight. */
  get pageSize(): number {
    return Math.max(1, Math.floor(this.#scroller.clientHeight / this.#rowHeight));
  }

  /** Brings a row into sight: to the top, or by the shortest way. */
  reveal(row: number, where: 'start' | 'nearest'): void {
    const top = row * this.#rowHeight;
    const first = this.#top;
    const last = first + this.#scroller.clientHeight - this.#rowHeight;
    if (where === 'start') this.#scroller.scrollTop = (top - 2 * this.#rowHeight) / this.#scale;
    else if (top < first) this.#scroller.scrollTop = top / this.#scale;
    else if (top > last) this.#scroller.scrollTop = (top - last + first) / this.#scale;
    this.#update(false);
  }

  get #height(): number {
    return Math.min(this.#count * this.#rowHeight, MAX_HEIGHT);
  }

  /** Pixels of rows for one pixel of scrolling. */
  get #scale(): number {
    const sight = this.#scroller.clientHeight;
    return Math.max(1, (this.#count * this.#rowHeight - sight) / Math.max(1, this.#height - sight));
  }

  /** The pixel of all rows that is at the top. */
  get #top(): number {
    return this.#scroller.scrollTop * this.#scale;
  }

  #update(force: boolean): void {
    const top = this.#top;
    const first = Math.floor(top / this.#rowHeight);
    const last = Math.min(this.#count, first + this.pageSize + 2);
    const scaled = this.#scale > 1;
    if (!force && !scaled && first >= this.#start && last <= this.#end && this.#window.hasChildNodes()) return;
    const start = Math.max(0, first - OVERSCAN);
    const end = Math.min(this.#count, last + OVERSCAN);
    const drawing = ++this.#drawing;
    const place = (rows: readonly Node[]) => {
      if (drawing !== this.#drawing) return;
      this.#start = start;
      this.#end = end;
      const offset = scaled
        ? this.#scroller.scrollTop - (this.#top - start * this.#rowHeight)
        : start * this.#rowHeight;
      this.#window.style.transform = `translateY(${offset}px)`;
      this.#window.replaceChildren(...rows);
    };
    const rows = this.#draw(start, end);
    if (rows instanceof Promise) rows.then(place, () => undefined);
    else place(rows);
  }
}
