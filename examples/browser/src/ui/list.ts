/** The list of messages: a listbox, one option selected, of which only those in sight are in the document. */

import type { Summary } from '../api.ts';
import { h, icon } from './dom.ts';
import { count, shortDate } from './format.ts';
import { VirtualRows } from './virtual.ts';

/** As in style.css. */
const ROW_HEIGHT = 84;

export class MessageList {
  readonly #element: HTMLElement;
  readonly #rows: VirtualRows;
  readonly #selected: (summary: Summary) => void;
  #summaries: Summary[] = [];
  #current = -1;

  constructor(element: HTMLElement, selected: (summary: Summary) => void, entered: () => void) {
    this.#element = element;
    this.#selected = selected;
    this.#rows = new VirtualRows(element, ROW_HEIGHT, (start, end) =>
      this.#summaries.slice(start, end).map((summary, at) => this.#row(summary, start + at)),
    );
    element.addEventListener('click', (event) => {
      const row = (event.target as Element).closest<HTMLElement>('[role=option]');
      if (!row) return;
      this.select(Number(row.dataset['index']));
      entered();
    });
    element.addEventListener('keydown', (event) => {
      const page = this.#rows.pageSize - 1;
      const last = this.#summaries.length - 1;
      const move = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -last, End: last }[event.key];
      if (event.key === 'Enter' && this.#current !== -1) entered();
      else if (move === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      else this.select(Math.min(last, Math.max(0, this.#current + move)));
      event.preventDefault();
    });
  }

  get length(): number {
    return this.#summaries.length;
  }

  add(summaries: readonly Summary[]): void {
    for (const summary of summaries) this.#summaries.push(summary);
    this.#rows.refresh(this.#summaries.length);
  }

  clear(): void {
    this.#summaries = [];
    this.#current = -1;
    this.#element.removeAttribute('aria-activedescendant');
    this.#rows.refresh(0);
  }

  select(index: number): void {
    const summary = this.#summaries[index];
    if (!summary || index === this.#current) return;
    this.#current = index;
    this.#rows.reveal(index, 'nearest');
    this.#rows.refresh(this.#summaries.length);
    this.#element.setAttribute('aria-activedescendant', optionId(summary));
    this.#selected(summary);
  }

  focus(): void {
    this.#element.focus();
  }

  #row(summary: Summary, index: number): HTMLElement {
    const { subject, from, date, preview, attachments, origin } = summary;
    return h(
      'div',
      {
        role: 'option',
        class: 'row',
        id: optionId(summary),
        'data-index': index,
        title: origin,
        'aria-selected': String(index === this.#current),
        'aria-setsize': this.#summaries.length,
        'aria-posinset': index + 1,
      },
      h('span', { class: 'row-from' }, from || 'Unknown sender'),
      date !== null && h('time', { class: 'row-date', datetime: new Date(date).toISOString() }, shortDate(date)),
      h('span', { class: subject ? 'row-subject' : 'row-subject none' }, subject || 'No subject'),
      attachments > 0 &&
        h(
          'span',
          { class: 'row-clip' },
          icon('attachment'),
          h('span', { class: 'hidden' }, count(attachments, 'attachment')),
        ),
      h('span', { class: 'row-preview' }, preview),
    );
  }
}

function optionId(summary: Summary): string {
  return `message-${summary.id}`;
}
