/** The WebAssembly engine of MIME and the POP3 client. */

import * as glue from 'popmail-glue';

import { type MimeEngine, provideMime } from './engine-mime.js';
import { type Platform, provide } from './engine-pop3.js';
import { OCTETS, decodeStrict, labelOf } from './host.js';
import { type InitInput, Instance, failing } from './instance.js';
import { CHARSET_LOOSE, CHARSET_MASK, CHARSET_UTF_8, ENCODING_NONE } from './layout.js';
import { parse } from './message.js';

const instance = new Instance(glue, {
  ready() {
    provideMime(engine);
    provide(pop3);
  },
  dead(fail) {
    provideMime(failing<MimeEngine>(fail));
    provide(failing<Platform>(fail));
  },
  get classes() {
    return [glue.ClientEngine, glue.Prefetch];
  },
});

/** Starts the engine; `open` says what to start when nobody did. */
export function start(open: () => InitInput | Promise<InitInput>): Promise<void> {
  return instance.start(open);
}

/** Starts the engine at once, where its module is at hand: in a worker that was sent it, on an edge runtime. */
export function initSync(module: WebAssembly.Module | BufferSource): void {
  instance.startSync(module);
}

function guarded<T>(call: () => T): T {
  return instance.guarded(call);
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const engine: MimeEngine = {
  index(raw, options) {
    const words = guarded(() => (options === undefined ? glue.index(raw) : glue.indexWith(raw, options)));
    // The words, the text in UTF-8, how many octets of text these are.
    const last = words.length - 1;
    const octets = words[last] as number;
    const start = last - 1 - (octets >>> 2);
    return { words, text: utf8.decode(new Uint8Array(words.buffer, start * 4, octets)) };
  },
  lineEnds: (raw) => guarded(() => glue.lineEnds(raw)),
  content: (source, start, end, encoding) => guarded(() => glue.content(source.subarray(start, end), encoding)),
  contentSize: (source, start, end, encoding) => guarded(() => glue.contentSize(source.subarray(start, end), encoding)),
  text(source, start, end, encoding, charset) {
    const body = source.subarray(start, end);
    const label = (charset & CHARSET_MASK) === CHARSET_UTF_8 ? 'utf-8' : hostLabel(charset);
    if (label !== undefined) {
      // What the host decodes by itself need not cross twice. Escape sequences without a label show
      // another charset.
      const content = encoding === ENCODING_NONE ? body : guarded(() => glue.content(body, encoding));
      const text = decodeStrict(label, content);
      if (text !== undefined && !((charset & CHARSET_LOOSE) !== 0 && text.includes('\x1b'))) {
        return text;
      }
    }
    return guarded(() => glue.text(body, encoding, charset));
  },
  htmlAsText: (source, start, end, encoding, charset) =>
    guarded(() => glue.htmlAsText(source.subarray(start, end), encoding, charset)),
  field: (source, start, end, what) => guarded(() => glue.field(source.subarray(start, end), what)),
  view: (raw, message, what, options) =>
    guarded(() =>
      options === undefined ? glue.view(raw, message, what) : glue.viewWith(raw, message, what, options),
    ),
  crlf: (raw) => guarded(() => glue.crlf(raw)),
  safeFilename: (name, contentType, index) => guarded(() => glue.safeFilename(name, contentType, index)),
};

const labels: (string | undefined)[] = [];

function hostLabel(charset: number): string | undefined {
  if (!(charset in labels)) {
    const text = () => glue.text(OCTETS, ENCODING_NONE, charset & CHARSET_MASK);
    labels[charset] = guarded(() => glue.hostLabel(charset) ?? labelOf(text()));
  }
  return labels[charset];
}

const pop3: Platform = {
  ClientEngine: glue.ClientEngine,
  apopDigest: (greeting, secret) => guarded(() => glue.apopDigest(greeting, secret)),
  parse,
};
