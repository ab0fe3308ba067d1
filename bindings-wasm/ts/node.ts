/** The entry for Node, which cannot fetch the file beside this module: it reads it. */

import { isAscii, isUtf8, transcode } from 'node:buffer';
import { readFile } from 'node:fs/promises';

import { provideUtf8 } from './host.js';
import type { InitInput } from './instance.js';
import { start } from './wasm.js';

/**
 * Loads the engine; wait for it before anything else is used. Further calls do no harm and load
 * nothing; after a breakdown the next one makes a new engine.
 *
 * @param input where `popmail.wasm` is, or what is in it; by default the file beside this module.
 */
export default function init(input?: InitInput): Promise<void> {
  provideUtf8(decodeUtf8);
  return start(() => {
    const given = input ?? new URL('./popmail.wasm', import.meta.url);
    const isFile = given instanceof URL && given.protocol === 'file:';
    return isFile ? readFile(given) : given;
  });
}

/** Node's `TextDecoder` takes four times as long for what is not ASCII. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (isAscii(bytes)) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  }
  return isUtf8(bytes) ? transcode(bytes, 'utf8', 'utf16le').toString('utf16le') : undefined;
}

export * from './face.js';
