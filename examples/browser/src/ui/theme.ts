/** Light or dark: as the system says, until the button says otherwise. */

import { byId, icon } from './dom.ts';

const KEY = 'popmail-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const root = document.documentElement;

/** Tells of each `change`. */
export const theme = new EventTarget();

export function isDark(): boolean {
  return (root.dataset['theme'] ?? (system.matches ? 'dark' : 'light')) === 'dark';
}

export function setUpTheme(): void {
  const button = byId('theme');
  const show = () => {
    theme.dispatchEvent(new Event('change'));
    button.replaceChildren(icon(isDark() ? 'light' : 'dark'));
    button.setAttribute('aria-label', isDark() ? 'Use light colours' : 'Use dark colours');
  };
  const kept = localStorage.getItem(KEY);
  if (kept) root.dataset['theme'] = kept;
  button.addEventListener('click', () => {
    root.dataset['theme'] = isDark() ? 'light' : 'dark';
    localStorage.setItem(KEY, root.dataset['theme']);
    show();
  });
  system.addEventListener('change', show);
  show();
}
