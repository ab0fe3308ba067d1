/**
 * What the WebAssembly module asks of its host: the legacy charsets, which every browser and Node
 * has as `TextDecoder`.
 */

const strict = new Map<string, TextDecoder | undefined>();
const lenient = new Map<string, TextDecoder | undefined>();
let malformed = false;

/** The text of `bytes`, what is not valid replaced by U+FFFD; `undefined` if the label is not known. */
export function decodeCharset(label: string, bytes: Uint8Array): string | undefined {
  malformed = false;
  try {
    return decoder(strict, label, true)?.decode(bytes);
  } catch {
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
    return undefined;
  }
}

/** Whether bytes of the last call were not valid. */
export function wasMalformed(): boolean {
  return malformed;
}

function decoder(known: Map<string, TextDecoder | undefined>, label: string, fatal: boolean): TextDecoder | undefined {
  if (!known.has(label)) {
    let made: TextDecoder | undefined;
    try {
      made = new TextDecoder(label, { fatal });
    } catch {
      // This host was built without it: the engine reads the text as UTF-8.
    }
    known.set(label, made);
  }
  return known.get(label);
}
