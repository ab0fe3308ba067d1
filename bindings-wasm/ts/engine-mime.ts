/**
 * The MIME half of an engine: native in Node, WebAssembly elsewhere.
 *
 * Pure calls over bytes that JavaScript owns: an engine keeps nothing of a message. The constants
 * that go in and come out are those of `layout.ts`.
 */

import { Pop3Error } from './error.js';

/** A message as numbers and one text; `layout.ts` says what is where. */
export interface MessageIndex {
  readonly words: Uint32Array;
  readonly text: string;
}

/** What a package provides to `message.ts`. */
export interface MimeEngine {
  /** The index of a message; `options` as the core's `index_with` has them. */
  index(raw: Uint8Array, options?: Uint32Array): MessageIndex;
  /** Bytes with every line end as CRLF. */
  crlf(raw: Uint8Array): Uint8Array;
  /** The bytes that the positions in a source of kind `SOURCE_LINE_ENDS` are in. */
  lineEnds(raw: Uint8Array): Uint8Array;
  /** A body with its transfer encoding undone, in memory of its own; `encoding` is not `ENCODING_NONE`. */
  content(source: Uint8Array, start: number, end: number, encoding: number): Uint8Array;
  /** The size of that. */
  contentSize(source: Uint8Array, start: number, end: number, encoding: number): number;
  /** A body as text. */
  text(source: Uint8Array, start: number, end: number, encoding: number, charset: number): string;
  /** An HTML body as plain text. */
  htmlAsText(source: Uint8Array, start: number, end: number, encoding: number, charset: number): string;
  /** What the value of a header field means; `what` is one of `FIELD_…`. */
  field(source: Uint8Array, start: number, end: number, what: number): string;
  /** What needs the whole message; `what` is one of `VIEW_…`. */
  view(raw: Uint8Array, message: number, what: number, options?: Uint32Array): string | undefined;
  /** Several of these, from message or part `first` on, as the core's `views` has them. */
  views(raw: Uint8Array, first: number, count: number, what: number, options?: Uint32Array): string;
  /** A name to save a part under. */
  safeFilename(name: string, contentType: string, index: number): string;
  /** Makes a new file in a folder, where there are files, and returns its path. */
  saveFile?: (content: Uint8Array, name: string, folder: string | URL) => Promise<string>;
}

let provided: MimeEngine | undefined;
let extra: MimeEngine | undefined;

/** Sets what the face runs on; a package calls it once, or again after its engine died. */
export function provideMime(engine: MimeEngine | undefined): void {
  provided = engine;
}

/** Sets what the face runs on while it is there: an engine that can do what `provideMime`'s can, and more. */
export function provideExtraMime(engine: MimeEngine | undefined): void {
  extra = engine;
}

/** What the face runs on. */
export function mime(): MimeEngine {
  const engine = extra ?? provided;
  if (engine === undefined) {
    throw new Pop3Error('POP3_ERR_USAGE_STATE', 'popmail is not ready: call init() and wait for it first');
  }
  return engine;
}
