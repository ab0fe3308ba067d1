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

import type { ConnectionOptions } from 'node:tls';

import { type HostOptions as AnyHostOptions, Pop3 as AnyPop3, type TransportOptions } from '../../bindings-wasm/ts/client.js';
import { provideMime } from '../../bindings-wasm/ts/engine-mime.js';
import { provide, provideServer } from '../../bindings-wasm/ts/engine-pop3.js';
import { parse } from '../../bindings-wasm/ts/message.js';
import * as native from './native.js';
import { connect } from './socket.js';

provideMime(native.mimeEngine);
provide({
  ClientEngine: native.ClientEngine,
  apopDigest: native.apopDigest,
  parse,
  connect,
});
provideServer({ ServerEngine: native.ServerEngine, MemoryStore: native.MemoryStore });

/** A session over `node:net` and `node:tls`. */
export type HostOptions = AnyHostOptions<ConnectionOptions>;
/** What `Pop3.connect` takes. */
export type ConnectOptions = HostOptions | TransportOptions;

/** {@inheritDoc AnyPop3} */
export class Pop3 extends AnyPop3 {
  /** {@inheritDoc AnyPop3.connect} */
  static override connect(options: ConnectOptions): Promise<Pop3> {
    return super.connect(options);
  }
}

export {
  type CommandOptions,
  type ListEntry,
  RemoteMessage,
  type SessionOptions,
  type Stat,
  type TransportOptions,
  type UidlEntry,
  apopDigest,
} from '../../bindings-wasm/ts/client.js';
export type { Auth, Limits, MaildropEntry, ServerLimits, Tls } from '../../bindings-wasm/ts/engine-pop3.js';
export { AbortError, Pop3Error, type Pop3ErrorCode, type Verdict } from '../../bindings-wasm/ts/error.js';
export type { Capabilities, State } from '../../bindings-wasm/ts/event.js';
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
} from '../../bindings-wasm/ts/message.js';
export {
  type Account,
  type Content,
  type Log,
  type Maildrop,
  MemoryMaildrop,
  Server,
  type ServerOptions,
} from '../../bindings-wasm/ts/server.js';
export type { Transport, TransportStreams } from '../../bindings-wasm/ts/transport.js';
export { type ListenOptions, Maildir, type Pop3Server, createServer } from './server.js';
