/**
 * POP3 client and MIME for pages, workers, bundlers and edge runtimes.
 *
 * @example
 * ```js
 * import init, { parse } from 'popmail-wasm'
 *
 * await init()
 * console.log(parse(bytes).subject)
 * ```
 */

import type { InitInput } from './instance.js';
import { start } from './wasm.js';

/**
 * Loads the engine; wait for it before anything else is used. Further calls do no harm and load
 * nothing; after a breakdown the next one makes a new engine.
 *
 * @param input where `popmail.wasm` is, or what is in it; by default the file beside this module.
 */
export default function init(input?: InitInput): Promise<void> {
  return start(() => input ?? new URL('./popmail.wasm', import.meta.url));
}

export * from './face.js';
