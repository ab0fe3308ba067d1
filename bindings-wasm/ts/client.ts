/**
 * The POP3 client: `Pop3`, one session with one mailbox.
 *
 * What POP3 demands is decided by the engine; this file gives its results the
 * shapes that JavaScript users expect. Long because every option and command
 * has its documentation here.
 */

/// <reference lib="esnext.disposable" />

import { Connection } from './connection.js';
import { type CommandOptions, Dialogue, type ResultOf, uidsOf } from './dialogue.js';
import {
  LIMITS,
  type Auth,
  type ClientEngine,
  type Limits,
  type Tls,
  platform,
} from './engine-pop3.js';
import { argument, calling, checkedLimits, shown } from './error.js';
import { type Capabilities, type Language, type State, capabilitiesOf } from './event.js';
import { type NewMessage, fetchNew } from './fetch-new.js';
import { type RemoteMessage, type Summary, type SummaryOptions, fetchAll, summarize } from './remote.js';
import { type MailboxState, type SyncRules, checkedRules } from './sync.js';
import { type GivenTransport, type Transport, asTransport } from './transport.js';

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

/** What `Pop3.connect` takes, wherever it runs. */
export interface SessionOptions {
  /** The name to log in with. */
  user: string;
  /** The password; a string is sent as UTF-8. */
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
  /**
   * Asks for texts and header fields in UTF-8 where the server offers them (RFC 6856); a name or a
   * password beyond ASCII asks by itself.
   */
  utf8?: boolean | undefined;
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
  /**
   * Called with each oddity of the server that is forgiven: its name and the octets that showed it.
   * What it throws ends the connection.
   */
  onDeviation?: ((deviation: string, octets: Uint8Array) => void) | undefined;
  /** Bounds on what the server may send. */
  limits?: Limits | undefined;
}

/** A session over the caller's own connection. */
export interface TransportOptions extends SessionOptions {
  /**
   * The caller's own connection, or a function that opens one. With `tls: 'implicit'` it is taken to
   * be protected already; `tls: 'starttls'` needs its `startTls`. A function is called again where a
   * server closes the connection instead of answering CAPA.
   */
  transport: GivenTransport;
  /** Names the server in messages. */
  host?: string | undefined;
  /** Names the server in messages. */
  port?: number | undefined;
}

/** A session over a connection that the package opens. */
export interface HostOptions<TlsOptions extends object = object, Socket = unknown> extends SessionOptions {
  /** The server's name or address. */
  host: string;
  /** The port; by default 995 for implicit TLS, else 110. */
  port?: number | undefined;
  /** For TLS; by default certificates are checked against the system's authorities. */
  tlsOptions?: TlsOptions | undefined;
  /**
   * A connection to it that is open already, such as a proxy gives, or a function that opens one and
   * is called again where a server closes the connection instead of answering CAPA. TLS begins over
   * it.
   */
  socket?: Socket | (() => Socket | Promise<Socket>) | undefined;
  transport?: undefined;
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
  readonly #dialogue: Dialogue;

