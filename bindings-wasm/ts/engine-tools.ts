/**
 * What only some programs need of an engine: composing, the files of old formats, mailbox files. Native
 * in Node; elsewhere in a second WebAssembly module.
 */

import { Pop3Error } from './error.js';
import type { ScanEvent } from './scanner.js';

/** A message that is being put together; every setter refuses what its field cannot hold. */
export interface Composer {
  mailbox(field: string, name: string | undefined, address: string): void;
  addresses(field: string, list: string): void;
  openGroup(field: string, name: string): void;
  closeGroup(field: string): void;
  subject(subject: string): void;
  /** Seconds since 1970, minutes from UTC. */
  date(timestamp: number, offsetMinutes: number): void;
  messageId(id: string): void;
  inReplyTo(id: string): void;
  reference(id: string): void;
  header(name: string, value: string): void;
  text(text: string): void;
  html(html: string): void;
  attach(content: Uint8Array, about: AttachmentFacts): void;
  /** The message; `random` is 32 octets that nobody can foresee. */
  compose(now: number, offsetMinutes: number, random: Uint8Array): Uint8Array;
  /** Gives the memory of a WebAssembly instance back. */
  free?(): void;
}

/** What goes with an attachment's content. */
export interface AttachmentFacts {
  contentType: string | undefined;
  filename: string | undefined;
  contentId: string | undefined;
  inline: boolean;
  isText: boolean;
}

/** A file that was found in a body. */
export interface EmbeddedFacts {
  format: 'uuencode' | 'yenc' | 'tnef' | 'apple';
  name: string | null;
  safeFilename: string;
  contentType: string;
  contentId: string | null;
  content: Uint8Array;
  defects: string[];
  part: number;
}

/** What a TNEF stream holds. */
export interface TnefFacts {
  subject: string | null;
  messageClass: string | null;
  text: string | null;
  html: string | null;
  rtf: Uint8Array | null;
  files: EmbeddedFacts[];
  /** Name and value; of times the seconds since 1970, under `time`. */
  attributes: [name: string, value: { value: number | boolean | string | Uint8Array } | { time: number }][];
  defects: string[];
}

/** A message that is still arriving. */
export interface RawScanner {
  receive(bytes: Uint8Array): ScanEvent[];
  finish(): ScanEvent[];
  /** Where memory has to be given back. */
  free?(): void;
}

/** What a package provides. */
export interface ToolsEngine {
  Scanner: new () => RawScanner;
  Composer: new (output: string, keepBcc: boolean) => Composer;
  embeddedFiles(raw: Uint8Array): EmbeddedFacts[];
  readTnef(stream: Uint8Array): TnefFacts | undefined;
  /** Throws what its code and message say. */
  joinPartial(pieces: Uint8Array[]): Uint8Array;
  /**
   * Up to `most` messages from a position on: where to go on (-1 at the end), then for each where its
   * separator starts and ends, where it starts and ends, and how it is quoted.
   */
  scanMbox(file: Uint8Array, format: string, from: number, most: number): Float64Array;
  /** A message of an mbox file without its quoting. */
  unquote(content: Uint8Array, quoting: number): Uint8Array;
  /** How many messages of an mbox file to look for at once. */
  scanAtOnce: number;
  /** Reads a file, where there are files. */
  readFile?: (path: string | URL) => Promise<Uint8Array>;
  readFileSync?: (path: string | URL) => Uint8Array;
}

let provided: ToolsEngine | undefined;

/** Sets what the face runs on. */
export function provideTools(engine: ToolsEngine | undefined): void {
  provided = engine;
}

/** What the face runs on. */
export function tools(): ToolsEngine {
  if (provided === undefined) {
    throw new Pop3Error('POP3_ERR_USAGE_STATE', 'popmail is not ready: call init() and wait for it first');
  }
  return provided;
}
