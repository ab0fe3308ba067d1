/**
 * The POP3 client: `Pop3`, one session with one mailbox.
 *
 * What POP3 demands is decided by the engine; this file gives its results the
 * shapes that JavaScript users expect. Long because every option and command
 * has its documentation here.
 */

/// <reference lib="esnext.disposable" />

import { Connection, type Result } from './connection.js';
import {
  LIMITS,
  type Auth,
  type ClientEngine,
  type Limits,
  type Tls,
  platform,
} from './engine-pop3.js';
import { Pop3Error, argument, calling, checkedLimits, fromEngine, shown } from './error.js';
import type { Capabilities, Language, State } from './event.js';
import type { Message } from './message.js';
import { type Transport, type TransportStreams, asTransport } from './transport.js';

/** The answer to STAT (RFC 1939 section 5). */
export interface Stat {
  /** Messages that are not marked as deleted. */
  count: number;
  /** The sum of their sizes. */
  octets: number;
}

/** A line of LIST (RFC 1939 section 5). */
export interface ListEntry {
  /** The message number, 1 or more. */
  number: number;
  /** The size in octets. */
  octets: number;
}

/** A line of UIDL (RFC 1939 section 7). */
export interface UidlEntry {
  /** The message number, 1 or more. */
  number: number;
  /** The unique id. */
  uid: string;
}

/** What every command takes. */
export interface CommandOptions {
  /** Closes the connection when it is aborted: a command under way cannot be taken back. */
  signal?: AbortSignal | undefined;
}

/** What `Pop3.connect` takes, wherever it runs. */
export interface SessionOptions {
  /** The name to log in with. */
  user: string;
  /**
   * The password; a string is sent as UTF-8. In WebAssembly one beyond ASCII is normalised for
   * SCRAM (RFC 4013) only if `auth` names SCRAM: with `'auto'` give it in the form NFKC.
   */
  password?: string | Uint8Array | undefined;
  /** In place of a password an OAuth access token, or a function that gets one. */
  token?: string | Uint8Array | (() => string | Promise<string>) | undefined;
  /**
   * `'implicit'` from the first octet (RFC 8314), the default; `'starttls'` with the command
   * STLS, which the server must accept (RFC 2595 section 4); or `'none'`.
   */
  tls?: Tls | undefined;
  /**
   * `'auto'` takes the strongest that server and policy allow: SCRAM, else PLAIN, USER and PASS or
   * LOGIN; with a token OAUTHBEARER or XOAUTH2. Or one of `'user-pass'`, `'apop'`, `'plain'`,
   * `'login'`, `'cram-md5'`, `'scram-sha-1'`, `'scram-sha-256'`, `'oauthbearer'`, `'xoauth2'`,
   * `'external'`. After a refusal nothing weaker is tried.
   */
  auth?: Auth | undefined;
  /** Whom to act for, if not for `user` (RFC 4422 section 2). */
  authzid?: string | undefined;
  /**
   * Saves a round trip where the first message of the mechanism fits the command; some servers
   * refuse that.
   */
  initialResponse?: boolean | undefined;
  /** Allows a password to cross the network without TLS. */
  allowCleartext?: boolean | undefined;
  /**
   * Milliseconds that the server may be silent while an answer is due: 60,000; `Infinity` waits
   * without end.
   */
  timeout?: number | undefined;
  /** Closes the connection when it is aborted, at any time of the session. */
  signal?: AbortSignal | undefined;
  /** Sends commands before earlier ones are answered, where the server offers it; the default. */
  pipelining?: boolean | undefined;
  /** Ends the connection where a server's oddity would be forgiven. */
  strict?: boolean | undefined;
  /**
   * Called with each line of the dialogue, once the session comes to it; secrets are replaced,
   * messages are one line with their size. What it throws ends the connection.
   */
  trace?: ((direction: 'sent' | 'received', line: string) => void) | undefined;
  /** Bounds on what the server may send. */
  limits?: Limits | undefined;
}

