/** What the entries of the third module export beside their `init`. */

export type { SyncPlan, SyncWarning } from './engine-sync.js';
export { Pop3Error, type Pop3ErrorCode } from './error.js';
export type { InitInput } from './instance.js';
export {
  type MailboxState,
  type StoredState,
  type SyncRules,
  SyncState,
  type SyncStateOptions,
  type SyncStore,
} from './sync.js';
