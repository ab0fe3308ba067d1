/** The WebAssembly engine with all there is: it takes the place of the smaller one while it is there. */

import * as glue from 'popmail-extra-glue';

import { type MimeEngine, provideExtraMime } from './engine-mime.js';
import { type Platform, provideExtra } from './engine-pop3.js';
import { type SyncPlatform, provideSync } from './engine-sync.js';
import { type ToolsEngine, provideTools } from './engine-tools.js';
import { type InitInput, Instance, failing } from './instance.js';
import { completeMimeEngine } from './wasm-mime.js';
import { pop3Platform } from './wasm-pop3.js';
import { toolsEngine } from './wasm-tools.js';

const guarded = <T>(call: () => T): T => instance.guarded(call);

const mime = completeMimeEngine(glue, guarded);
const pop3 = pop3Platform(glue, guarded);
const sync: SyncPlatform = {
  SyncPlanner: glue.SyncPlanner,
  syncReceipts: (journal) => guarded(() => glue.syncReceipts(journal)),
  syncWithoutUid: (listing) => guarded(() => glue.syncWithoutUid(listing)),
  syncFingerprint: (header, octets) => guarded(() => glue.syncFingerprint(header, octets)),
};

const instance = new Instance(glue, {
  ready() {
    provideExtraMime(mime);
    provideExtra(pop3);
    provideSync(sync);
    provideTools(toolsEngine(guarded));
  },
  dead(fail) {
    provideExtraMime(failing<MimeEngine>(fail));
    provideExtra(failing<Platform>(fail));
    provideSync(failing<SyncPlatform>(fail));
    provideTools(failing<ToolsEngine>(fail));
  },
  get classes() {
    return [glue.ClientEngine, glue.Composer, glue.Prefetch, glue.Scanner, glue.SyncPlanner as unknown as { prototype: object }];
  },
});

/** Starts the engine; `open` says what to start when nobody did. */
export function start(open: () => InitInput | Promise<InitInput>): Promise<void> {
  return instance.start(open);
}
