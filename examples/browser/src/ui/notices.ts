/** What went wrong, in words, until it is closed. */

import type { Problem } from '../api.ts';
import { byId, h, icon } from './dom.ts';

const MOST = 4;

export function notify({ title, detail }: Problem): void {
  const notices = byId('notices');
  const notice: HTMLElement = h(
    'div',
    { class: 'notice' },
    icon('warning'),
    h('div', {}, h('strong', {}, title), h('p', {}, detail)),
    h(
      'button',
      { type: 'button', class: 'icon-button', 'aria-label': 'Close', onclick: () => notice.remove() },
      icon('close'),
    ),
  );
  notices.append(notice);
  while (notices.childElementCount > MOST) notices.firstElementChild!.remove();
}

export function notifyError(title: string, error: unknown): void {
  notify({ title, detail: error instanceof Error ? error.message : String(error) });
}
