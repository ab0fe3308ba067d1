/**
 * The half of an engine that only some programs need: composing. Native in Node; elsewhere a second
 * WebAssembly module.
 */

import { Pop3Error } from './error.js';

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

/** What a package provides. */
export interface ExtraEngine {
  Composer: new (output: string, keepBcc: boolean) => Composer;
  /** Reads a file, where there are files. */
  readFile?: (path: string | URL) => Promise<Uint8Array>;
  readFileSync?: (path: string | URL) => Uint8Array;
}

let provided: ExtraEngine | undefined;

/** Sets what the face runs on. */
export function provideExtra(engine: ExtraEngine | undefined): void {
  provided = engine;
}

/** What the face runs on. */
export function extra(): ExtraEngine {
  if (provided === undefined) {
    throw new Pop3Error('POP3_ERR_USAGE_STATE', 'popmail is not ready: call init() and wait for it first');
  }
  return provided;
}
