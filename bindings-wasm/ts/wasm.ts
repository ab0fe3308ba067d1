/** The WebAssembly engine: started by `init`, guarded against its own end. */

import * as glue from 'popmail-glue';

import { type MimeEngine, mime, provideMime } from './engine-mime.js';
import { type Platform, provide } from './engine-pop3.js';
import { Pop3Error } from './error.js';
import { decodeStrict } from './host.js';
import { CHARSET_UTF_8, ENCODING_NONE } from './layout.js';
import { parse } from './message.js';

/** Where the WebAssembly module comes from: its bytes, a response, an address, or the module itself. */
export type InitInput =
  | BufferSource
  | Response
  | Promise<Response>
  | Request
  | URL
  | string
  | WebAssembly.Module;

let started: Promise<void> | undefined;
let isReady = false;

/** Starts the engine once; after its end, a new one. `open` says what to start when nobody did. */
export function start(open: () => InitInput | Promise<InitInput>): Promise<void> {
  started ??= run(open).catch((error: unknown) => {
    started = undefined;
    throw error;
  });
  return started;
}

async function run(open: () => InitInput | Promise<InitInput>): Promise<void> {
  if (isReady) {
    // It ended: the module is here, its instance is not worth keeping.
    glue.__wbg_reset_state();
  } else {
    await glue.default({ module_or_path: await open() });
    isReady = true;
    guardClasses();
  }
  ready();
}

/** Starts the engine at once, where its module is at hand. */
export function initSync(module: WebAssembly.Module | BufferSource): void {
  if (started !== undefined && isReady) {
    return;
  }
  if (isReady) {
    glue.__wbg_reset_state();
  } else {
    glue.initSync({ module });
    isReady = true;
    guardClasses();
  }
  started = Promise.resolve();
  ready();
}

function ready(): void {
  provideMime(engine);
  provide(pop3);
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const engine: MimeEngine = {
  index(raw) {
    const words = guarded(() => glue.index(raw));
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
    const label = charset === CHARSET_UTF_8 ? undefined : hostLabel(charset);
    if (charset === CHARSET_UTF_8 || label !== undefined) {
      // What the host decodes by itself need not cross twice.
      const content = encoding === ENCODING_NONE ? body : guarded(() => glue.content(body, encoding));
      const text = label === undefined ? utf8.decode(content) : decodeStrict(label, content);
      if (text !== undefined) {
        return text;
      }
    }
    return guarded(() => glue.text(body, encoding, charset));
  },
  htmlAsText: (source, start, end, encoding, charset) =>
    guarded(() => glue.htmlAsText(source.subarray(start, end), encoding, charset)),
  field: (source, start, end, what) => guarded(() => glue.field(source.subarray(start, end), what)),
  view: (raw, message, what) => guarded(() => glue.view(raw, message, what)),
  safeFilename: (name, contentType, index) => guarded(() => glue.safeFilename(name, contentType, index)),
};

const labels: (string | undefined)[] = [];

function hostLabel(charset: number): string | undefined {
  if (!(charset in labels)) {
    labels[charset] = guarded(() => glue.hostLabel(charset));
  }
  return labels[charset];
}

const pop3: Platform = {
  ClientEngine: glue.ClientEngine,
  apopDigest: (greeting, secret) => guarded(() => glue.apopDigest(greeting, secret)),
  parse,
};

/** Calls the engine. What it never throws means that it broke: it is not used again. */
function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw isEnd(error) ? end(error) : error;
  }
}

function isEnd(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
}

function end(cause: unknown): Pop3Error {
  started = undefined;
  const dead = () => {
    throw new Pop3Error('POP3_ERR_INTERNAL', 'the engine broke down earlier: call init() for a new one', { cause });
  };
  const nothing = { get: dead };
  provideMime(new Proxy({} as MimeEngine, nothing));
  provide(new Proxy({} as Platform, nothing));
  return new Pop3Error('POP3_ERR_INTERNAL', 'the engine broke down: call init() for a new one', { cause });
}

/** The methods of the engine's classes, guarded as its functions are. */
function guardClasses(): void {
  for (const { prototype } of [glue.ClientEngine, glue.Prefetch] as { prototype: object }[]) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const { get, value } = property as PropertyDescriptor & { value?: unknown };
      if (get !== undefined) {
        property.get = function (this: unknown) {
          return guarded(() => get.call(this) as unknown);
        };
      } else if (name !== 'constructor' && typeof value === 'function') {
        property.value = function (this: unknown, ...given: unknown[]) {
          return guarded(() => Reflect.apply(value, this, given) as unknown);
        };
      }
      Object.defineProperty(prototype, name, property);
    }
  }
}

/** Whether `init` has been waited for. */
export function isInitialized(): boolean {
  return started !== undefined && isReady && mime() === engine;
}
