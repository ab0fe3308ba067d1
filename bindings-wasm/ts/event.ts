/**
 * What the engines tell the face, as plain data.
 *
 * The names and the order are the core's (`core/src/pop3/event.rs`). Handles
 * name commands; every array and string here belongs to JavaScript.
 */

/** Where a session stands. */
export type State = 'greeting' | 'authorization' | 'transaction' | 'update' | 'closed' | 'failed';

/** For how long a server keeps messages (RFC 2449 section 6.7). */
export interface Expire {
  /** Days; 0 says that what was fetched may be deleted at QUIT, `Infinity` stands for `NEVER`. */
  readonly days: number;
  /** True if it may differ from user to user: what the server says after the login counts. */
  readonly perUser: boolean;
}

/** The least time between two logins (RFC 2449 section 6.5). */
export interface LoginDelay {
  /** The delay. */
  readonly seconds: number;
  /** True if it may differ from user to user: what the server says after the login counts. */
  readonly perUser: boolean;
}

/** The capabilities that the RFCs give a form. */
export interface TypedCapabilities {
  /** `[AUTH]` marks every refusal that is due to the name or the secret (RFC 3206 section 3). */
  readonly authRespCode: boolean;
  /** For how long messages stay (RFC 2449 section 6.7). */
  readonly expire?: Expire | undefined;
  /** What the server calls itself (RFC 2449 section 6.9). */
  readonly implementation?: string | undefined;
  /** The language of texts can be chosen (RFC 6856 section 3). */
  readonly lang: boolean;
  /** The least time between two logins (RFC 2449 section 6.5). */
  readonly loginDelay?: LoginDelay | undefined;
  /** Commands may be sent before the answers to earlier ones (RFC 2449 section 6.6). */
  readonly pipelining: boolean;
  /** Replies may begin with a code in brackets (RFC 2449 section 6.4). */
  readonly respCodes: boolean;
  /** The SASL mechanisms, as the server writes them (RFC 5034 section 3). */
  readonly sasl: readonly string[];
  /** TLS can begin on this connection (RFC 2595 section 4). */
  readonly stls: boolean;
  /** Headers can be fetched by themselves (RFC 2449 section 6.1). */
  readonly top: boolean;
  /** Messages have unique ids (RFC 2449 section 6.8). */
  readonly uidl: boolean;
  /** USER and PASS are taken (RFC 2449 section 6.2). */
  readonly user: boolean;
  /** Texts and header fields may be in UTF-8 (RFC 6856 section 2). */
  readonly utf8: boolean;
  /** Names and passwords may be in UTF-8 (RFC 6856 section 2.2). */
  readonly utf8User: boolean;
}

/** The same from an engine, with the parameters of every capability by its tag in upper case. */
export interface EngineCapabilities extends TypedCapabilities {
  readonly parameters: Readonly<Record<string, readonly string[]>>;
}

/**
 * What the server can do: the parameters of each capability by its tag in upper case, unknown ones
 * too. What the RFCs give a form has a property beside it, which no enumeration names.
 */
export type Capabilities = Readonly<Record<Uppercase<string>, readonly string[]>> & TypedCapabilities;

/** The capabilities as users see them. */
export function capabilitiesOf({ parameters, ...typed }: EngineCapabilities): Capabilities {
  const properties = Object.entries(typed).map(([name, value]) => [name, { value }] as const);
  return Object.defineProperties({ ...parameters }, Object.fromEntries(properties)) as unknown as Capabilities;
}

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
  | { type: 'capabilitiesReceived'; handle: number; capabilities: EngineCapabilities }
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
