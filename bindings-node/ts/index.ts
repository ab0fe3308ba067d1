/**
 * POP3 (client and server) and MIME for Node, over a native engine.
 *
 * @example
 * ```js
 * import { Pop3 } from 'popmail'
 *
 * const box = await Pop3.connect({ host: 'pop.example.com', user: 'me', password: '…' })
 * for await (const mail of box) console.log(mail.number, mail.uid, mail.message.subject)
 * await box.quit()
 * ```
 */

import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

import { type HostOptions as AnyHostOptions, Pop3 as AnyPop3, type TransportOptions } from '../../bindings-wasm/ts/client.js';
import { provideTools } from '../../bindings-wasm/ts/engine-tools.js';
import { provideMime } from '../../bindings-wasm/ts/engine-mime.js';
import { provide, provideServer } from '../../bindings-wasm/ts/engine-pop3.js';
import { provideSync } from '../../bindings-wasm/ts/engine-sync.js';
import { parse } from '../../bindings-wasm/ts/message.js';
import * as native from './native.js';
import { saveFile } from './save.js';
import { connect } from './socket.js';

provideMime({ ...native.mimeEngine, saveFile });
provideTools(native.toolsEngine);
provide({
  ClientEngine: native.ClientEngine,
  apopDigest: native.apopDigest,
  parse,
  connect,
});
provideSync(native);
provideServer({
  ServerEngine: native.ServerEngine,
  MemoryStore: native.MemoryStore,
  scramKeys: native.scramKeys,
});

/** A session over `node:net` and `node:tls`. */
export type HostOptions = AnyHostOptions<ConnectionOptions, Socket>;
/** What `Pop3.connect` takes. */
export type ConnectOptions = HostOptions | TransportOptions;

/**
 * One POP3 session, logged in, over `node:net` and `node:tls` or the caller's own connection.
 *
 * Commands may be given at the same time; they are sent and answered in order. A session that
 * ends in any way but `quit` deletes nothing (RFC 1939 section 6); so does one that `await using`
 * ends.
 */
export class Pop3 extends AnyPop3 {
  /**
   * Connects and logs in.
   *
   * @throws `Pop3Error` with the code `POP3_ERR_AUTHENTICATION` if the login was refused,
   * `POP3_ERR_INSECURE_CLEARTEXT` if the password would cross the network without TLS,
   * `POP3_ERR_CONNECT` or `POP3_ERR_TLS` without a connection, or others as their codes say; and
   * `AbortError`.
   */
  static override connect(options: ConnectOptions): Promise<Pop3> {
    return super.connect(options);
  }
}

export {
  type ListEntry,
  type SessionOptions,
  type Stat,
  type TransportOptions,
  type UidlEntry,
  apopDigest,
} from '../../bindings-wasm/ts/client.js';
export {
  type Attachment,
  type AttachmentContent,
  type AttachmentContentNow,
  type ComposeOptions,
  type Recipient,
  compose,
  composeSync,
} from '../../bindings-wasm/ts/compose.js';
export type { CommandOptions } from '../../bindings-wasm/ts/dialogue.js';
export { type EmbeddedFile, type Tnef, embeddedFiles, joinPartial, readTnef } from '../../bindings-wasm/ts/embedded.js';
export { MboxReader, type MboxFormat, type MboxOptions, readMbox } from '../../bindings-wasm/ts/mbox.js';
export { type PartEnded, type PartStarted, type ScanEvent, Scanner } from '../../bindings-wasm/ts/scanner.js';
export { MaildirReader, openMaildir, openMbox } from './mailboxes.js';
export type { Auth, Limits, MaildropEntry, ServerAuth, ServerLimits, Tls, Faults, Persona } from '../../bindings-wasm/ts/engine-pop3.js';
export type { SyncPlan, SyncWarning } from '../../bindings-wasm/ts/engine-sync.js';
export type * from '../../bindings-wasm/ts/defect.js';
export type * from '../../bindings-wasm/ts/details.js';
export { AbortError, Pop3Error, type Pop3ErrorCode, type Verdict } from '../../bindings-wasm/ts/error.js';
export type {
  Capabilities,
  Direction,
  Expire,
  Language,
  LoginDelay,
  State,
  TypedCapabilities,
} from '../../bindings-wasm/ts/event.js';
export { NewMessage } from '../../bindings-wasm/ts/fetch-new.js';
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
} from '../../bindings-wasm/ts/message.js';
export { RemoteMessage, type Summary, type SummaryOptions } from '../../bindings-wasm/ts/remote.js';
export {
  type Account,
  type Authenticator,
  type Content,
  type Log,
  type LogFields,
  type Login,
  type Maildrop,
  MemoryMaildrop,
  type Metrics,
  Server,
  type ServerOptions,
  type Testing,
} from '../../bindings-wasm/ts/server.js';
export type {
  MailboxState,
  StoredState,
  SyncRules,
  SyncStateOptions,
  SyncStore,
} from '../../bindings-wasm/ts/sync.js';
export type {
  ChannelBinding,
  GivenTransport,
  Transport,
  TransportStreams,
} from '../../bindings-wasm/ts/transport.js';
export { type ListenOptions, Maildir, Mbox, type Pop3Server, createServer } from './server.js';
export { SyncState } from './sync.js';
