/**
 * What the WebAssembly module asks of its host: the legacy charsets, which every browser and Node
 * has as `TextDecoder`, and the normal form of names and passwords.
 */

const strict = new Map<string, TextDecoder | undefined>();
const lenient = new Map<string, TextDecoder | undefined>();

/** Chromium's decoder keeps the state of its last text: each text gets its own. */
const STATEFUL = 'iso-2022-jp';

const UTF_8 = 'utf-8';

/** From this length on a host's own way is worth its call. */
const LONG = 256;

/**
 * Charsets of the Encoding Standard with one octet for each character. Not windows-1252: under its
 * label text may be UTF-8.
 */
const SINGLE = new Set([
  ...[2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16].map((part) => `iso-8859-${part}`),
  ...[1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258, 874].map((page) => `windows-${page}`),
  'koi8-r',
  'koi8-u',
  'macintosh',
]);

/** What hosts make of octets that such a charset does not define; the engine takes them for damage. */
const CONTROLS = /[\x80-\x9f]/;

let malformed = false;
let ownUtf8: ((bytes: Uint8Array) => string | undefined) | undefined;

/** The text of `bytes`, what is not valid replaced by U+FFFD; `undefined` if the label is not known. */
export function decodeCharset(label: string, bytes: Uint8Array): string | undefined {
  malformed = false;
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
 * a byte order mark, which overrules the label: then the engine is asked.
 */
export function decodeStrict(label: string, bytes: Uint8Array): string | undefined {
  const first = bytes[0] ?? 0;
  const second = bytes[1] ?? 0;
  if ((first === 0xef && second === 0xbb) || (first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe)) {
    return undefined;
  }
  if (label === UTF_8 && ownUtf8 !== undefined && bytes.length >= LONG) {
    return ownUtf8(bytes);
  }
  try {
    const text = decoder(strict, label, true)?.decode(bytes);
    return text !== undefined && SINGLE.has(label) && CONTROLS.test(text) ? undefined : text;
  } catch {
    strict.delete(label);
    return undefined;
  }
}

/** Has long texts in UTF-8 read by the host's own way; `undefined` where some octets are not valid. */
export function provideUtf8(decode: (bytes: Uint8Array) => string | undefined): void {
  ownUtf8 = decode;
}

/** Every octet, for `labelOf`. */
export const OCTETS: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => octet);

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
  if (label === STATEFUL || !known.has(label)) {
    known.set(label, make(label, fatal));
  }
  return known.get(label);
}

function make(label: string, fatal: boolean): TextDecoder | undefined {
  try {
    return new TextDecoder(label, { fatal });
  } catch {
    // This host was built without it: the engine reads the text as UTF-8.
    return undefined;
  }
}
