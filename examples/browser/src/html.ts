/**
 * A message's HTML made safe to look at.
 *
 * Three walls: DOMPurify takes out what can act; the frame is sandboxed without scripts and without
 * an origin; the frame's own policy lets it load nothing but `data:` images, and remote images only
 * when the reader asked for them.
 */

import DOMPurify from 'dompurify';

export interface SafeHtml {
  /** The references that would tell the sender that the message is read. */
  readonly remote: number;
  /** The Content-IDs that are shown. */
  readonly contentIds: ReadonlySet<string>;
  /** Whether it has no colours of its own, and may be shown dark. */
  readonly isPlain: boolean;
  /** A whole document for the frame; `isDark` counts if it is plain. */
  document(images: ReadonlyMap<string, string>, allowRemote: boolean, isDark: boolean): string;
}

const IMAGE_ATTRIBUTES = ['src', 'background', 'poster'];
const FORBIDDEN = [
  'form',
  'input',
  'button',
  'select',
  'textarea',
  'option',
  'audio',
  'video',
  'source',
  'track',
  'dialog',
  'map',
  'area',
];
const REMOTE = /^\s*(https?:)?\/\//i;
const REMOTE_IN_STYLE = /(?:url\(|image-set\()\s*['"]?\s*(?:https?:)?\/\//gi;
const COLOURED = '[bgcolor], [background], [color], [text], [link]';
const COLOUR_IN_STYLE = /color|background|filter|fill/i;
const CID = /^\s*cid:/i;
const CID_IN_STYLE = /cid:[^'")\s]+/gi;

export function sanitise(source: string): SafeHtml {
  const clean = DOMPurify.sanitize(source, {
    WHOLE_DOCUMENT: true,
    USE_PROFILES: { html: true },
    FORBID_TAGS: FORBIDDEN,
    FORBID_ATTR: ['ping', 'srcset', 'sizes', 'autofocus'],
  });
  const inert = new DOMParser().parseFromString(clean, 'text/html');
  for (const link of inert.querySelectorAll('a')) makeSafe(link);

  let remote = 0;
  const contentIds = new Set<string>();
  for (const { value } of imageAttributes(inert)) {
    if (CID.test(value)) contentIds.add(contentId(value));
    else if (REMOTE.test(value)) remote++;
  }
  for (const style of styles(inert)) {
    remote += style.match(REMOTE_IN_STYLE)?.length ?? 0;
    for (const url of style.match(CID_IN_STYLE) ?? []) contentIds.add(contentId(url));
  }

  const isPlain =
    inert.querySelector(COLOURED) === null && ![...styles(inert)].some((style) => COLOUR_IN_STYLE.test(style));

  return {
    remote,
    contentIds,
    isPlain,
    document(images, allowRemote, isDark) {
      const page = inert.cloneNode(true) as Document;
      for (const { element, name, value } of imageAttributes(page)) {
        const image = CID.test(value) ? images.get(contentId(value)) : undefined;
        if (image) element.setAttribute(name, image);
        else if (!/^\s*data:image\//i.test(value) && !(allowRemote && REMOTE.test(value))) {
          element.removeAttribute(name);
          element.classList.add('popmail-blocked');
        }
      }
      for (const element of page.querySelectorAll('[style]')) {
        const style = element.getAttribute('style')!;
        element.setAttribute(
          'style',
          style.replace(CID_IN_STYLE, (url) => images.get(contentId(url)) ?? url),
        );
      }
      const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:${allowRemote ? ' https: http:' : ''}`;
      const head = page.createElement('head');
      head.innerHTML = `<meta charset="utf-8"><meta name="referrer" content="no-referrer"><style>${FRAME_STYLE}${isPlain && isDark ? DARK_STYLE : ''}</style>`;
      const csp = page.createElement('meta');
      csp.httpEquiv = 'Content-Security-Policy';
      csp.content = policy;
      head.prepend(csp);
      // The policy stands before everything that it is for.
      head.append(...page.head.childNodes);
      page.head.replaceWith(head);
      return `<!doctype html>${page.documentElement.outerHTML}`;
    },
  };
}

/** A frame that shows a document and lets it do nothing: no scripts, no forms, no origin. Links open in a new tab. */
export function sandbox(content: string, isPlain: boolean): HTMLIFrameElement {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-popups allow-popups-to-escape-sandbox');
  frame.referrerPolicy = 'no-referrer';
  frame.title = 'HTML of the message';
  frame.className = isPlain ? 'html-frame plain' : 'html-frame';
  frame.srcdoc = content;
  return frame;
}

/** Links lead to the web or to a new message, in a new tab, and say where. */
function makeSafe(link: HTMLAnchorElement): void {
  const target = link.getAttribute('href') ?? '';
  if (!/^\s*(https?:|mailto:)/i.test(target)) {
    link.removeAttribute('href');
    return;
  }
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  link.title = target;
}

function* imageAttributes(page: Document): Generator<{ element: Element; name: string; value: string }> {
  for (const name of IMAGE_ATTRIBUTES) {
    for (const element of page.querySelectorAll(`[${name}]`)) {
      yield { element, name, value: element.getAttribute(name)! };
    }
  }
}

function* styles(page: Document): Generator<string> {
  for (const element of page.querySelectorAll('style')) yield element.textContent ?? '';
  for (const element of page.querySelectorAll('[style]')) yield element.getAttribute('style')!;
}

/** RFC 2392: a `cid:` address is a Content-ID, percent-encoded. */
function contentId(url: string): string {
  const id = url.trim().slice('cid:'.length);
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

const FRAME_STYLE = `
  :root { color-scheme: light; background: #fff; color: #1c1c1c; font: 16px/1.55 system-ui, sans-serif; }
  body { margin: 22px 32px; overflow-wrap: anywhere; }
  @media (max-width: 600px) { body { margin: 16px; } }
  img { max-width: 100%; height: auto; }
  pre { white-space: pre-wrap; }
  a { color: #1f4fa3; }
  blockquote { margin-inline: 0; padding-inline-start: 1em; border-inline-start: 3px solid #d8d4cc; }
  img.popmail-blocked { min-width: 24px; min-height: 24px; padding: 4px 8px; border: 1px dashed #aaa; border-radius: 4px; color: #666; font-size: 13px; }
`;
/** For mail without colours of its own, where the page is dark. */
const DARK_STYLE = `
  :root { color-scheme: dark; background: #1c1f25; color: #e9e5dc; }
  a { color: #8fb0f5; }
  blockquote { border-color: #454b58; }
`;
