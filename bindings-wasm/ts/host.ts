/**
 * What the WebAssembly module asks of its host: the legacy charsets, which every browser and Node
 * has as `TextDecoder`, and the normal form of names and passwords.
 */

import { korean, lacksSyllables } from './korean.js';
import type { PairCharset } from './pairs.js';

/** Chromium's decoder of it keeps the state of its last text; there each text gets its own. */
const STATEFUL = 'iso-2022-jp';

/** A kanji, and no return to ASCII. */
const LEFT_OPEN = Uint8Array.of(0x1b, 0x24, 0x42, 0x46, 0x7c);

/** Node's decoder of it lacks most syllables; see `korean.ts`. */
const KOREAN = 'euc-kr';

/** Node's decoders of these have three controls in each other's places, as IBM had them. */
const TURNED: readonly string[] = ['shift_jis', 'ibm866'];

/** What such a decoder reads for U+001A, U+001C and U+007F, and what these are. */
const TURNS = new Map([
  ['\x1c', '\x1a'],
  ['\x7f', '\x1c'],
  ['\x1a', '\x7f'],
]);

/** Node's decoder of it takes octets that are no characters for controls. */
const LOOSE = 'euc-jp';

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

const strict = new Map<string, TextDecoder | undefined>();
const lenient = new Map<string, TextDecoder | undefined>();
let malformed = false;
let own: OwnDecoders = {};
let turns: boolean | undefined;
let pieces = '';

/** Charsets that this host reads in part; found out when one is asked for. */
const ownPairs = new Map<string, PairCharset | undefined>();

/** How a host reads long texts faster than by `TextDecoder`; `undefined` where some octets are not valid. */
export type OwnDecoders = { readonly [label in typeof UTF_8 | typeof LATIN_1]?: (bytes: Uint8Array) => string | undefined };

/** The text of `bytes`, what is not valid replaced by U+FFFD; `undefined` if the label is not known. */
export function decodeCharset(label: string, bytes: Uint8Array): string | undefined {
  malformed = false;
  const pairs = pairsOf(label);
  if (pairs !== undefined) {
    const read = pairs.decode(bytes);
    malformed = read.malformed;
    return read.text;
  }
  try {
    const text = mended(label, decoder(strict, label, true)?.decode(bytes));
    if (label !== LOOSE || text === undefined || !CONTROLS.test(text)) {
      return text;
    }
  } catch {
    // What is left in it of a text that broke off is not for the next one.
    strict.delete(label);
  }
  malformed = true;
  const text = mended(label, decoder(lenient, label, false)?.decode(bytes));
  return label === LOOSE ? text?.replace(/\ufffd?[\x80-\x9f]/g, '\ufffd') : text;
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
  const pairs = pairsOf(label);
  if (pairs !== undefined) {
    const read = pairs.decode(bytes);
    return read.malformed ? undefined : read.text;
  }
  try {
    const ownDecode = bytes.length >= LONG ? own[label as keyof OwnDecoders] : undefined;
    const text = ownDecode === undefined ? mended(label, decoder(strict, label, true)?.decode(bytes)) : ownDecode(bytes);
    return text !== undefined && isForEngine(label, text, leastUpper) ? undefined : text;
  } catch {
    strict.delete(label);
    return undefined;
  }
}

/** Whether a text has what its charset does not define, or may be UTF-8. */
function isForEngine(label: string, text: string, leastUpper: number): boolean {
  if (!SINGLE.has(label)) {
    return label === LOOSE && CONTROLS.test(text);
  }
  return (
    (leastUpper < GRAPHIC && CONTROLS.test(text)) || (label === LATIN_1 && leastUpper < LEADS && MAY_BE_UTF_8.test(text))
  );
}

/** Has long texts read by the host's own ways. */
export function provideDecoders(decoders: OwnDecoders): void {
  own = decoders;
}

/** Has a charset read otherwise than by the host's decoder alone. */
export function providePairs(label: string, pairs: PairCharset): void {
  ownPairs.set(label, pairs);
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

/** Takes the next piece of a long text; a string is joined without copying, until it is looked into. */
export function takePiece(piece: string): void {
  pieces += piece;
}

/** The text whose pieces were taken. */
export function takenPieces(): string {
  const text = pieces;
  pieces = '';
  return text;
}

function pairsOf(label: string): PairCharset | undefined {
  if (label === KOREAN && !ownPairs.has(KOREAN)) {
    ownPairs.set(KOREAN, lacksSyllables() ? korean : undefined);
  }
  return ownPairs.get(label);
}

/** The text of a decoder of this host as the Encoding Standard has it. */
function mended(label: string, text: string | undefined): string | undefined {
  if (text === undefined || !TURNED.includes(label) || !(turns ??= make('ibm866', false)?.decode(Uint8Array.of(0x7f)) !== '\x7f')) {
    return text;
  }
  const isTurned = [...TURNS.keys()].some((control) => text.includes(control));
  return isTurned ? text.replace(/[\x1a\x1c\x7f]/g, (control) => TURNS.get(control) as string) : text;
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
