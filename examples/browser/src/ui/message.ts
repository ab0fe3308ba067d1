/** One message: who wrote it, what it says, what hangs on it, how it is made. */

import type { Remote } from 'comlink';
import type { Cut, Detail, Engine, PartInfo } from '../api.ts';
import { sandbox, sanitise } from '../html.ts';
import { defectWords, severityWords } from './defects.ts';
import { h, icon } from './dom.ts';
import { count, fullDate, people, size } from './format.ts';
import { notifyError } from './notices.ts';
import { SourceView } from './source.ts';
import { tabs } from './tabs.ts';
import { isDark, theme } from './theme.ts';
import { partTree } from './tree.ts';

/** HTML above this is never shown whole: to sanitise it would hold the page up. */
const MAX_WHOLE_HTML = 5_000_000;
/** How much of a long text is added at a time. */
const PIECE = 500_000;

interface View {
  readonly name: string;
  readonly title: string;
  readonly badge?: number;
  make(): HTMLElement;
}

export interface MessageView {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
}

export function messageView(engine: Remote<Engine>, message: Detail, back: () => void): MessageView {
  const heading = h(
    'h2',
    { class: message.subject ? 'subject' : 'subject none', tabindex: -1 },
    message.subject || 'No subject',
  );
  const element = h(
    'article',
    { class: 'message', 'aria-label': message.subject || 'Message without subject' },
    h(
      'header',
      { class: 'message-head' },
      h('button', { type: 'button', class: 'link-button back', onclick: back }, icon('back'), 'Messages'),
      heading,
      envelope(message),
      attachments(engine, message),
    ),
    ...views(engine, message),
  );
  return { element, heading };
}

function envelope(message: Detail): HTMLElement {
  const first = message.from[0];
  const initial = [...(first?.name ?? first?.address ?? '?').replace(/^[^\p{L}\p{N}]+/u, '')][0] ?? '?';
  const line = (title: string, text: string) => text !== '' && h('div', {}, h('dt', {}, title), h('dd', {}, text));
  return h(
    'div',
    { class: 'envelope-lines' },
    h('span', { class: 'initial', 'aria-hidden': 'true' }, initial.toUpperCase()),
    h(
      'dl',
      {},
      line('From', people(message.from) || 'Unknown sender'),
      line('To', people(message.to)),
      line('Cc', people(message.cc)),
      line('Reply to', people(message.replyTo)),
    ),
    h(
      'p',
      { class: 'sent' },
      message.date === null
        ? 'No date'
        : h('time', { datetime: new Date(message.date).toISOString() }, fullDate(message.date)),
    ),
  );
}

function attachments(engine: Remote<Engine>, message: Detail): HTMLElement | null {
  const found = [...message.parts.entries()].filter(([, part]) => part.role === 'attachment');
  if (found.length === 0) return null;
  return h(
    'ul',
    { class: 'attachments', 'aria-label': 'Attachments' },
    ...found.map(([index, part]) =>
      h(
        'li',
        {},
        h(
          'button',
          {
            type: 'button',
            class: 'attachment',
            title:
              part.filename === part.safeFilename
                ? part.contentType
                : `${part.contentType}, named “${part.filename ?? ''}” by the sender`,
            onclick: () => download(engine, message, index),
          },
          icon(part.contentType.startsWith('image/') ? 'image' : 'attachment'),
          h('span', { class: 'hidden' }, 'Download '),
          h('span', { class: 'attachment-name' }, part.safeFilename),
          h('span', { class: 'attachment-size' }, size(part.size)),
        ),
      ),
    ),
  );
}

async function download(engine: Remote<Engine>, message: Detail, index: number): Promise<void> {
  const part = message.parts[index]!;
  try {
    const content = await engine.content(message.id, index);
    // Never the sender's type: a browser might open it instead of saving it.
    const url = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }));
    h('a', { href: url, download: part.safeFilename }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    notifyError(`${part.safeFilename} cannot be saved`, error);
  }
}

