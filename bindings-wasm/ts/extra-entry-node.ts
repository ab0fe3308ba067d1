/** What is large or rare, for Node, which cannot fetch the file beside this module: it reads it. */

import { readFile } from 'node:fs/promises';

import { start } from './extra-wasm.js';
import { prepareHost } from './host-node.js';
import type { InitInput } from './instance.js';

/**
 * Loads this part of the engine; wait for it before anything of it is used. Further calls do no harm
 * and load nothing; after a breakdown the next one makes a new engine.
 *
 * @param input where `popmail-extra.wasm` is, or what is in it; by default the file beside this
 * module.
 */
export default function init(input?: InitInput): Promise<void> {
  prepareHost();
  return start(() => {
    const given = input ?? new URL('./popmail-extra.wasm', import.meta.url);
    const isFile = given instanceof URL && given.protocol === 'file:';
    return isFile ? readFile(given) : given;
  });
}

export * from './extra-face.js';
