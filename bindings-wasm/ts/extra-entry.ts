/**
 * What is large or rare: a module of its own, so that what only reads mail need not
 * load it. Here is the state of repeated fetches.
 *
 * @example
 * ```js
 * import init, { Pop3 } from 'popmail-wasm'
 * import initExtra, { SyncState } from 'popmail-wasm/extra'
 *
 * await Promise.all([init(), initExtra()])
 * const state = await SyncState.open(store)
 * const box = await Pop3.connect({ transport, user: 'me', password: '…' })
 * for await (const mail of box.fetchNew(state)) console.log(mail.message.subject)
 * await box.quit()
 * await state.close()
 * ```
 */

import { start } from './extra-wasm.js';
import type { InitInput } from './instance.js';

/**
 * Loads this part of the engine; wait for it before anything of it is used. Further calls do no harm
 * and load nothing; after a breakdown the next one makes a new engine.
 *
 * @param input where `popmail-extra.wasm` is, or what is in it; by default the file beside this
 * module.
 */
export default function init(input?: InitInput): Promise<void> {
  return start(() => input ?? new URL('./popmail-extra.wasm', import.meta.url));
}

export * from './extra-face.js';
