/**
 * All there is, in a module of its own: besides what `popmail-wasm` has, the Email object
 * (`toJSON`), defects, the tree, HTML with inline resources and what else a message says, charsets
 * that browsers lack and guesses where none is named, the names of every character in HTML, logins
 * with SCRAM and CRAM-MD5, the state of repeated fetches, composing, the files of old formats and
 * mailbox files. While it is loaded everything runs on it; the smaller module is not needed then.
 *
 * @example
 * ```js
 * import { Pop3 } from 'popmail-wasm'
 * import init, { SyncState } from 'popmail-wasm/extra'
 *
 * await init()
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
