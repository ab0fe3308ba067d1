/** The parts of a message as a tree (ARIA pattern): the arrows walk through it, the selected part is shown beside it. */

import type { PartInfo } from '../api.ts';
import { h } from './dom.ts';
import { size } from './format.ts';

export function partTree(parts: readonly PartInfo[], selected: (part: number) => void): HTMLElement {
  const depths: number[] = [];
  for (const { parent } of parts) depths.push(parent === null ? 0 : depths[parent]! + 1);

  const items = parts.map((part, index) => {
    const siblings = parts.filter((other) => other.parent === part.parent);
    const item = h(
      'div',
      {
        role: 'treeitem',
        class: 'tree-item',
        tabindex: -1,
        'aria-level': depths[index]! + 1,
        'aria-setsize': siblings.length,
        'aria-posinset': siblings.indexOf(part) + 1,
        'aria-expanded': parts[index + 1]?.parent === index ? 'true' : null,
        onclick: () => choose(index),
      },
      h('span', { class: 'tree-type' }, part.contentType),
      part.filename !== null && h('span', { class: 'tree-name' }, part.filename),
      !part.container && h('span', { class: 'tree-size' }, size(part.size)),
    );
    item.style.setProperty('--depth', String(depths[index]));
    return item;
  });

  const choose = (index: number) => {
    items.forEach((item, at) => {
      item.setAttribute('aria-selected', String(at === index));
      item.tabIndex = at === index ? 0 : -1;
    });
    selected(index);
  };

  const tree = h('div', { role: 'tree', class: 'tree', 'aria-label': 'Parts of the message' }, ...items);
  tree.addEventListener('keydown', (event) => {
    const at = items.indexOf(document.activeElement as HTMLDivElement);
    const next = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      ArrowLeft: parts[at]?.parent ?? 0,
      ArrowRight: parts[at + 1]?.parent === at ? at + 1 : at,
      Home: 0,
      End: items.length - 1,
    }[event.key];
    if (at === -1 || next === undefined) return;
    event.preventDefault();
    const item = items[next];
    if (!item) return;
    choose(next);
    item.focus();
  });
  choose(0);
  return tree;
}