/** The views of a message behind tabs; each is made when it is first looked at. */
function views(engine: Remote<Engine>, message: Detail): HTMLElement[] {
  const { html, text } = message;
  const all: View[] = [
    ...(html ? [{ name: 'html', title: 'HTML', make: () => htmlView(engine, message, html) }] : []),
    { name: 'text', title: 'Text', make: () => textView(engine, message, text) },
    { name: 'structure', title: 'Structure', badge: message.parts.length, make: () => structureView(engine, message) },
    { name: 'headers', title: 'Headers', badge: message.headers.length, make: () => headersView(message) },
    { name: 'defects', title: 'Defects', badge: message.defects.length, make: () => defectsView(message) },
  ];
  const buttons = all.map(({ name, title, badge }) =>
    h(
      'button',
      { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': `view-${name}`, 'data-view': name },
      title,
      badge !== undefined &&
        badge > 0 &&
        h('span', { class: name === 'defects' ? 'badge alarming' : 'badge' }, String(badge)),
    ),
  );
  const panels = all.map(({ name }) =>
    h('div', {
      class: `view view-${name}`,
      role: 'tabpanel',
      id: `view-${name}`,
      'aria-labelledby': `tab-${name}`,
      hidden: true,
    }),
  );
  const list = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views of the message' }, ...buttons);
  // The panels are not in the document yet: tabs() finds them by id when they are.
  queueMicrotask(() => {
    const choose = tabs(list, (tab) => {
      const at = buttons.indexOf(tab as HTMLButtonElement);
      if (!panels[at]!.hasChildNodes()) panels[at]!.append(all[at]!.make());
    });
    choose(buttons[0]!);
  });
  return [list, h('div', { class: 'views' }, ...panels)];
}

function htmlView(engine: Remote<Engine>, message: Detail, html: Cut): HTMLElement {
  const place = h('div', { class: 'html' });
  const show = async (source: string, isWhole: boolean) => {
    const safe = sanitise(source);
    const images = await inlineImages(engine, message, safe.contentIds);
    let allowRemote = false;
    const frame = () => sandbox(safe.document(images, allowRemote, isDark()), safe.isPlain);
    const draw = () => place.lastElementChild!.replaceWith(frame());
    const bar = h('div', { class: 'html-bar' });
    place.replaceChildren(bar, frame());
    if (safe.isPlain) follow(place, draw);
    if (!isWhole) {
      bar.append(h('p', {}, `The first ${size(html.text.length)} of ${size(html.length)} are shown.`));
    }
    if (!isWhole && html.length <= MAX_WHOLE_HTML) {
      const showAll = async () => show(await engine.html(message.id), true);
      bar.append(h('button', { type: 'button', class: 'button small', onclick: showAll }, 'Show all'));
    }
    if (safe.remote > 0) {
      const note = h(
        'p',
        {},
        `${count(safe.remote, 'remote image')} not loaded: loading tells the sender that you read this.`,
      );
      const button: HTMLElement = h(
        'button',
        {
          type: 'button',
          class: 'button small',
          id: 'load-remote',
          onclick: () => {
            note.remove();
            button.remove();
            allowRemote = true;
            draw();
          },
        },
        safe.remote === 1 ? 'Load it' : 'Load them',
      );
      bar.append(note, button);
    }
  };
  show(html.text, html.text.length === html.length).catch((error: unknown) =>
    notifyError('The HTML cannot be shown', error),
  );
  return place;
}

/** Calls `draw` when the page turns light or dark, as long as the place is in it. */
function follow(place: HTMLElement, draw: () => void): void {
  const turned = () => {
    if (place.isConnected) draw();
    else theme.removeEventListener('change', turned);
  };
  theme.addEventListener('change', turned);
}

/** The images that the HTML shows by Content-ID, as `data:` addresses. */
async function inlineImages(
  engine: Remote<Engine>,
  message: Detail,
  contentIds: ReadonlySet<string>,
): Promise<Map<string, string>> {
  const images = new Map<string, string>();
  for (const contentId of contentIds) {
    const index = message.parts.findIndex((part) => part.contentId === contentId);
    const url = index === -1 ? null : await engine.imageUrl(message.id, index);
    if (url) images.set(contentId, url);
  }
  return images;
}

function textView(engine: Remote<Engine>, message: Detail, text: Cut | null): HTMLElement {
  if (!text || text.length === 0) return h('p', { class: 'nothing' }, 'This message has no text.');
  const body = h(
    'div',
    { class: 'text', tabindex: 0, role: 'region', 'aria-label': 'Text of the message' },
    ...paragraphs(text.text),
  );
  let shown = text.text.length;
  const words = () => `Show more: ${size(text.length - shown)} are left`;
  const showMore = async () => {
    const piece = await engine.text(message.id, shown, shown + PIECE);
    body.append(...paragraphs(piece));
    shown += piece.length;
    button.textContent = words();
    button.hidden = shown >= text.length;
  };
  const button = h('button', { type: 'button', class: 'button small', onclick: showMore }, words());
  button.hidden = shown >= text.length;
  return h('div', { class: 'text-place' }, body, button);
}

/** Lines in blocks of one depth of quotation; blocks out of sight cost nothing (`content-visibility`). */
function paragraphs(text: string): HTMLElement[] {
  const blocks: HTMLElement[] = [];
  let lines: string[] = [];
  let depth = 0;
  const end = () => {
    if (lines.length > 0)
      blocks.push(h('div', { class: depth > 0 ? `quote depth-${Math.min(depth, 3)}` : 'own' }, lines.join('\n')));
    lines = [];
  };
  for (const line of text.split(/\r?\n/)) {
    const quote = /^(?:> ?)+/.exec(line)?.[0].replaceAll(' ', '').length ?? 0;
    if (quote !== depth || lines.length >= 200) end();
    depth = quote;
    lines.push(line);
  }
  end();
  return blocks;
}

function structureView(engine: Remote<Engine>, message: Detail): HTMLElement {
  const source = new SourceView(engine, message);
  const facts = h('div', { class: 'facts', role: 'region', 'aria-live': 'polite', 'aria-label': 'Selected part' });
  const tree = partTree(message.parts, (index) => {
    const part = message.parts[index]!;
    facts.replaceChildren(...partFacts(engine, message, index, part));
    void source.highlight(part.range);
  });
  return h('div', { class: 'structure' }, h('div', { class: 'structure-side' }, tree, facts), source.element);
}

function partFacts(engine: Remote<Engine>, message: Detail, index: number, part: PartInfo): (HTMLElement | string)[] {
  const facts: [string, string | null][] = [
    ['Type', part.contentType],
    ['Charset', part.charset],
    ['Disposition', part.disposition],
    ['Name', part.filename],
    ['Saved as', part.filename !== null && part.filename !== part.safeFilename ? part.safeFilename : null],
    ['Content-ID', part.contentId],
    ['Size', part.container ? null : size(part.size)],
    [
      'Bytes',
      part.range
        ? `${part.range[0].toLocaleString()} to ${part.range[1].toLocaleString()}`
        : 'inside an encoded message',
    ],
  ];
  return [
    h('dl', {}, ...facts.flatMap(([title, value]) => (value === null ? [] : [h('dt', {}, title), h('dd', {}, value)]))),
    ...(part.container
      ? []
      : [
          h(
            'button',
            { type: 'button', class: 'button small', onclick: () => download(engine, message, index) },
            icon('download'),
            'Download',
          ),
        ]),
  ];
}

function headersView(message: Detail): HTMLElement {
  const fields = message.headers.map(({ name, value }) => h('div', {}, h('dt', {}, name), h('dd', {}, value.trim())));
  return h(
    'div',
    { class: 'headers', tabindex: 0, role: 'region', 'aria-label': 'Header fields' },
    h('dl', {}, ...fields),
  );
}

function defectsView(message: Detail): HTMLElement {
  if (message.defects.length === 0) return h('p', { class: 'nothing' }, 'Nothing is wrong with this message.');
  return h(
    'ul',
    { class: 'defects', tabindex: 0, 'aria-label': 'Defects' },
    ...message.defects.map(({ code, severity, part, range }) => {
      const where = [
        part === null ? null : message.parts[part]?.contentType,
        range && `byte ${range[0].toLocaleString()}`,
      ];
      return h(
        'li',
        { class: `defect ${severity}` },
        h('span', { class: 'severity', title: severityWords(severity) }, severity),
        h('p', {}, defectWords(code)),
        h('p', { class: 'where' }, [code, ...where.filter(Boolean)].join(' · ')),
      );
    }),
  );
}
