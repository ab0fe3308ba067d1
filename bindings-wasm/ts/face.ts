/** What every entry of the package exports beside its `init`. */

export {
  type ListEntry,
  Pop3,
  type SessionOptions,
  type Stat,
  type TransportOptions,
  type UidlEntry,
  apopDigest,
} from './client.js';
export type { CommandOptions } from './dialogue.js';
export type { Auth, Limits, Tls } from './engine-pop3.js';
export type { SyncPlan, SyncWarning } from './engine-sync.js';
export type * from './defect.js';
export type * from './details.js';
export { AbortError, Pop3Error, type Pop3ErrorCode, type Verdict } from './error.js';
export type { Capabilities, Direction, Expire, Language, LoginDelay, State, TypedCapabilities } from './event.js';
export { NewMessage } from './fetch-new.js';
export {
  type Address,
  type AddressGroup,
  type Defect,
  Header,
  Headers,
  Message,
  type MimeLimits,
  type ParseOptions,
  Part,
  type ThreadEntry,
  View,
  type ZonedDate,
  parse,
  textSpans,
  threads,
} from './message.js';
export { RemoteMessage, type Summary, type SummaryOptions } from './remote.js';
export type { MailboxState, SyncRules } from './sync.js';
export type { ChannelBinding, GivenTransport, Transport, TransportStreams } from './transport.js';
export type { InitInput } from './instance.js';
export { initSync } from './wasm.js';
