/** The server session for Node, which cannot fetch the file beside this module: it reads it. */

import { readFile } from 'node:fs/promises';

import type { InitInput } from './instance.js';
import { start } from './server-wasm.js';

/**
 * Loads the server's engine; wait for it before anything else is used. Further calls do no harm and
 * load nothing; after a breakdown the next one makes a new engine.
 *
 * @param input where `popmail-server.wasm` is, or what is in it; by default the file beside this
 * module.
 */
export default function init(input?: InitInput): Promise<void> {
  return start(() => {
    const given = input ?? new URL('./popmail-server.wasm', import.meta.url);
    const isFile = given instanceof URL && given.protocol === 'file:';
    return isFile ? readFile(given) : given;
  });
}

export * from './server-face.js';
