/** The MIME half of a WebAssembly module as the face takes it: of the small one, and of the complete one. */

import type * as ExtraGlue from 'popmail-extra-glue';
import type * as Glue from 'popmail-glue';

import type { MessageIndex, MimeEngine } from './engine-mime.js';
import { Pop3Error } from './error.js';
import { OCTETS, decodeStrict, labelOf, takenPieces } from './host.js';
import { CHARSET_LOOSE, CHARSET_MASK, CHARSET_UTF_8, ENCODING_NONE, FIELD_EXTRA, VIEW_EXTRA } from './layout.js';

type Guarded = <T>(call: () => T) => T;
type Small = Pick<
  typeof Glue,
  'content' | 'contentSize' | 'field' | 'hostLabel' | 'hostText' | 'htmlAsText' | 'index' | 'lineEnds' | 'safeFilename' | 'text' | 'views'
>;
type Complete = Pick<typeof ExtraGlue, keyof Small | 'crlf' | 'indexWith' | 'textInPieces' | 'viewInPieces' | 'viewsWith'>;

/** Octets of a text that is worth taking in pieces. */
const LONG = 1 << 18;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The engine that the small module is: what it lacks says so. */
export function smallMimeEngine(glue: Small, guarded: Guarded): MimeEngine {
  const calls = mimeCalls(glue, guarded);
  return {
    ...calls,
    index: (raw, options) => (options === undefined ? calls.index(raw) : needsExtra()),
    field: (source, start, end, what) => (what < FIELD_EXTRA ? calls.field(source, start, end, what) : needsExtra()),
    view: (raw, message, what, options) =>
      what < VIEW_EXTRA && options === undefined ? calls.view(raw, message, what) : needsExtra(),
    views: (raw, first, count, what, options) =>
      what < VIEW_EXTRA && options === undefined ? calls.views(raw, first, count, what) : needsExtra(),
    crlf: needsExtra,
  };
}

/** The engine that the complete module is. */
export function completeMimeEngine(glue: Complete, guarded: Guarded): MimeEngine {
  const calls = mimeCalls(glue, guarded, (body, encoding, charset) => {
    if (body.length < LONG) {
      return glue.text(body, encoding, charset);
    }
    glue.textInPieces(body, encoding, charset);
    return takenPieces();
  });
  return {
    ...calls,
    index: (raw, options) =>
      options === undefined ? calls.index(raw) : indexOf(guarded(() => glue.indexWith(raw, options))),
    view: (raw, message, what, options) =>
      guarded(() => {
        const isThere = glue.viewInPieces(raw, message, what, options);
        const text = takenPieces();
        return isThere ? text : undefined;
      }),
    views: (raw, first, count, what, options) =>
      options === undefined
        ? calls.views(raw, first, count, what)
        : guarded(() => glue.viewsWith(raw, first, count, what, options)),
    crlf: (raw) => guarded(() => glue.crlf(raw)),
  };
}

function needsExtra(): never {
  throw new Pop3Error(
    'POP3_ERR_USAGE_STATE',
    'this needs popmail-extra.wasm: call init() of popmail-wasm/extra and wait for it first',
  );
}

/** The words, the text in UTF-8, how many octets of text these are. */
function indexOf(words: Uint32Array<ArrayBuffer>): MessageIndex {
  const last = words.length - 1;
  const octets = words[last] as number;
  const start = last - 1 - (octets >>> 2);
  return { words, text: utf8.decode(new Uint8Array(words.buffer, start * 4, octets)) };
}

/** What both modules can do. */
function mimeCalls(glue: Small, guarded: Guarded, textOf = glue.text): Omit<MimeEngine, 'crlf'> {
  const labels: (string | undefined)[] = [];
  const hostLabel = (charset: number): string | undefined => {
    if (!(charset in labels)) {
      const text = (): string => glue.text(OCTETS, ENCODING_NONE, charset & CHARSET_MASK);
      // Under a label that says nothing text may be in any charset.
      const single = (): string | undefined => ((charset & CHARSET_LOOSE) === 0 ? labelOf(text()) : undefined);
      labels[charset] = guarded(() => glue.hostLabel(charset) ?? single());
    }
    return labels[charset];
  };
  return {
    index: (raw) => indexOf(guarded(() => glue.index(raw))),
    lineEnds: (raw) => guarded(() => glue.lineEnds(raw)),
    content: (source, start, end, encoding) => guarded(() => glue.content(source.subarray(start, end), encoding)),
    contentSize: (source, start, end, encoding) => guarded(() => glue.contentSize(source.subarray(start, end), encoding)),
    text(source, start, end, encoding, charset) {
      const body = source.subarray(start, end);
      const label = (charset & CHARSET_MASK) === CHARSET_UTF_8 ? 'utf-8' : hostLabel(charset);
      if (label !== undefined) {
        // What the host decodes by itself need not cross twice. Escape sequences without a label show
        // another charset.
        const text =
          encoding === ENCODING_NONE ? decodeStrict(label, body) : guarded(() => glue.hostText(body, encoding, label));
        if (text !== undefined && !((charset & CHARSET_LOOSE) !== 0 && text.includes('\x1b'))) {
          return text;
        }
      }
      return guarded(() => textOf(body, encoding, charset));
    },
    htmlAsText: (source, start, end, encoding, charset) =>
      guarded(() => glue.htmlAsText(source.subarray(start, end), encoding, charset)),
    field: (source, start, end, what) => guarded(() => glue.field(source.subarray(start, end), what)),
    view(raw, message, what) {
      const [text] = JSON.parse(guarded(() => glue.views(raw, message, 1, what))) as string[];
      return text ? text.slice(1) : undefined;
    },
    views: (raw, first, count, what) => guarded(() => glue.views(raw, first, count, what)),
    safeFilename: (name, contentType, index) => guarded(() => glue.safeFilename(name, contentType, index)),
  };
}