/** A session over the caller's own connection. */
export interface TransportOptions extends SessionOptions {
  /**
   * The caller's own connection. With `tls: 'implicit'` it is taken to be protected already;
   * `tls: 'starttls'` needs its `startTls`.
   */
  transport: Transport | TransportStreams;
  /** Names the server in messages. */
  host?: string | undefined;
  /** Names the server in messages. */
  port?: number | undefined;
}

/** A session over a connection that the package opens. */
export interface HostOptions<TlsOptions extends object = object> extends SessionOptions {
  /** The server's name or address. */
  host: string;
  /** The port; by default 995 for implicit TLS, else 110. */
  port?: number | undefined;
  /** For TLS; by default certificates are checked against the system's authorities. */
  tlsOptions?: TlsOptions | undefined;
  transport?: undefined;
}

/** A message of a mailbox, fetched. */
export class RemoteMessage {
  /** The message number, 1 or more, in this session. */
  readonly number: number;
  /** The unique id; `undefined` if the server has none. */
  readonly uid: string | undefined;
  /** The size as the server lists it; `undefined` if it does not. */
  readonly octets: number | undefined;
  /** The message, byte for byte as the server sent it. */
  readonly raw: Uint8Array;
  readonly #deleteLater: (number: number) => void;
  #message: Message | undefined;

  /** @internal */
  constructor(
    deleteLater: (number: number) => void,
    number: number,
    uid: string | undefined,
    octets: number | undefined,
    raw: Uint8Array,
  ) {
    this.#deleteLater = deleteLater;
    this.number = number;
    this.uid = uid;
    this.octets = octets;
    this.raw = raw;
  }

  /** The decoded message. */
  get message(): Message {
    return (this.#message ??= platform().parse(this.raw));
  }

  /**
   * Marks the message; it goes when the session ends with `quit`.
   *
   * The command joins those under way: a refusal is thrown by a later command, at the latest by
   * `quit`, and then nothing is deleted.
   */
  delete(): void {
    this.#deleteLater(this.number);
  }
}

/**
 * One POP3 session, logged in.
 *
 * Commands may be given at the same time; they are sent and answered in order. A session that
 * ends in any way but `quit` deletes nothing (RFC 1939 section 6); so does one that `await using`
 * ends.
 */
export class Pop3 {
  readonly #connection: Connection;
  readonly #engine: ClientEngine;
  /** Marks whose answers nobody has looked at. */
  readonly #deferred: number[] = [];

  /** @internal */
  protected constructor(connection: Connection) {
    this.#connection = connection;
    this.#engine = connection.engine;
  }

  /**
   * Connects and logs in.
   *
   * @throws `Pop3Error` with the code `POP3_ERR_AUTHENTICATION` if the login was refused,
   * `POP3_ERR_INSECURE_CLEARTEXT` if the password would cross the network without TLS,
   * `POP3_ERR_CONNECT` or `POP3_ERR_TLS` without a connection, or others as their codes say; and
   * `AbortError`.
   */
  static async connect(options: HostOptions | TransportOptions): Promise<Pop3> {
    const checked = check(options);
    const { host, port, tls, timeout, signal } = checked;
    const here = platform();
    const engine = calling(
      () =>
        new here.ClientEngine({
          tls,
          allowCleartext: checked.allowCleartext,
          pipelining: checked.pipelining,
          strict: checked.strict,
          trace: checked.trace !== undefined,
          timeout,
          limits: checked.limits,
        }),
    );
    const name = host === undefined ? 'the server' : `${host} port ${port}`;
    const connection = new Connection(engine, name, checked.trace);
    connection.follow(signal);
    try {
      const token = await unlessAborted(tokenOf(checked.token), signal);
      // Before the connection: what cannot be sent is refused without one.
      const login = calling(() =>
        engine.login(checked.user, checked.password, checked.auth, {
          token,
          authzid: checked.authzid,
          initialResponse: checked.initialResponse,
          nonce: nonce(),
        }),
      );
      const transport =
        options.transport === undefined
          ? await open(here.connect, host, { port, tls, timeout, signal, tlsOptions: checked.tlsOptions })
          : asTransport(options.transport);
      if (tls === 'starttls' && transport.startTls === undefined) {
        throw argument("tls: 'starttls' needs a transport with startTls");
      }
      connection.open(transport);
      await connection.result(login);
      return new this(connection);
    } catch (error) {
      if (signal?.aborted) {
        const aborted = connection.aborted(signal);
        connection.close(aborted);
        throw aborted;
      }
      connection.close(error as Error);
      throw error;
    }
  }

