/**
 * What the WebAssembly module asks of its host: the legacy charsets, which every browser and Node
 * has as `TextDecoder`, and the normal form of names and passwords.
 */

const strict = new Map<string, TextDecoder | undefined>();
const lenient = new Map<string, TextDecoder | undefined>();

/** Chromium's decoder keeps the state of its last text: each text gets its own. */
const STATEFUL = 'iso-2022-jp';

let malformed = false;

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
 * a byte order mark, which overrules the label.
 */
export function decodeStrict(label: string, bytes: Uint8Array): string | undefined {
  const [first = 0, second = 0] = bytes;
  if ((first === 0xef && second === 0xbb) || (first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe)) {
    return undefined;
  }
  try {
    return decoder(strict, label, true)?.decode(bytes);
  } catch {
    strict.delete(label);
    return undefined;
  }
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
