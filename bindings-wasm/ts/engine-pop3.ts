/**
 * The engines as the face sees them: native in Node, WebAssembly elsewhere.
 *
 * They do no I/O. Times are milliseconds since any moment that the host keeps
 * to. A command that is refused throws an `Error` whose `code` is one of
 * `tests/registry/errors.json`.
 */

import { Pop3Error } from './error.js';
import type { ClientEvent, EngineCapabilities, ServerEvent, State } from './event.js';
import type { Message } from './message.js';
import type { ChannelBinding, Transport } from './transport.js';

/** How a connection is protected. */
export type Tls = 'implicit' | 'starttls' | 'none';

/** Which mechanism a login uses. */
export type Auth =
  | 'auto'
  | 'user-pass'
  | 'apop'
  | 'plain'
  | 'login'
  | 'cram-md5'
  | 'scram-sha-1'
  | 'scram-sha-256'
  | 'oauthbearer'
  | 'xoauth2'
  | 'external';

/** Bounds on what a server may send; what is not given has its default. */
export interface Limits {
  /** Octets of a command with its CRLF: 255. */
  commandLine?: number;
  /** Octets of a status line: 8,192. */
  statusLine?: number;
  /** Octets of a line of LIST or UIDL: 8,192. */
  listingLine?: number;
  /** Lines of LIST or UIDL: 1,000,000. */
  listingEntries?: number;
  /** Octets of all uids of one UIDL: 128 MiB. */
  listingOctets?: number;
  /** Octets of a line of CAPA: 512. */
  capabilityLine?: number;
  /** Lines of CAPA: 1,000. */
  capabilityLines?: number;
  /** Octets of a SASL challenge, in base64: 65,536. */
  challenge?: number;
  /** Challenges in one SASL exchange: 32. */
  rounds?: number;
  /** Octets of a message that is handed out as one array: 256 MiB. A stream has no limit. */
  bufferedContent?: number;
  /** Commands without an answer while pipelining: 2,048. */
  windowCommands?: number;
  /** Octets of commands without an answer while pipelining: 32,768. */
  windowOctets?: number;
  /** Octets of messages that iteration asks for ahead of its reader: 4 MiB. */
  prefetchOctets?: number;
  /** How many times longer than other commands a login is waited for: 5. */
  loginPatience?: number;
}

/** Bounds of a server connection; what is not given has its default. */
export interface ServerLimits {
  /** Octets of a command line with its line end: 2,048. */
  commandLine?: number;
  /** Octets of a SASL response, in base64: 65,536. */
  saslResponse?: number;
  /** Octets of commands that wait for their turn: 65,536. */
  waitingInput?: number;
  /** Octets of replies that wait to be sent before no more of a message is read: 65,536. */
  waitingOutput?: number;
  /** Bad commands before the login after which the connection closes: 3. */
  badCommandsBeforeLogin?: number;
  /** Bad commands after the login after which the connection closes: 20. */
  badCommands?: number;
  /** Commands of any kind before the login after which the connection closes: 100. */
  commandsBeforeLogin?: number;
  /** Failed logins after which the connection closes: 3. */
  failedLogins?: number;
  /** Milliseconds by which each bad command but the first is answered later than the one before: 250. */
  badCommandDelay?: number;
  /** Milliseconds that the answer to a failed login is held back, and twice that for each further one: 1,000. */
  failedLoginDelay?: number;
  /** Milliseconds that a client may be silent before its login: 60,000. */
  loginTimeout?: number;
  /** Milliseconds that a client has for the whole login: 180,000. */
  loginTime?: number;
  /** Milliseconds that a session may last: 86,400,000. */
  sessionTime?: number;
  /** Milliseconds that a client may be silent after its login: 600,000. */
  autologout?: number;
}

