/** Tabs by the ARIA pattern: one of them takes the focus, the arrows move between them. */

/** Makes tabs of the buttons of a `tablist`; `selected` is called when another one is chosen. Returns a function that chooses one. */
export function tabs(tablist: HTMLElement, selected: (tab: HTMLElement) => void): (tab: HTMLElement) => void {
  const all = [...tablist.querySelectorAll<HTMLElement>('[role=tab]')];

  const choose = (chosen: HTMLElement) => {
    for (const tab of all) {
      const isChosen = tab === chosen;
      tab.setAttribute('aria-selected', String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute('aria-controls') ?? '');
      if (panel) panel.hidden = !isChosen;
    }
    selected(chosen);
  };

  for (const tab of all) tab.addEventListener('click', () => choose(tab));
  tablist.addEventListener('keydown', (event) => {
    const at = all.indexOf(document.activeElement as HTMLElement);
    const last = all.length - 1;
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (at === -1 || next === undefined) return;
    event.preventDefault();
    const tab = all[next < 0 ? last : next > last ? 0 : next]!;
    choose(tab);
    tab.focus();
  });
  return choose;
}
