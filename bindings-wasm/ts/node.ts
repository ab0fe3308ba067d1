/** The entry for Node, which cannot fetch the file beside this module: it reads it. */

import { isAscii, isUtf8, transcode } from 'node:buffer';
import { readFile } from 'node:fs/promises';

import { provideDecoders } from './host.js';
import type { InitInput } from './instance.js';
import { start } from './wasm.js';

/**
 * Loads the engine; wait for it before anything else is used. Further calls do no harm and load
 * nothing; after a breakdown the next one makes a new engine.
 *
 * @param input where `popmail.wasm` is, or what is in it; by default the file beside this module.
 */
export default function init(input?: InitInput): Promise<void> {
  provideDecoders({ 'utf-8': decodeUtf8, 'windows-1252': decodeLatin1 });
  return start(() => {
    const given = input ?? new URL('./popmail.wasm', import.meta.url);
    const isFile = given instanceof URL && given.protocol === 'file:';
    return isFile ? readFile(given) : given;
  });
}

/** Node's `TextDecoder` takes four times as long for what is not ASCII. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (isAscii(bytes)) {
    return decodeLatin1(bytes);
  }
  return isUtf8(bytes) ? transcode(bytes, 'utf8', 'utf16le').toString('utf16le') : undefined;
}

/** As Node's `TextDecoder` reads windows-1252, controls for what it defines beyond Latin-1. */
function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

export * from './face.js';
