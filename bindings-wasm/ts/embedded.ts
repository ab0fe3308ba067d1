/**
 * Files inside bodies, in the formats from before and beside MIME; messages in pieces.
 *
 * What a file is and what is wrong with it is decided by the engine.
 */

import { type EmbeddedFacts, type TnefFacts, tools } from './engine-tools.js';
import { argument, calling } from './error.js';
import { Message, Part } from './message.js';

/** A file that was found in a body. */
export interface EmbeddedFile {
  /** The format it was in. */
  readonly format: 'uuencode' | 'yenc' | 'tnef' | 'apple';
  /** The name that the sender gave. It may hold a path or worse: to save a file use `safeFilename`. */
  readonly name: string | null;
  /** A name to save the file under, never empty: one path component, safe on every system. */
  readonly safeFilename: string;
  /** The media type that the format tells, else that of the name's extension, else octets. */
  readonly contentType: string;
  /** The content identifier without angle brackets, where the format tells one. */
  readonly contentId: string | null;
  /** The content, as far as it could be read. */
  readonly content: Uint8Array;
  /**
   * What is wrong with it: `truncated`, `malformed`, `checksum-mismatch`, `size-mismatch`, `piece` (one
   * of several), `limit-reached`.
   */
  readonly defects: readonly string[];
  /** The number of the part that it was found in. */
  readonly part: number;
}

/** What a TNEF stream (`winmail.dat`) holds (MS-OXTNEF). */
export interface Tnef {
  readonly subject: string | null;
  /** What the message is: `IPM.Note`, `IPM.Schedule.Meeting.Request`… */
  readonly messageClass: string | null;
  readonly text: string | null;
  /** The body as HTML: the sender's, not made safe in any way. */
  readonly html: string | null;
  /** The body as RTF, decompressed. */
  readonly rtf: Uint8Array | null;
  /** The files in order. A message inside is one of type `application/ms-tnef`; its files follow it. */
  readonly files: readonly EmbeddedFile[];
  /** The MAPI properties of the message by name (`SenderName`), or by number (`0x0e07`). */
  readonly attributes: ReadonlyMap<string, number | boolean | string | Uint8Array | Date>;
  /** What is wrong with the stream; codes as of `EmbeddedFile.defects`. */
  readonly defects: readonly string[];
}

/**
 * The files inside the bodies of a message or of one part: looked for now.
 *
 * Texts are searched for uuencode and yEnc; `winmail.dat` (TNEF) and AppleSingle are opened; a
 * `multipart/appledouble` is one file. At most 1,000.
 */
export function embeddedFiles(source: Message | Part): EmbeddedFile[] {
  const first = source instanceof Part ? source.index : source.root.index;
  const files = tools().embeddedFiles(source.raw);
  return files.map((file) => fileOf(file, first));
}

/** Reads a TNEF stream, or the part that holds one; `null` when it is none. */
export function readTnef(source: Uint8Array | Part): Tnef | null {
  const index = source instanceof Part ? source.index : 0;
  const found = tools().readTnef(source instanceof Part ? source.content : source) ?? null;
  return found === null ? null : tnefOf(found, index);
}

/**
 * Puts the pieces of a message together that was sent as several (`message/partial`, RFC 2046 section
 * 5.2.2), in whatever order. Of two with one number the first counts.
 *
 * @returns the message as it was before it was cut.
 * @throws `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` if a message is no piece, if pieces are of
 * different messages, or if some are missing: it says which.
 */
export function joinPartial(pieces: Iterable<Message | Uint8Array>): Uint8Array {
  const octets = Array.from(pieces, (piece) => (piece instanceof Message ? piece.raw : piece));
  if (!octets.every((piece) => piece instanceof Uint8Array)) {
    throw argument('pieces: expected messages or octets');
  }
  return calling(() => tools().joinPartial(octets));
}

function fileOf(file: EmbeddedFacts, first: number): EmbeddedFile {
  return { ...file, name: file.name ?? null, contentId: file.contentId ?? null, part: file.part + first };
}

function tnefOf(found: TnefFacts, index: number): Tnef {
  const attributes = new Map<string, number | boolean | string | Uint8Array | Date>();
  for (const [name, value] of found.attributes) {
    if (!attributes.has(name)) {
      attributes.set(name, 'time' in value ? new Date(value.time * 1000) : value.value);
    }
  }
  return {
    subject: found.subject ?? null,
    messageClass: found.messageClass ?? null,
    text: found.text ?? null,
    html: found.html ?? null,
    rtf: found.rtf ?? null,
    files: found.files.map((file) => fileOf(file, index)),
    attributes,
    defects: found.defects,
  };
}
