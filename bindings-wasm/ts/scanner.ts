/**
 * The structure of a message while it arrives: what a program needs to know before the end.
 *
 * What a part is is decided by the engine, by lines alone: of a broken message `parse`, which sees all of it,
 * may find more, and its word counts.
 */

import { type RawScanner, tools } from './engine-tools.js';
import { Pop3Error } from './error.js';

/** The header fields of a part have ended. */
export interface PartStarted {
  readonly type: 'part-started';
  /** The number of the part, in document order; 0 is the message itself. */
  readonly part: number;
  /** How many multiparts and messages it is in. */
  readonly depth: number;
  /** The media type in lower case. */
  readonly contentType: string;
  /** The header fields as they came, blank line included: `parse` reads them. */
  readonly header: Uint8Array;
  /** Where the body starts, in bytes from the start of the message. */
  readonly body: number;
}

/** A part has ended. */
export interface PartEnded {
  readonly type: 'part-ended';
  /** The number of the part. */
  readonly part: number;
  /** Where its body starts. */
  readonly start: number;
  /** Where its body ends, the line end before the delimiter not counted. */
  readonly end: number;
}

/** One thing that a scanner has seen. */
export type ScanEvent = PartStarted | PartEnded;

/** Finds the parts of a message while it arrives. No body is kept: memory is that of one part's header fields. */
export class Scanner {
  #scanner: RawScanner | undefined = new (tools().Scanner)();

  /** Takes more bytes of the message, cut anywhere, and returns what they show. */
  receive(bytes: Uint8Array): ScanEvent[] {
    return this.#open().receive(bytes);
  }

  /**
   * The message is over: what is open ends here.
   *
   * @throws `Pop3Error` with the code `POP3_ERR_USAGE_STATE` if it was over before.
   */
  finish(): ScanEvent[] {
    const scanner = this.#open();
    this.#scanner = undefined;
    const events = scanner.finish();
    scanner.free?.();
    return events;
  }

  #open(): RawScanner {
    if (this.#scanner === undefined) {
      throw new Pop3Error('POP3_ERR_USAGE_STATE', 'the message is over');
    }
    return this.#scanner;
  }
}