  // The session.

  /** Where the session stands: `'transaction'` after the login, `'closed'` or `'failed'` at its end. */
  get state(): State {
    const { state } = this.#engine;
    return this.#connection.isOver && state !== 'failed' ? 'closed' : state;
  }

  /** What the server said it can do, by tag in upper case; `undefined` if it has no CAPA. */
  get capabilities(): Capabilities | undefined {
    return this.#engine.capabilities() ?? undefined;
  }

  /** The server's first line. */
  get greeting(): Uint8Array {
    return this.#connection.greeting;
  }

  /** The server's oddities that were forgiven: name and the first octets that showed it. */
  get deviations(): Readonly<Record<string, Uint8Array>> {
    return this.#connection.deviations;
  }

  /**
   * QUIT: has the marked messages deleted and ends the session.
   *
   * @throws `Pop3Error` if a mark was refused (nothing was deleted then), or if the server could
   * not delete all that was marked.
   */
  async quit(options?: CommandOptions): Promise<void> {
    this.#connection.checkOpen();
    const release = this.#connection.follow(options?.signal);
    try {
      while (this.#deferred.length > 0) {
        await this.#connection.result(this.#deferred.shift() as number);
      }
      await this.#connection.result(calling(() => this.#engine.quit()));
    } finally {
      release();
      this.close();
    }
  }

  /** Drops the connection without QUIT: nothing is deleted. More than once does no harm. */
  close(): void {
    this.#connection.close();
  }

  /** Drops the connection without QUIT, for `await using`: call `quit` to have messages deleted. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  // Commands.

  /** STAT: how many messages there are and their size together. */
  async stat(options?: CommandOptions): Promise<Stat> {
    const { count, octets } = await this.#run('statReceived', options, () => this.#engine.stat());
    return { count, octets };
  }

  /** LIST: the sizes of all messages. */
  list(number?: undefined, options?: CommandOptions): Promise<ListEntry[]>;
  /** LIST: the size of one message. */
  list(number: number, options?: CommandOptions): Promise<ListEntry>;
  async list(number?: number, options?: CommandOptions): Promise<ListEntry[] | ListEntry> {
    const wanted = number === undefined ? undefined : checkedNumber(number);
    const listed = await this.#run('listReceived', options, () => this.#engine.list(wanted));
    const entries = sizesOf(listed);
    return wanted === undefined ? entries : (entries[0] as ListEntry);
  }

  /** UIDL: the unique ids of all messages. */
  uidl(number?: undefined, options?: CommandOptions): Promise<UidlEntry[]>;
  /** UIDL: the unique id of one message. */
  uidl(number: number, options?: CommandOptions): Promise<UidlEntry>;
  async uidl(number?: number, options?: CommandOptions): Promise<UidlEntry[] | UidlEntry> {
    const wanted = number === undefined ? undefined : checkedNumber(number);
    const listed = await this.#run('uidlReceived', options, () => this.#engine.uidl(wanted));
    const entries = uidsOf(listed);
    return wanted === undefined ? entries : (entries[0] as UidlEntry);
  }

  /**
   * RETR: fetches a message, byte for byte.
   *
   * @throws `Pop3Error` with the code `POP3_ERR_COMMAND` if the server has no such message.
   */
  async retr(number: number, options?: CommandOptions): Promise<Uint8Array> {
    const wanted = checkedNumber(number);
    const { content } = await this.#run('contentFinished', options, () => this.#engine.retr(wanted, false));
    return content;
  }

