/** What the server's entries export beside their `init`. */

export type { MaildropEntry, ServerAuth, ServerLimits, Tls, Faults, Persona } from './engine-pop3.js';
export { Pop3Error, type Pop3ErrorCode } from './error.js';
export type { InitInput } from './instance.js';
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
} from './server.js';
export type { Transport, TransportStreams } from './transport.js';
