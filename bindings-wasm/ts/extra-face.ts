/** What the entries of the third module export beside their `init`. */

export {
  type Attachment,
  type AttachmentContent,
  type AttachmentContentNow,
  type ComposeOptions,
  type Recipient,
  compose,
  composeSync,
} from './compose.js';
export { type EmbeddedFile, type Tnef, embeddedFiles, joinPartial, readTnef } from './embedded.js';
export type { SyncPlan, SyncWarning } from './engine-sync.js';
export { MboxReader, type MboxFormat, type MboxOptions, readMbox } from './mbox.js';
export { type PartEnded, type PartStarted, type ScanEvent, Scanner } from './scanner.js';
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