  /**
   * RETR: fetches a message as a stream, byte for byte, in constant memory and without a limit on
   * its size.
   *
   * Nothing is read from the server faster than the stream is. Commands that are given meanwhile
   * are answered when the stream has been read to its end. To cancel it closes the connection. A
   * stream that errors has given no message.
   */
  retrStream(number: number, options?: CommandOptions): ReadableStream<Uint8Array> {
    const connection = this.#connection;
    const wanted = checkedNumber(number);
    connection.checkOpen();
    const release = connection.follow(options?.signal);
    const handle = calling(() => this.#engine.retr(wanted, true));
    connection.stream(handle);
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const chunk = await connection.nextChunk(handle);
            if (chunk === undefined) {
              release();
              controller.close();
            } else {
              controller.enqueue(chunk);
            }
          } catch (error) {
            release();
            throw error;
          }
        },
        cancel: () => {
          release();
          connection.close();
        },
      },
      // Nothing is asked for before somebody reads.
      { highWaterMark: 0 },
    );
  }

  /**
   * TOP: fetches the header and the first lines of the body (RFC 1939 section 7).
   *
   * @param lines How many lines of the body, 0 or more.
   */
  async top(number: number, lines = 0, options?: CommandOptions): Promise<Uint8Array> {
    const wanted = checkedNumber(number);
    if (!Number.isSafeInteger(lines) || lines < 0) {
      throw argument(`lines must be 0 or more, got ${lines}`);
    }
    const { content } = await this.#run('contentFinished', options, () => this.#engine.top(wanted, lines, false));
    return content;
  }

  /** DELE: marks a message; it goes when the session ends with `quit`. */
  async dele(number: number, options?: CommandOptions): Promise<void> {
    const wanted = checkedNumber(number);
    await this.#run('commandFinished', options, () => this.#engine.dele(wanted));
  }

  /** RSET: takes all marks back. */
  async rset(options?: CommandOptions): Promise<void> {
    await this.#run('commandFinished', options, () => this.#engine.rset());
  }

  /** NOOP: asks for an answer and nothing else. */
  async noop(options?: CommandOptions): Promise<void> {
    await this.#run('commandFinished', options, () => this.#engine.noop());
  }

  /** CAPA: asks the server what it can do, by tag in upper case (RFC 2449 section 5). */
  async capa(options?: CommandOptions): Promise<Capabilities> {
    const { capabilities } = await this.#run('capabilitiesReceived', options, () => this.#engine.capa());
    return capabilities;
  }

  /** LANG: the languages of the server's texts (RFC 6856 section 3). */
  lang(language?: undefined, options?: CommandOptions): Promise<Language[]>;
  /**
   * LANG: chooses the language of the server's texts.
   *
   * @param language A tag such as `'de-AT'`, or `'*'` for the server's own choice.
   * @returns What the server answers in the one that was chosen.
   */
  lang(language: string, options?: CommandOptions): Promise<string>;
  async lang(language?: string, options?: CommandOptions): Promise<Language[] | string> {
    if (language === undefined) {
      const { languages } = await this.#run('languagesReceived', options, () => this.#engine.lang());
      return languages;
    }
    if (typeof language !== 'string') {
      throw argument(`language must be a string, got ${typeof language}`);
    }
    const { line } = await this.#run('commandFinished', options, () => this.#engine.lang(language));
    return new TextDecoder().decode(line).replace(/^\+ok/i, '').trim();
  }

  // Whole messages.

  /** Fetches all messages: see `fetch`. */
  [Symbol.asyncIterator](): AsyncGenerator<RemoteMessage, void, undefined> {
    return this.fetch();
  }

  /**
   * Fetches messages in order, pipelined, with a bounded number of octets ahead of the reader.
   *
   * @param numbers Which ones; all if it is left out.
   */
  async *fetch(
    numbers?: Iterable<number>,
    options?: CommandOptions,
  ): AsyncGenerator<RemoteMessage, void, undefined> {
    const connection = this.#connection;
    const engine = this.#engine;
    connection.checkOpen();
    const given = numbers === undefined ? undefined : Uint32Array.from(Array.from(numbers, checkedNumber));
    const release = connection.follow(options?.signal);
    const asked: { handle: number; number: number }[] = [];
    const deleteLater = (number: number): void => this.#deleteLater(number);
    try {
      const [sizes, uids] = await this.#listings();
      const wanted = given ?? Uint32Array.from(sizes.keys());
      const prefetch = engine.prefetch(
        wanted,
        Float64Array.from(wanted, (number) => sizes.get(number) ?? 0),
      );
      for (;;) {
        if (!connection.isOver || asked.length === 0) {
          let number: number | undefined;
          while ((number = prefetch.ask() ?? undefined) !== undefined) {
            connection.checkOpen();
            const next = number;
            asked.push({ handle: calling(() => engine.retr(next, false)), number });
          }
        }
        const next = asked.shift();
        if (next === undefined) {
          return;
        }
        const finished = await this.#result('contentFinished', next.handle);
        prefetch.handedOut();
        const { number } = next;
        yield new RemoteMessage(deleteLater, number, uids.get(number), sizes.get(number), finished.content);
      }
    } finally {
      release();
      // The reader stopped early: what is under way arrives and is let go.
      for (const { handle } of asked) {
        connection.forget(handle);
      }
    }
  }

  /** Sizes and uids by message number; no uids if the server has no UIDL. */
  async #listings(): Promise<[Map<number, number>, Map<number, string>]> {
    const [list, uidl] = calling(() => [this.#engine.list(), this.#engine.uidl()] as const);
    let listed: ResultOf<'listReceived'>;
    try {
      listed = await this.#result('listReceived', list);
    } catch (error) {
      this.#connection.forget(uidl);
      throw error;
    }
    const sizes = new Map(sizesOf(listed).map(({ number, octets }) => [number, octets]));
    try {
      const uids = uidsOf(await this.#result('uidlReceived', uidl));
      return [sizes, new Map(uids.map(({ number, uid }) => [number, uid]))];
    } catch (error) {
      if (error instanceof Pop3Error && error.code === 'POP3_ERR_COMMAND') {
        return [sizes, new Map()];
      }
      throw error;
    }
  }

  #deleteLater(number: number): void {
    this.#connection.checkOpen();
    this.#deferred.push(calling(() => this.#engine.dele(number)));
  }

  // Results.

  async #run<Type extends Result['type']>(
    type: Type,
    options: CommandOptions | undefined,
    command: () => number,
  ): Promise<ResultOf<Type>> {
    this.#connection.checkOpen();
    const release = this.#connection.follow(options?.signal);
    try {
      return await this.#result(type, calling(command));
    } finally {
      release();
    }
  }

  async #result<Type extends Result['type']>(type: Type, handle: number): Promise<ResultOf<Type>> {
    const result = await this.#connection.result(handle);
    if (result.type !== type) {
      throw new Pop3Error('POP3_ERR_INTERNAL', `expected ${type}, got ${result.type}`);
    }
    // Marks that were set in passing, as far as they are answered.
    let first: number | undefined;
    while ((first = this.#deferred[0]) !== undefined) {
      const marked = this.#connection.taken(first);
      if (marked === undefined) {
        break;
      }
      this.#deferred.shift();
      if (marked.type === 'commandFailed') {
        throw fromEngine(marked.error);
      }
    }
    return result as ResultOf<Type>;
  }
}

