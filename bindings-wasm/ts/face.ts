/** What every entry of the package exports beside its `init`. */

export {
  type CommandOptions,
  type ListEntry,
  Pop3,
  RemoteMessage,
  type SessionOptions,
  type Stat,
  type TransportOptions,
  type UidlEntry,
  apopDigest,
} from './client.js';
export type { Auth, Limits, Tls } from './engine-pop3.js';
export { AbortError, Pop3Error, type Pop3ErrorCode, type Verdict } from './error.js';
export type { Capabilities, Direction, Language, State } from './event.js';
export {
  type Address,
  type AddressGroup,
  type Defect,
  Header,
  Headers,
  Message,
  Part,
  type Severity,
  type ZonedDate,
  parse,
} from './message.js';
export type { Transport, TransportStreams } from './transport.js';
export type { InitInput } from './instance.js';
export { initSync } from './wasm.js';
