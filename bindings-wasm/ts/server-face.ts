/** What the server's entries export beside their `init`. */

export type { MaildropEntry, ServerLimits, Tls } from './engine-pop3.js';
export { Pop3Error, type Pop3ErrorCode } from './error.js';
export type { InitInput } from './instance.js';
export {
  type Account,
  type Content,
  type Log,
  type Maildrop,
  MemoryMaildrop,
  Server,
  type ServerOptions,
} from './server.js';
export type { Transport, TransportStreams } from './transport.js';