type ResultOf<Type> = Extract<Result, { type: Type }>;

/** The options with their defaults; what cannot be is refused with words. */
function check(options: HostOptions | TransportOptions) {
  if (typeof options !== 'object' || options === null) {
    throw argument('expected options such as { host, user, password }');
  }
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name)) {
      throw argument(`unknown option ${JSON.stringify(name)}`);
    }
  }
  const { host, user, password, tls = 'implicit', auth = 'auto', timeout = 60_000, limits = {} } = options;
  const { port = tls === 'implicit' ? 995 : 110, signal, allowCleartext = false } = options;
  const { pipelining = true, strict = false, tlsOptions } = options as HostOptions & TransportOptions;
  const { token, authzid = '', initialResponse = false, trace } = options;
  if (host === undefined ? options.transport === undefined : typeof host !== 'string' || host === '') {
    throw argument(`host must be a name or an address, got ${shown(host)}`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw argument(`port must be 1 to 65535, got ${shown(port)}`);
  }
  if (typeof user !== 'string') {
    throw argument(`user must be a string, got ${typeof user}`);
  }
  if (typeof authzid !== 'string') {
    throw argument(`authzid must be a string, got ${typeof authzid}`);
  }
  if (trace !== undefined && typeof trace !== 'function') {
    throw argument(`trace must be a function, got ${typeof trace}`);
  }
  if (typeof timeout !== 'number' || !(timeout > 0)) {
    throw argument(`timeout must be a number of milliseconds above 0, or Infinity, got ${shown(timeout)}`);
  }
  for (const [name, value] of Object.entries({ allowCleartext, pipelining, strict, initialResponse })) {
    if (typeof value !== 'boolean') {
      throw argument(`${name} must be true or false, got ${shown(value)}`);
    }
  }
  return {
    host,
    port,
    user,
    password: secretOf('password', prepared(password, String(auth))),
    token: typeof token === 'function' ? token : secretOf('token', token),
    authzid,
    initialResponse,
    trace,
    tls: String(tls) as Tls,
    auth: String(auth),
    timeout,
    signal,
    tlsOptions,
    allowCleartext,
    pipelining,
    strict,
    limits: checkedLimits(limits, LIMITS),
  };
}

