/** The source of a message, the bytes of one part highlighted. Rows come from the worker when they are scrolled to. */

import type { Remote } from 'comlink';
import type { Detail, Engine, SourceRow } from '../api.ts';
import { h } from './dom.ts';
import { VirtualRows } from './virtual.ts';

/** As in style.css. */
const ROW_HEIGHT = 20;

export class SourceView {
  readonly element: HTMLElement;
  readonly #engine: Remote<Engine>;
  readonly #message: Detail;
  readonly #rows: VirtualRows;
  #range: readonly [number, number] | null = null;

  constructor(engine: Remote<Engine>, message: Detail) {
    this.#engine = engine;
    this.#message = message;
    this.element = h('div', { class: 'source', tabindex: 0, role: 'region', 'aria-label': 'Source of the message' });
    this.element.style.setProperty('--digits', String(String(message.rows).length));
    this.#rows = new VirtualRows(this.element, ROW_HEIGHT, async (start, end) => {
      const rows = await engine.rows(message.id, start, end);
      return rows.map((row) => this.#row(row));
    });
    this.#rows.refresh(message.rows);
  }

  /** Highlights a range of bytes and brings its start into sight; nothing for `null`. */
  async highlight(range: readonly [number, number] | null): Promise<void> {
    this.#range = range;
    this.#rows.refresh(this.#message.rows);
    if (!range) return;
    const [first] = await this.#engine.rowsOf(this.#message.id, range);
    if (this.#range === range) this.#rows.reveal(first, 'start');
  }

  #row({ offset, text, line }: SourceRow): HTMLElement {
    const inside = this.#range !== null && offset >= this.#range[0] && offset < this.#range[1];
    return h(
      'div',
      { class: inside ? 'source-row inside' : 'source-row' },
      h('span', { class: 'source-line', 'aria-hidden': 'true' }, line === null ? '↪' : String(line)),
      h('span', { class: 'source-text' }, text),
    );
  }
}
