/** The WebAssembly engine of what is large or rare. */

import * as glue from 'popmail-extra-glue';

import { type SyncPlatform, provideSync } from './engine-sync.js';
import { type ToolsEngine, provideTools } from './engine-tools.js';
import { type InitInput, Instance, failing } from './instance.js';
import { toolsEngine } from './wasm-tools.js';

const guarded = <T>(call: () => T): T => instance.guarded(call);

const sync: SyncPlatform = {
  SyncPlanner: glue.SyncPlanner,
  syncReceipts: (journal) => guarded(() => glue.syncReceipts(journal)),
  syncWithoutUid: (listing) => guarded(() => glue.syncWithoutUid(listing)),
  syncFingerprint: (header, octets) => guarded(() => glue.syncFingerprint(header, octets)),
};

const instance = new Instance(glue, {
  ready() {
    provideSync(sync);
    provideTools(toolsEngine(guarded));
  },
  dead(fail) {
    provideSync(failing<SyncPlatform>(fail));
    provideTools(failing<ToolsEngine>(fail));
  },
  get classes() {
    return [glue.Composer, glue.SyncPlanner as unknown as { prototype: object }];
  },
});

/** Starts the engine; `open` says what to start when nobody did. */
export function start(open: () => InitInput | Promise<InitInput>): Promise<void> {
  return instance.start(open);
}
