/**
 * An mbox file as a sequence of messages.
 *
 * Where messages are, and how their lines were quoted, is decided by the engine. This file keeps the
 * places that were found so far and makes a message when it is asked for.
 */

import { tools } from './engine-tools.js';
import { argument, calling, shown } from './error.js';
import { type Message, parse } from './message.js';

/** How the writer of an mbox file told separators from lines of messages. */
export type MboxFormat = 'auto' | 'mboxo' | 'mboxrd' | 'mboxcl' | 'mboxcl2';

/** What `readMbox` takes beside the file. */
export interface MboxOptions {
  /**
   * `'auto'` believes a `Content-Length` where a separator or the end of the file follows it, and takes
   * such a message as it is; in others the quoting of `mboxrd` is undone.
   */
  readonly format?: MboxFormat | undefined;
}

/** Numbers for each message: the separator's start and end, its own start and end, its quoting. */
const PLACES = 5;

/** The octets of an mbox file, in memory or where the system keeps them. */
export interface MboxSource {
  /** Where messages are, as `ToolsEngine.scanMbox`. */
  scan(format: MboxFormat, from: number, most: number): Float64Array;
  /** The octets between two places. */
  slice(start: number, end: number): Uint8Array;
}

/** The messages of an mbox file in order; they are looked for as they are asked for. */
export class MboxReader implements Iterable<Message> {
  readonly #file: MboxSource;
  readonly #format: MboxFormat;
  readonly #places: number[] = [];
  /** Where to go on; -1 at the end. */
  #next = 0;

  /** @internal */
  constructor(file: MboxSource, format: MboxFormat) {
    this.#file = file;
    this.#format = format;
    this.#search();
  }

  /** How many messages there are; the whole file is searched for them, once. */
  get length(): number {
    while (this.#next !== -1) {
      this.#search();
    }
    return this.#places.length / PLACES;
  }

  /** The message at a place, counted from the end if negative; `undefined` where there is none. */
  at(index: number): Message | undefined {
    const place = this.#find(index);
    if (place === undefined) {
      return undefined;
    }
    const [, , start, end, quoting] = place as [number, number, number, number, number];
    const content = this.#file.slice(start, end);
    return parse(quoting === 0 ? content : tools().unquote(content, quoting));
  }

  /** The separator line before a message: `From`, the return path and a date. */
  envelope(index: number): string | undefined {
    const place = this.#find(index);
    return place && new TextDecoder().decode(this.#file.slice(place[0] as number, place[1] as number));
  }

  /** The messages in order. */
  *[Symbol.iterator](): IterableIterator<Message> {
    for (let index = 0, message = this.at(0); message !== undefined; message = this.at(++index)) {
      yield message;
    }
  }

  #find(index: number): number[] | undefined {
    const at = (index < 0 ? this.length + index : index) * PLACES;
    if (!Number.isInteger(at) || at < 0) {
      return undefined;
    }
    while (at >= this.#places.length && this.#next !== -1) {
      this.#search();
    }
    return at < this.#places.length ? this.#places.slice(at, at + PLACES) : undefined;
  }

  #search(): void {
    const { scanAtOnce } = tools();
    const found = calling(() => this.#file.scan(this.#format, this.#next, scanAtOnce));
    this.#next = found[0] as number;
    for (let at = 1; at < found.length; at++) {
      this.#places.push(found[at] as number);
    }
  }
}

/**
 * Reads an mbox file. Its bytes are not copied: they must not change as long as it is used.
 *
 * @throws `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` if the file does not begin with a
 * separator, or the format is none of the known ones.
 */
export function readMbox(file: Uint8Array | ArrayBuffer, options: MboxOptions = {}): MboxReader {
  const isBuffer = Object.prototype.toString.call(file) === '[object ArrayBuffer]';
  const bytes = isBuffer ? new Uint8Array(file as ArrayBuffer) : file;
  if (!(bytes instanceof Uint8Array)) {
    throw argument(`an mbox file is a Uint8Array or an ArrayBuffer, not ${shown(file)}`);
  }
  const source: MboxSource = {
    scan: (format, from, most) => tools().scanMbox(bytes, format, from, most),
    slice: (start, end) => bytes.subarray(start, end),
  };
  return new MboxReader(source, options.format ?? 'auto');
}