  /** @internal */
  protected constructor(dialogue: Dialogue) {
    this.#connection = dialogue.connection;
    this.#engine = dialogue.engine;
    this.#dialogue = dialogue;
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
          reconnect: [options.transport, checked.socket].every((given) => given === undefined || typeof given === 'function'),
          timeout,
          limits: checked.limits,
        }),
    );
    const name = host === undefined ? 'the server' : `${host} port ${port}`;
    const connection = new Connection(engine, name, checked);
    connection.follow(signal);
    try {
      const token = await unlessAborted(tokenOf(checked.token), signal);
      // Before the connection: what cannot be sent is refused without one.
      const login = calling(() =>
        engine.login(checked.user, checked.password, checked.auth, {
          token,
          authzid: checked.authzid,
          initialResponse: checked.initialResponse,
          utf8: checked.utf8,
          nonce: nonce(),
        }),
      );
      const { transport } = options;
      const open = async (): Promise<Transport> => {
        const opened =
          transport === undefined
            ? await connectTo(here.connect, host, {
                port,
                tls,
                timeout,
                signal,
                tlsOptions: checked.tlsOptions,
                socket: checked.socket,
              })
            : asTransport(typeof transport === 'function' ? await transport() : transport);
        if (tls === 'starttls' && opened.startTls === undefined) {
          throw argument("tls: 'starttls' needs a transport with startTls");
        }
        return opened;
      };
      connection.open(await open(), open);
      await connection.result(login);
      const mailbox = host === undefined ? checked.user : `${checked.user}@${host}:${port}`;
      return new this(new Dialogue(connection, mailbox));
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
    const capabilities = this.#engine.capabilities() ?? undefined;
    return capabilities && capabilitiesOf(capabilities);
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
      await this.#dialogue.quit();
    } finally {
      release();
      this.close();
    }
    for (const note of this.#dialogue.afterQuit) {
      await note();
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
    const { count, octets } = await this.#dialogue.run('statReceived', options, () => this.#engine.stat());
    return { count, octets };
  }

  /** LIST: the sizes of all messages. */
  list(number?: undefined, options?: CommandOptions): Promise<ListEntry[]>;
  /** LIST: the size of one message. */
  list(number: number, options?: CommandOptions): Promise<ListEntry>;
  async list(number?: number, options?: CommandOptions): Promise<ListEntry[] | ListEntry> {
    const wanted = number === undefined ? undefined : checkedNumber(number);
    const listed = await this.#dialogue.run('listReceived', options, () => this.#engine.list(wanted));
    const entries = sizesOf(listed);
    return wanted === undefined ? entries : (entries[0] as ListEntry);
  }

  /** UIDL: the unique ids of all messages. */
  uidl(number?: undefined, options?: CommandOptions): Promise<UidlEntry[]>;
  /** UIDL: the unique id of one message. */
  uidl(number: number, options?: CommandOptions): Promise<UidlEntry>;
  async uidl(number?: number, options?: CommandOptions): Promise<UidlEntry[] | UidlEntry> {
    const wanted = number === undefined ? undefined : checkedNumber(number);
    const listed = await this.#dialogue.run('uidlReceived', options, () => this.#engine.uidl(wanted));
    const uids = uidsOf(listed);
    const entries = Array.from(listed.numbers, (number, at) => ({ number, uid: uids[at] as string }));
    return wanted === undefined ? entries : (entries[0] as UidlEntry);
  }

  /**
   * RETR: fetches a message, byte for byte.
   *
   * @throws `Pop3Error` with the code `POP3_ERR_COMMAND` if the server has no such message.
   */
  async retr(number: number, options?: CommandOptions): Promise<Uint8Array> {
    const wanted = checkedNumber(number);
    const { content } = await this.#dialogue.run('contentFinished', options, () => this.#engine.retr(wanted, false));
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
    const { content } = await this.#dialogue.run('contentFinished', options, () => this.#engine.top(wanted, lines, false));
    return content;
  }

  /** DELE: marks a message; it goes when the session ends with `quit`. */
  async dele(number: number, options?: CommandOptions): Promise<void> {
    const wanted = checkedNumber(number);
    await this.#dialogue.run('commandFinished', options, () => this.#engine.dele(wanted));
  }

  /** RSET: takes all marks back. */
  async rset(options?: CommandOptions): Promise<void> {
    await this.#dialogue.run('commandFinished', options, () => this.#engine.rset());
  }

  /** NOOP: asks for an answer and nothing else. */
  async noop(options?: CommandOptions): Promise<void> {
    await this.#dialogue.run('commandFinished', options, () => this.#engine.noop());
  }

  /** CAPA: asks the server what it can do, by tag in upper case (RFC 2449 section 5). */
  async capa(options?: CommandOptions): Promise<Capabilities> {
    const { capabilities } = await this.#dialogue.run('capabilitiesReceived', options, () => this.#engine.capa());
    return capabilitiesOf(capabilities);
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
      const { languages } = await this.#dialogue.run('languagesReceived', options, () => this.#engine.lang());
      return languages;
    }
    if (typeof language !== 'string') {
      throw argument(`language must be a string, got ${typeof language}`);
    }
    const { line } = await this.#dialogue.run('commandFinished', options, () => this.#engine.lang(language));
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
  fetch(numbers?: Iterable<number>, options?: CommandOptions): AsyncGenerator<RemoteMessage, void, undefined> {
    return fetchAll(this.#dialogue, checkedNumbers(numbers), options);
  }

  /**
   * Fetches headers in order, pipelined (TOP), so that a program can choose before it fetches.
   *
   * @param numbers Which ones; all if it is left out.
   * @throws `Pop3Error` with the code `POP3_ERR_COMMAND` if the server has no such message, or no TOP
   * and `retr` is not given.
   */
  summaries(numbers?: Iterable<number>, options?: SummaryOptions): AsyncGenerator<Summary, void, undefined> {
    return summarize(this.#dialogue, checkedNumbers(numbers), options);
  }

  /**
   * Fetches what was not delivered before, pipelined, and deletes by the rules after the last message.
   *
   * A message counts as delivered when the loop asks for the next one, or when its `done` is called;
   * it is noted in the state at once. Left by `break` or by an exception, the loop deletes nothing,
   * and the message that it was at comes again. What is found about the server stands in
   * `state.warnings`.
   *
   * @param state What is known of this mailbox.
   * @param rules What to fetch and to delete; by default all that is new, and nothing.
   * @throws `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` if it is the state of another mailbox;
   * what the state's store throws.
   */
  fetchNew(
    state: MailboxState,
    rules: SyncRules = {},
    options?: CommandOptions,
  ): AsyncGenerator<NewMessage, void, undefined> {
    return fetchNew(this.#dialogue, state, checkedRules(rules), options);
  }
}

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
  const { pipelining = true, strict = false, tlsOptions, socket } = options as HostOptions & TransportOptions;
  const { token, authzid = '', initialResponse = false, utf8 = false, trace, onDeviation } = options;
  if (socket !== undefined && options.transport !== undefined) {
    throw argument('give one of the two, socket or transport');
  }
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
  for (const [name, listener] of Object.entries({ trace, onDeviation })) {
    if (listener !== undefined && typeof listener !== 'function') {
      throw argument(`${name} must be a function, got ${typeof listener}`);
    }
  }
  if (typeof timeout !== 'number' || !(timeout > 0)) {
    throw argument(`timeout must be a number of milliseconds above 0, or Infinity, got ${shown(timeout)}`);
  }
  for (const [name, value] of Object.entries({ allowCleartext, pipelining, strict, initialResponse, utf8 })) {
    if (typeof value !== 'boolean') {
      throw argument(`${name} must be true or false, got ${shown(value)}`);
    }
  }
  return {
    host,
    port,
    user,
    password: secretOf('password', password),
    token: typeof token === 'function' ? token : secretOf('token', token),
    authzid,
    initialResponse,
    utf8,
    trace,
    onDeviation,
    tls: String(tls) as Tls,
    auth: String(auth),
    timeout,
    signal,
    tlsOptions,
    socket: socket as unknown,
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

async function connectTo(
  connect: ReturnType<typeof platform>['connect'],
  host: string | undefined,
  target: Omit<Parameters<NonNullable<typeof connect>>[0], 'host'>,
): Promise<Transport> {
  if (connect === undefined) {
    throw argument('a transport is needed here: { readable, writable, startTls? }');
  }
  return connect({ host: host as string, ...target });
}

/** Message numbers as they are given; `undefined` for all. */
function checkedNumbers(numbers: Iterable<number> | undefined): number[] | undefined {
  return numbers === undefined ? undefined : Array.from(numbers, checkedNumber);
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
  'utf8',
  'allowCleartext',
  'timeout',
  'signal',
  'transport',
  'socket',
  'tlsOptions',
  'pipelining',
  'strict',
  'trace',
  'onDeviation',
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
