/** The WebAssembly engine of MIME and the POP3 client. */

import * as glue from 'popmail-glue';

import { type MimeEngine, provideMime } from './engine-mime.js';
import { type Platform, provide } from './engine-pop3.js';
import { type InitInput, Instance, failing } from './instance.js';
import { smallMimeEngine } from './wasm-mime.js';
import { pop3Platform } from './wasm-pop3.js';

const instance = new Instance(glue, {
  ready() {
    provideMime(engine);
    provide(pop3);
  },
  dead(fail) {
    provideMime(failing<MimeEngine>(fail));
    provide(failing<Platform>(fail));
  },
  get classes() {
    return [glue.ClientEngine, glue.Prefetch];
  },
});

/** Starts the engine; `open` says what to start when nobody did. */
export function start(open: () => InitInput | Promise<InitInput>): Promise<void> {
  return instance.start(open);
}

/** Starts the engine at once, where its module is at hand: in a worker that was sent it, on an edge runtime. */
export function initSync(module: WebAssembly.Module | BufferSource): void {
  instance.startSync(module);
}

function guarded<T>(call: () => T): T {
  return instance.guarded(call);
}

const engine = smallMimeEngine(glue, guarded);
const pop3 = pop3Platform(glue, guarded);
