/** The page: wires the list, the reader, the form and the drop target to the worker. */

import { proxy, wrap } from 'comlink';
import type { Engine, Incoming, Listener, Summary } from './api.ts';
import { chosenFiles, droppedFiles } from './files.ts';
import { byId } from './ui/dom.ts';
import { setUpFetch } from './ui/fetch.ts';
import { MessageList } from './ui/list.ts';
import { messageView, type MessageView } from './ui/message.ts';
import { notify, notifyError } from './ui/notices.ts';
import { tabs } from './ui/tabs.ts';
import { setUpTheme } from './ui/theme.ts';

const worker = new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module' });
worker.addEventListener('error', (event) =>
  notifyError('The engine did not start', event.message || 'its script could not be loaded'),
);
const engine = wrap<Engine>(worker);

const app = byId('app');
const reader = byId('reader');
const welcome = byId('welcome');
const list = new MessageList(byId('list'), open, enter);
let shown: MessageView | undefined;
let opening = 0;
/** Whether the next message that is added shall be shown: the first one of what was opened. */
let showsNext = false;

const listener: Listener = {
  added(summaries) {
    const first = list.length;
    list.add(summaries);
    showCount();
    if (first === 0 || showsNext) list.select(first);
    showsNext = false;
  },
  problem: notify,
};

async function add(files: readonly Incoming[]): Promise<void> {
  if (files.length === 0) return;
  app.classList.add('busy');
  showsNext = true;
  try {
    await engine.add(files, proxy(listener));
  } catch (error) {
    notifyError('The files cannot be read', error);
  } finally {
    app.classList.remove('busy');
  }
}

async function open(summary: Summary): Promise<void> {
  const current = ++opening;
  try {
    const message = await engine.open(summary.id);
    if (current !== opening) return;
    shown = messageView(engine, message, back);
    reader.replaceChildren(shown.element);
    document.title = `${message.subject || 'No subject'} – popmail`;
  } catch (error) {
    if (current === opening) notifyError(`“${summary.subject || summary.origin}” cannot be opened`, error);
  }
}

/** Goes from the list to the message: on a telephone it takes the place of the list. */
function enter(): void {
  app.dataset['shown'] = 'message';
  shown?.heading.focus({ preventScroll: true });
}

function back(): void {
  app.dataset['shown'] = 'list';
  list.focus();
}

function clear(): void {
  opening++;
  shown = undefined;
  void engine.clear();
  list.clear();
  showCount();
  reader.replaceChildren(welcome);
  app.dataset['shown'] = 'list';
  document.title = 'popmail in the browser';
}

function showCount(): void {
  byId('count').textContent = list.length > 0 ? list.length.toLocaleString() : '';
  byId('clear').hidden = list.length === 0;
  app.classList.toggle('empty', list.length === 0);
}

function setUpFiles(): void {
  const files = byId<HTMLInputElement>('files');
  const folder = byId<HTMLInputElement>('folder');
  for (const input of [files, folder]) input.addEventListener('change', () => void add(chosenFiles(input)));
  for (const id of ['choose-files', 'welcome-files']) byId(id).addEventListener('click', () => files.click());
  byId('choose-folder').addEventListener('click', () => folder.click());
  byId('samples').addEventListener('click', () => void addSamples());
}

async function addSamples(): Promise<void> {
  const urls = Object.entries(
    import.meta.glob<string>('../../mail/*.eml', { query: '?url', import: 'default', eager: true }),
  );
  try {
    const samples = urls.map(async ([path, url]) => {
      const name = path.split('/').at(-1)!;
      return { file: new File([await (await fetch(url)).blob()], name), path: name };
    });
    await add(await Promise.all(samples));
  } catch (error) {
    notifyError('The sample mail cannot be loaded', error);
  }
}

/** The whole page is the target; the overlay shows while files hang over it. */
function setUpDrop(): void {
  const overlay = byId('drop');
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragenter', (event) => {
    if (hasFiles(event)) overlay.hidden = false;
  });
  addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) overlay.hidden = true;
  });
  addEventListener('drop', (event) => {
    overlay.hidden = true;
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    droppedFiles(event.dataTransfer).then(add, (error: unknown) => notifyError('The drop cannot be read', error));
  });
}

tabs(document.querySelector<HTMLElement>('.sidebar > [role=tablist]')!, () => undefined)(byId('tab-files'));
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && reader.contains(document.activeElement)) back();
});
byId('clear').addEventListener('click', clear);
setUpTheme();
setUpFiles();
setUpFetch(engine, listener);
setUpDrop();
showCount();