/** The names of `Limits`, for checks at run time. */
export const LIMITS: readonly (keyof Limits)[] = [
  'commandLine',
  'statusLine',
  'listingLine',
  'listingEntries',
  'listingOctets',
  'capabilityLine',
  'capabilityLines',
  'challenge',
  'rounds',
  'bufferedContent',
  'windowCommands',
  'windowOctets',
  'prefetchOctets',
  'loginPatience',
];

/** The names of `ServerLimits`, for checks at run time. */
export const SERVER_LIMITS: readonly (keyof ServerLimits)[] = [
  'commandLine',
  'saslResponse',
  'waitingInput',
  'waitingOutput',
  'badCommandsBeforeLogin',
  'badCommands',
  'commandsBeforeLogin',
  'failedLogins',
  'badCommandDelay',
  'failedLoginDelay',
  'loginTimeout',
  'loginTime',
  'sessionTime',
  'autologout',
];

/** How a client engine behaves. */
export interface ClientConfig {
  tls: Tls;
  allowCleartext: boolean;
  pipelining: boolean;
  strict: boolean;
  /** Tells every line of the dialogue in `lineTraced`. */
  trace: boolean;
  /** The host opens a second connection at `reconnectRequested`. */
  reconnect: boolean;
  /** Milliseconds that the server may be silent; `Infinity` waits without end. */
  timeout: number;
  limits: Limits;
}

/** What a login may have beside a name and a password. */
export interface LoginOptions {
  /** An OAuth access token, in place of a password. */
  token?: Uint8Array | undefined;
  /** Whom to act for. */
  authzid?: string;
  /** Sends the first SASL message with AUTH. */
  initialResponse?: boolean;
  /** Asks for texts and header fields in UTF-8 where they are offered (RFC 6856). */
  utf8?: boolean;
  /** For SCRAM: random printable ASCII without a comma, new for each login; without it SCRAM is not used. */
  nonce?: string;
  /** For SCRAM: what ties the login to its TLS channel. */
  channelBinding?: ChannelBinding;
}

/** What an engine gives or leaves out: native engines say `null`, WebAssembly `undefined`. */
export type Maybe<T> = T | null | undefined;

/** The client side of one connection, without I/O. */
export interface ClientEngine {
  readonly state: State;
  readonly pending: number;
  capabilities(): Maybe<EngineCapabilities>;
  stamp(): Maybe<string>;

  receive(octets: Uint8Array): void;
  receiveEof(): void;
  tlsEstablished(): void;
  /** Those that the host can give, one of each type; after the handshake, before the next octets. */
  setChannelBindings(bindings: ChannelBinding[]): void;
  handleTimeout(now: number): void;

  nextEvent(): Maybe<ClientEvent>;
  /** Absent if there is nothing to write. */
  takeOutput(): Maybe<Uint8Array>;
  /** Milliseconds until `handleTimeout` is due; Absent if no answer is awaited. */
  timeout(): Maybe<number>;

  login(user: string, password: Uint8Array | undefined, auth: string, options?: LoginOptions): number;
  utf8(): number;
  /** Without a language asks for all of them. */
  lang(language?: string): number;
  capa(): number;
  stls(): number;
  user(user: string): number;
  pass(password: Uint8Array): number;
  apop(user: string, secret: Uint8Array): number;
  authPlain(user: string, password: Uint8Array): number;
  stat(): number;
  list(number?: number): number;
  uidl(number?: number): number;
  retr(number: number, chunks: boolean): number;
  top(number: number, lines: number, chunks: boolean): number;
  dele(number: number): number;
  rset(): number;
  noop(): number;
  quit(): number;
  /** The plan of an iteration over these messages, in this order. */
  prefetch(numbers: Uint32Array, sizes: Float64Array): Prefetch;
}

/** How far iteration asks ahead of its reader. */
export interface Prefetch {
  /** The number to ask for now; Absent if enough is under way or all is asked for. */
  ask(): Maybe<number>;
  handedOut(): void;
}

