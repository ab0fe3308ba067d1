/** The WebAssembly engine of the server session. */

import * as glue from 'popmail-server-glue';

import { type ServerPlatform, provideServer } from './engine-pop3.js';
import { type InitInput, Instance, failing } from './instance.js';

const instance = new Instance(glue, {
  ready() {
    const { ServerEngine, MemoryStore, scramKeys } = glue;
    provideServer({ ServerEngine, MemoryStore, scramKeys });
  },
  dead(fail) {
    provideServer(failing<ServerPlatform>(fail));
  },
  get classes() {
    return [glue.ServerEngine, glue.MemoryStore];
  },
});

/** Starts the engine; `open` says what to start when nobody did. */
export function start(open: () => InitInput | Promise<InitInput>): Promise<void> {
  return instance.start(open);
}
