/**
 * The POP3 server session: a second module of its own, so that what only reads mail need not load it.
 *
 * @example
 * ```js
 * import init, { MemoryMaildrop, Server } from 'popmail-wasm/server'
 *
 * await init()
 * const server = new Server({ accounts: { me: { password: '…', maildrop: new MemoryMaildrop([raw]) } } })
 * await server.accept({ readable, writable })
 * ```
 */

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
  return start(() => input ?? new URL('./popmail-server.wasm', import.meta.url));
}

export * from './server-face.js';
