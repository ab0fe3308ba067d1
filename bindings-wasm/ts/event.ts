/**
 * What the engines tell the face, as plain data.
 *
 * The names and the order are the core's (`core/src/pop3/event.rs`). Handles
 * name commands; every array and string here belongs to JavaScript.
 */

/** Where a session stands. */
export type State = 'greeting' | 'authorization' | 'transaction' | 'update' | 'closed' | 'failed';

/** What the server can do: parameters by tag in upper case. */
export type Capabilities = Readonly<Record<string, readonly string[]>>;

/** A language of a server's texts (RFC 6856 section 3). */
export interface Language {
  /** The tag, as `lang` takes it (RFC 5646). */
  tag: string;
  /** Its name, in that language. */
  name: string;
}

/** Who said a line of the dialogue. */
export type Direction = 'sent' | 'received';

/** An error of the core before it becomes a `Pop3Error`. */
export interface EngineError {
  code: string;
  message: string;
  response?: Uint8Array;
  responseCode?: string;
  verdict?: string;
  guessedVerdict?: string;
  detail?: string;
}

/** An event of a client connection. */
export type ClientEvent =
  | { type: 'greetingReceived'; line: Uint8Array }
  | { type: 'tlsReady'; handle: number }
  /** Only if the engine was told that there may be a second connection; it goes on with that one's greeting. */
  | { type: 'reconnectRequested'; handle: number }
  | { type: 'loginFinished'; handle: number }
  | { type: 'commandFinished'; handle: number; line: Uint8Array }
  | { type: 'commandFailed'; handle: number; error: EngineError }
  | { type: 'capabilitiesReceived'; handle: number; capabilities: Capabilities }
  | { type: 'statReceived'; handle: number; count: number; octets: number }
  /** One number and one size for each entry. */
  | { type: 'listReceived'; handle: number; numbers: Uint32Array; sizes: Float64Array }
  /** One number for each entry, and where its uid ends in `uids`, in UTF-16 units. */
  | { type: 'uidlReceived'; handle: number; numbers: Uint32Array; ends: Uint32Array; uids: string }
  | { type: 'contentReceived'; handle: number; chunk: Uint8Array }
  | { type: 'contentFinished'; handle: number; octets: number; content: Uint8Array }
  | { type: 'languagesReceived'; handle: number; languages: Language[] }
  /** Without secrets; content is one line that tells its size. */
  | { type: 'lineTraced'; direction: Direction; line: string }
  | { type: 'deviationObserved'; deviation: string; octets: Uint8Array }
  | { type: 'connectionClosed'; error?: EngineError };

/** An event of a server connection; each request names the call that answers it in the core. */
export type ServerEvent =
  | { type: 'authenticate'; user: string }
  | { type: 'keysWanted'; user: string; salt: Uint8Array; iterations: number }
  | { type: 'openMaildrop'; user: string }
  | { type: 'retrieve'; number: number; lines?: number; utf8: boolean }
  | { type: 'commit'; deleted: number[] }
  | { type: 'tlsReady' }
  /** `delay` in milliseconds, which the engine waits by itself. */
  | { type: 'loginFailed'; user: string; count: number; delay: number }
  | { type: 'commandRefused'; count: number; delay: number }
  | { type: 'clientForwarded'; address: string; port?: number }
  | { type: 'lineReceived'; line: string }
  | { type: 'connectionClosed'; reason: string };