/** How a server engine behaves. */
export interface ServerConfig {
  tls: Tls;
  allowCleartext: boolean;
  greeting: string;
  apopStamp?: string;
  implementation?: string;
  mechanisms?: readonly string[];
  /** 16 octets or more that nobody can guess, new for each connection. */
  seed?: Uint8Array;
  /** The same for all connections of a server. */
  saltKey?: Uint8Array;
  utf8?: boolean;
  lang?: boolean;
  /** Days; `Infinity` is never. */
  expire?: number;
  /** Seconds. */
  loginDelay?: number;
  last?: boolean;
  xclient?: boolean;
  /** Tells every line of the client in `lineReceived`. */
  trace?: boolean;
  faults?: Faults;
  limits: ServerLimits;
}

/** A SASL mechanism that a server offers; `'apop'` is none, and is named with them. */
export type ServerAuth =
  | 'scram-sha-256'
  | 'cram-md5'
  | 'plain'
  | 'login'
  | 'oauthbearer'
  | 'xoauth2'
  | 'apop';

/** The habits of a known server. */
export type Persona =
  | 'ancient'
  | 'dovecot'
  | 'gmail'
  | 'maillennium'
  | 'o2'
  | 'office365'
  | 'twisted'
  | 'unix';

/** What a server shall do wrong, for the tests of mail code; nothing by default. */
export interface Faults {
  /** The habits of a known server; what else is given goes on top. */
  persona?: Persona;
  /** Ends the connection after so many octets from the greeting on. */
  cutAfter?: number;
  /** Ends it after so many octets of a message. */
  cutContentAfter?: number;
  /** Milliseconds that each piece of output is held back. */
  delay?: number;
  /** Sends at most so many octets at once. */
  piece?: number;
  /** Is added to every size that is told. */
  sizeError?: number;
  /** Tells the size in STAT as a negative number. */
  negativeStat?: boolean;
  /** Leaves dots at the start of lines as they are. */
  unstuffedDots?: boolean;
  /** Leaves a dot as it is if it is the first octet of a message. */
  unstuffedFirstDot?: boolean;
  /** Ends lines with LF alone. */
  lfLineEnds?: boolean;
  /** Capabilities, in upper case, that are neither told nor known as commands. */
  missing?: string[];
  /** Capabilities that are told after the login only. */
  late?: string[];
  /** Says `+OK` where `+` is due. */
  okForChallenge?: boolean;
  /** Closes the connection where `-ERR` is due. */
  closeForErr?: boolean;
  /** Octets in the clear after the answer to STLS. */
  stlsResidue?: Uint8Array;
  /** Blanks in listings beyond the one. */
  extraBlanks?: number;
  /** Leaves out the number in the answer to `UIDL n`. */
  uidlWithoutNumber?: boolean;
  /** Says an empty line before the first answer. */
  blankLine?: boolean;
  /** Says `+ok` and `-err`. */
  lowerCaseStatus?: boolean;
  /** Ends TOP after so many octets. */
  topOctets?: number;
}

/** What a server keeps of a password for SCRAM-SHA-256: opaque, and of no use for a login. */
export interface ScramKeys {
  free?(): void;
}

/** Why a server says no; the names are the core's. */
export type Refusal = 'bad_credentials' | 'in_use' | 'login_delay' | 'sys_temp' | 'sys_perm' | 'gone' | 'utf8';

/** A message as a maildrop lists it. */
export interface MaildropEntry {
  /** 1 to 70 characters of printable ASCII without space, the same in every session. */
  uid: string;
  /** The size in octets, every line end counted as CRLF. */
  octets: number;
}

/** The server side of one connection, without I/O. */
export interface ServerEngine {
  readonly state: State;
  readonly isSecure: boolean;
  user(): Maybe<string>;

  receive(octets: Uint8Array): void;
  receiveEof(): void;
  tlsEstablished(): void;
  handleTimeout(now: number): void;

