/** The entry for Node, which cannot fetch the file beside this module: it reads it. */

import { readFile } from 'node:fs/promises';

import { prepareHost } from './host-node.js';
import type { InitInput } from './instance.js';
import { start } from './wasm.js';

/**
 * Loads the engine; wait for it before anything else is used. Further calls do no harm and load
 * nothing; after a breakdown the next one makes a new engine.
 *
 * @param input where `popmail.wasm` is, or what is in it; by default the file beside this module.
 */
export default function init(input?: InitInput): Promise<void> {
  prepareHost();
  return start(() => {
    const given = input ?? new URL('./popmail.wasm', import.meta.url);
    const isFile = given instanceof URL && given.protocol === 'file:';
    return isFile ? readFile(given) : given;
  });
}

export * from './face.js';