/** A secret in octets. */
function secretOf(what: string, secret: unknown): Uint8Array | undefined {
  if (secret === undefined || secret instanceof Uint8Array) {
    return secret;
  }
  if (typeof secret !== 'string') {
    throw argument(`${what} must be a string or a Uint8Array, got ${typeof secret}`);
  }
  return new TextEncoder().encode(secret);
}

/** A password as the mechanism compares it, where the engine leaves that to the host. */
function prepared<Password>(password: Password, auth: string): Password | string {
  const { prepare } = platform();
  return typeof password === 'string' && prepare !== undefined && auth.startsWith('scram-')
    ? prepare(password)
    : password;
}

/** The token, fetched if a function gets it. */
async function tokenOf(token: Uint8Array | (() => unknown) | undefined): Promise<Uint8Array | undefined> {
  if (typeof token !== 'function') {
    return token;
  }
  return secretOf('token', await token());
}

/** What `work` gives, unless the signal is aborted before. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return work;
  }
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** What SCRAM makes a login unique with (RFC 5802 section 5.1). */
function nonce(): string {
  const octets = globalThis.crypto.getRandomValues(new Uint8Array(24));
  return btoa(String.fromCharCode(...octets))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

async function open(
  connect: ReturnType<typeof platform>['connect'],
  host: string | undefined,
  target: Omit<Parameters<NonNullable<typeof connect>>[0], 'host'>,
): Promise<Transport> {
  if (connect === undefined) {
    throw argument('a transport is needed here: { readable, writable, startTls? }');
  }
  return connect({ host: host as string, ...target });
}

/** A message number, refused with words where the engine would take another. */
function checkedNumber(number: number): number {
  if (!Number.isInteger(number) || number < 1 || number > 0xffff_ffff) {
    throw argument(`message number must be 1 to 4294967295, got ${shown(number)}`);
  }
  return number;
}

function sizesOf({ numbers, sizes }: ResultOf<'listReceived'>): ListEntry[] {
  return Array.from(numbers, (number, at) => ({ number, octets: sizes[at] as number }));
}

function uidsOf({ numbers, ends, uids }: ResultOf<'uidlReceived'>): UidlEntry[] {
  return Array.from(numbers, (number, at) => ({ number, uid: uids.slice(ends[at - 1] ?? 0, ends[at]) }));
}

const OPTIONS = new Set([
  'host',
  'port',
  'user',
  'password',
  'token',
  'tls',
  'auth',
  'authzid',
  'initialResponse',
  'allowCleartext',
  'timeout',
  'signal',
  'transport',
  'tlsOptions',
  'pipelining',
  'strict',
  'trace',
  'limits',
]);

/**
 * The digest that APOP sends for a greeting and a secret (RFC 1939 section 7).
 *
 * @returns 32 hexadecimal digits; `undefined` if the greeting has no stamp that can be trusted.
 */
export function apopDigest(greeting: string | Uint8Array, secret: string | Uint8Array): string | undefined {
  const octets = (value: string | Uint8Array): Uint8Array =>
    typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return platform().apopDigest(octets(greeting), octets(secret)) ?? undefined;
}