  nextEvent(): Maybe<ServerEvent>;
  takeOutput(): Maybe<Uint8Array>;
  timeout(): Maybe<number>;
  wantsInput(): boolean;
  wantsContent(): boolean;
  contentIsComplete(): boolean;

  /** True if output waits whose time has not come: wait `timeout`, and take it. */
  holdsOutput(): boolean;

  /** True if the client of the last `authenticate` knows this secret; in constant time. */
  verify(secret: Uint8Array): boolean;
  /** The password of the last `authenticate`; absent if none was sent. */
  password(): Maybe<Uint8Array>;
  /** Its token; absent if none was sent. */
  token(): Maybe<string>;
  /** Milliseconds by which failed logins are answered later from now on. */
  penalize(penalty: number): void;
  /** Answers `keysWanted`; without keys there is no such user. */
  provideKeys(keys?: ScramKeys): void;
  acceptLogin(): void;
  refuseLogin(refusal: Refusal): void;
  maildropOpened(entries: readonly MaildropEntry[]): void;
  sendContent(octets: Uint8Array): void;
  finishContent(): void;
  refuseContent(refusal: Refusal): void;
  failContent(): void;
  committed(): void;
  commitFailed(refusal: Refusal): void;
}

/** Messages in memory, held by the engine's side. */
export interface MemoryStore {
  append(message: Uint8Array): void;
  readonly count: number;
  refresh(): void;
  entries(): MaildropEntry[];
  /** The octets of a message; Absent if there is no such one. */
  read(number: number): Maybe<Uint8Array>;
  commit(deleted: number[]): void;
}

/** Where a session connects to. */
export interface Target {
  host: string;
  port: number;
  tls: Tls;
  /** Milliseconds for the connection and for TLS; `Infinity` waits without end. */
  timeout: number;
  signal: AbortSignal | undefined;
  /** As the package's own connections take them. */
  tlsOptions: object | undefined;
  /** A connection that is open already, or what opens one, as the package knows it. */
  socket: unknown;
}

/** What a package provides to `client.ts`. */
export interface Platform {
  ClientEngine: new (config: ClientConfig) => ClientEngine;
  apopDigest(greeting: Uint8Array, secret: Uint8Array): Maybe<string>;
  parse(raw: Uint8Array): Message;
  /** Opens a connection; absent where only the caller can. */
  connect?: ((target: Target) => Promise<Transport>) | undefined;
}

let provided: Platform | undefined;
let extra: Platform | undefined;

/** Sets what the face runs on; a package calls it once, or again after its engine died. */
export function provide(platform: Platform | undefined): void {
  provided = platform;
}

/** Sets what the face runs on while it is there: a platform that can do what `provide`'s can, and more. */
export function provideExtra(platform: Platform | undefined): void {
  extra = platform;
}

/** What the face runs on. */
export function platform(): Platform {
  const platform = extra ?? provided;
  if (platform === undefined) {
    throw new Pop3Error('POP3_ERR_USAGE_STATE', 'popmail is not ready: call init() and wait for it first');
  }
  return platform;
}

/** What a package provides to `server.ts`: a part of its own, which may be loaded later. */
export interface ServerPlatform {
  ServerEngine: new (config: ServerConfig) => ServerEngine;
  MemoryStore: new () => MemoryStore;
  scramKeys(password: Uint8Array, salt: Uint8Array, iterations: number): ScramKeys | Promise<ScramKeys>;
}

let providedServer: ServerPlatform | undefined;

/** Sets what the server part of the face runs on. */
export function provideServer(platform: ServerPlatform | undefined): void {
  providedServer = platform;
}

/** What the server part of the face runs on. */
export function serverPlatform(): ServerPlatform {
  if (providedServer === undefined) {
    throw new Pop3Error('POP3_ERR_USAGE_STATE', 'the server is not ready: call init() and wait for it first');
  }
  return providedServer;
}
