/** The entry that carries the engine in itself, as base64: one file, nothing to load. */

import encoded from 'popmail-base64';

import type { InitInput } from './instance.js';
import { start } from './wasm.js';

/**
 * Starts the engine; wait for it before anything else is used. Further calls do no harm; after a
 * breakdown the next one makes a new engine.
 *
 * @param input what to start instead of what this file carries.
 */
export default function init(input?: InitInput): Promise<void> {
  return start(() => input ?? Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
}

export * from './face.js';
