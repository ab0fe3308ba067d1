/**
 * What the WebAssembly module asks of its host: the legacy charsets, which every browser and Node
 * has as `TextDecoder`, and the normal form of names and passwords.
 */

import { decodeKorean, lacksSyllables } from './korean.js';

const strict = new Map<string, TextDecoder | undefined>();
const lenient = new Map<string, TextDecoder | undefined>();

/** Chromium's decoder of it keeps the state of its last text; there each text gets its own. */
const STATEFUL = 'iso-2022-jp';

/** A kanji, and no return to ASCII. */
const LEFT_OPEN = Uint8Array.of(0x1b, 0x24, 0x42, 0x46, 0x7c);

/** Node's decoder of it lacks most syllables; see `korean.ts`. */
const KOREAN = 'euc-kr';

let isKoreanOwn: boolean | undefined;

function ownKorean(label: string): boolean {
  return label === KOREAN && (isKoreanOwn ??= lacksSyllables());
}

const UTF_8 = 'utf-8';

/** From this length on a host's own way is worth its call. */
const LONG = 256;

/** Under this label text may be UTF-8. */
const LATIN_1 = 'windows-1252';

/** What UTF-8 beyond ASCII has in it, read as windows-1252: the first two octets of a character. */
const MAY_BE_UTF_8 = /[\xc2-\xf4][^\0-\x7f\xc0-\xff]/;

/** From here on no octet is the second of a character in UTF-8. */
const LEADS = 0xc0;

/** Charsets of the Encoding Standard with one octet for each character. */
const SINGLE = new Set([
  LATIN_1,
  ...[2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16].map((part) => `iso-8859-${part}`),
  ...[1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258, 874].map((page) => `windows-${page}`),
  'koi8-r',
  'koi8-u',
  'macintosh',
]);

/** What hosts make of octets that such a charset does not define; the engine takes them for damage. */
const CONTROLS = /[\x80-\x9f]/;

/** From here on such a charset has no octet that is a control in it. */
const GRAPHIC = 0xa0;

let malformed = false;
let own: OwnDecoders = {};

/** How a host reads long texts faster than by `TextDecoder`; `undefined` where some octets are not valid. */
export type OwnDecoders = { readonly [label in typeof UTF_8 | typeof LATIN_1]?: (bytes: Uint8Array) => string | undefined };

/** The text of `bytes`, what is not valid replaced by U+FFFD; `undefined` if the label is not known. */
export function decodeCharset(label: string, bytes: Uint8Array): string | undefined {
  malformed = false;
  if (ownKorean(label)) {
    const read = decodeKorean(bytes);
    malformed = read.malformed;
    return read.text;
  }
  try {
    return decoder(strict, label, true)?.decode(bytes);
  } catch {
    // What is left in it of a text that broke off is not for the next one.
    strict.delete(label);
    malformed = true;
    return decoder(lenient, label, false)?.decode(bytes);
  }
}

/**
 * The text of `bytes`; `undefined` if some are not valid, the label is not known, or they start with
 * a byte order mark, which overrules the label: then the engine is asked. `leastUpper` is the least
 * of the octets from 0x80 on, 0xff if there are none.
 */
export function decodeStrict(label: string, bytes: Uint8Array, leastUpper = 0x80): string | undefined {
  const first = bytes[0] ?? 0;
  const second = bytes[1] ?? 0;
  if ((first === 0xef && second === 0xbb) || (first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe)) {
    return undefined;
  }
  if (ownKorean(label)) {
    const read = decodeKorean(bytes);
    return read.malformed ? undefined : read.text;
  }
  try {
    const ownDecode = bytes.length >= LONG ? own[label as keyof OwnDecoders] : undefined;
    const text = ownDecode === undefined ? decoder(strict, label, true)?.decode(bytes) : ownDecode(bytes);
    return text !== undefined && SINGLE.has(label) && isForEngine(label, text, leastUpper) ? undefined : text;
  } catch {
    strict.delete(label);
    return undefined;
  }
}

/** Whether a text in a charset of one octet has what that charset does not define, or may be UTF-8. */
function isForEngine(label: string, text: string, leastUpper: number): boolean {
  return (
    (leastUpper < GRAPHIC && CONTROLS.test(text)) || (label === LATIN_1 && leastUpper < LEADS && MAY_BE_UTF_8.test(text))
  );
}

/** Has long texts read by the host's own ways. */
export function provideDecoders(decoders: OwnDecoders): void {
  own = decoders;
}

/** Every octet, for `labelOf`, and what UTF-7 reads differently. */
export const OCTETS: Uint8Array = Uint8Array.from([...Array(256).keys(), 0x2b, 0x41, 0x44, 0x77, 0x2d]);

/**
 * The label by which this host, too, reads a charset of one octet for each character, as
 * `decodeStrict` does; `undefined` where it reads some octet differently, as Node does in
 * windows-1252. `text` is how the engine reads `OCTETS`.
 */
export function labelOf(text: string): string | undefined {
  return text.length === OCTETS.length ? [...SINGLE].find((label) => reads(label, text)) : undefined;
}

function reads(label: string, text: string): boolean {
  const own = make(label, false)?.decode(OCTETS) ?? '';
  // What `decodeStrict` refuses the engine reads.
  const isSame = (char: string, at: number) => char === text[at] || char === '\ufffd' || CONTROLS.test(char);
  return own.length === text.length && Array.from(own).every(isSame);
}

/** A text in the normal form NFKC. */
export function normalForm(text: string): string {
  return text.normalize('NFKC');
}

/** Whether bytes of the last call were not valid. */
export function wasMalformed(): boolean {
  return malformed;
}

function decoder(known: Map<string, TextDecoder | undefined>, label: string, fatal: boolean): TextDecoder | undefined {
  if (!known.has(label) || (label === STATEFUL && (keepsState ??= findState()))) {
    known.set(label, make(label, fatal));
  }
  return known.get(label);
}

let keepsState: boolean | undefined;

function findState(): boolean {
  const tried = make(STATEFUL, false);
  tried?.decode(LEFT_OPEN);
  return tried?.decode(Uint8Array.of(0x41)) !== 'A';
}

function make(label: string, fatal: boolean): TextDecoder | undefined {
  try {
    return new TextDecoder(label, { fatal });
  } catch {
    // This host was built without it: the engine reads the text as UTF-8.
    return undefined;
  }
}
