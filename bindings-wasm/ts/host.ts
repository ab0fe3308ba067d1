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
