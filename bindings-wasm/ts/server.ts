/**
 * A POP3 server over connections that the host brings: for mail in memory, or anywhere.
 *
 * The protocol is the core's: states, deletion marks, dot-stuffing, limits. `server-session.ts` serves
 * one client, `server-house.ts` holds what all of them share.
 */

import {
  SERVER_LIMITS,
  type Faults,
  type MaildropEntry,
  type MemoryStore,
  type ServerAuth,
  type ServerEngine,
  type ServerLimits,
  type Tls,
  serverPlatform,
} from './engine-pop3.js';
import { argument, calling, checkedLimits, shown } from './error.js';
import { House, randomHex, within } from './server-house.js';
import { Session } from './server-session.js';
import { type Transport, type TransportStreams, asTransport } from './transport.js';

/** The content of a message: whole, or in pieces such as a stream gives. */
export type Content = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Where a server takes messages from.
 *
 * `MemoryMaildrop` is one; any object with these methods is one. They are called one at a time.
 * What they throw is logged, and the client is told that it may try again later.
 */
export interface Maildrop {
  /** Looks again at what there is, at the start of a session; an error with the code `'EBUSY'` says that another has it. */
  refresh?(): void | Promise<void>;
  /** The messages; the first has number 1. */
  entries(): Iterable<MaildropEntry> | Promise<Iterable<MaildropEntry>>;
  /** A message as it is stored; an error whose `code` is `'ENOENT'` says that it is gone. */
  open(number: number): Content | Promise<Content>;
  /** Removes messages for good: all of them, or it throws. */
  commit(deleted: number[]): void | Promise<void>;
  /** The session is over. */
  release?(): void | Promise<void>;
}

/** A user of a server. */
export interface Account {
  /** The password; APOP and SCRAM are checked with it too. Absent for a user that has a token only. */
  password?: string | undefined;
  /** The messages. Several accounts may share one. */
  maildrop: Maildrop;
}

/** What a client wants to log in with, for a server that asks its host. */
export interface Login {
  readonly user: string;
  /** The password, if the client sent one. */
  readonly password: string | undefined;
  /** The OAuth token, if the client sent one. */
  readonly token: string | undefined;
  /** Where the client is. */
  readonly address: string;
  /** True if TLS protects the connection. */
  readonly secure: boolean;
  /** True if the client knows this password, whatever it sent to prove so; in constant time. Never for a token. */
  verify(password: string): boolean;
}

/** Gives the maildrop of a client, or nothing for one that is not let in. */
export type Authenticator = (
  login: Login,
) => Maildrop | null | undefined | Promise<Maildrop | null | undefined>;

/** What happened, for programs: `event`, `session`, `address`, `user` and what belongs to the event. */
export interface LogFields {
  event: string;
  session: number;
  address: string;
  user?: string | undefined;
  [name: string]: unknown;
}

/** Tells what a server does, in words and in fields; neither holds a secret. */
export type Log = (
  level: 'info' | 'warning' | 'error',
  text: string,
  error?: unknown,
  fields?: LogFields,
) => void;

/** What happened so far; `sessions` is how many there are now. */
export interface Metrics {
  sessions: number;
  connections: number;
  connectionsRefused: number;
  logins: number;
  loginsFailed: number;
  commandsRefused: number;
  messagesSent: number;
  messagesDeleted: number;
  octetsReceived: number;
  octetsSent: number;
  maildropErrors: number;
  tlsFailed: number;
}

/** How a server behaves, wherever it runs. */
export interface ServerOptions {
  /** By user name, looked up at each login; or a function that gets each login. */
  accounts: Readonly<Record<string, Account>> | ReadonlyMap<string, Account> | Authenticator;
  /** Takes passwords from clients without TLS. */
  allowCleartext?: boolean | undefined;
  /**
   * SASL mechanisms, and APOP, in the order in which clients are told. Without them accounts offer
   * SCRAM, APOP, PLAIN and LOGIN, and the two for tokens with `checkToken`; a function PLAIN and LOGIN.
   */
  mechanisms?: readonly ServerAuth[] | undefined;
  /** For accounts: says whether a user's OAuth token is right. */
  checkToken?: ((user: string, token: string) => boolean | Promise<boolean>) | undefined;
  /** Seconds that a user has to wait between two logins. */
  loginDelay?: number | undefined;
  /** Days that messages stay, as clients are told; `Infinity`, the default, is until they are deleted. */
  expire?: number | undefined;
  /** Addresses that may name the client they speak for, with XCLIENT. */
  trustedProxies?: Iterable<string> | undefined;
  /** How many clients there may be at once: 10,000. */
  maxConnections?: number | undefined;
  /** How many of them from one address: 1,000. */
  maxConnectionsPerAddress?: number | undefined;
  /** The bounds of each connection. */
  limits?: ServerLimits | undefined;
  /**
   * Milliseconds that a client may be silent after its login, and that one may take to read:
   * 600,000, the least that RFC 1939 section 3 allows. A limit of its own, `autologout`, goes first.
   */
  timeout?: number | undefined;
  /** Called with what happens; nothing is printed without it. */
  log?: Log | undefined;
}

/** Messages in memory. */
export class MemoryMaildrop implements Maildrop {
  readonly #store: MemoryStore;

  constructor(messages: Iterable<string | Uint8Array> = []) {
    this.#store = new (serverPlatform().MemoryStore)();
    for (const message of messages) {
      this.append(message);
    }
    this.#store.refresh();
  }

  /** Adds a message, which the next session sees; a string is taken as UTF-8. */
  append(message: string | Uint8Array): void {
    this.#store.append(typeof message === 'string' ? new TextEncoder().encode(message) : message);
  }

  /** How many messages there are. */
  get count(): number {
    return this.#store.count;
  }

  refresh(): void {
    this.#store.refresh();
  }

  entries(): MaildropEntry[] {
    return this.#store.entries();
  }

  open(number: number): Uint8Array {
    const message = this.#store.read(number) ?? undefined;
    if (message === undefined) {
      throw Object.assign(new Error(`message ${number} is gone`), { code: 'ENOENT' });
    }
    return message;
  }

  commit(deleted: number[]): void {
    this.#store.commit(deleted);
  }
}

/** What a test asks of a server. */
export interface Testing {
  /** What shall go wrong. */
  faults?: Faults | undefined;
  /** Is told each line of a client, without secrets. */
  onLine?: ((line: string) => void) | undefined;
}

/**
 * A POP3 server without a listener: give each connection to `accept`.
 *
 * Messages that clients delete are removed from their maildrops at QUIT.
 */
export class Server {
  readonly #house: House;
  readonly #trusted: ReadonlySet<string>;
  readonly #sessions = new Map<Session, Promise<string>>();
  #closed = false;

  constructor(options: ServerOptions, testing: Testing = {}) {
    const { accounts, timeout = 600_000, mechanisms } = options ?? {};
    if (typeof accounts !== 'function' && (typeof accounts !== 'object' || accounts === null)) {
      throw argument('accounts must be an object or a Map of { password, maildrop } by user name, or a function');
    }
    if (typeof timeout !== 'number' || !(timeout > 0)) {
      throw argument(`timeout must be a number of milliseconds above 0, or Infinity, got ${shown(timeout)}`);
    }
    if (typeof accounts === 'function' && mechanisms?.includes('scram-sha-256')) {
      throw argument('scram-sha-256 needs the passwords: give accounts by name, not a function');
    }
    this.#trusted = new Set(options.trustedProxies);
    this.#house = new House({
      options,
      timeout,
      limits: { autologout: timeout, ...checkedLimits(options.limits ?? {}, SERVER_LIMITS) },
      faults: testing.faults,
      onLine: testing.onLine,
    });
  }

  /** Counters since the server was made. */
  metrics(): Metrics {
    return { ...this.#house.metrics };
  }

  /**
   * Serves a client until its connection is over.
   *
   * @param tls How the connection is protected: `'implicit'` if it is already, `'starttls'` if its
   * `startTls` can do so.
   * @param peer Where the client is, for the log.
   * @param address The same without what changes from connection to connection: what limits and
   * delays go by.
   * @returns Why it ended: `'quit'`, `'connection_lost'`, `'timeout'` and others; never rejects.
   */
  async accept(
    transport: Transport | TransportStreams,
    tls: Tls = 'none',
    peer = 'a client',
    address = peer,
  ): Promise<string> {
    const connection = asTransport(transport);
    if (this.#closed) {
      connection.close();
      return 'server stopped';
    }
    const engine = this.#engine(tls, address);
    const session = new Session(engine, connection, this.#house, address);
    const leave = this.#house.admit(address);
    if (leave === undefined) {
      session.note('warning', `too many connections, refused ${peer}`, 'refused');
      await refuse(connection);
      return 'too many connections';
    }
    session.note('info', `connection from ${peer}`, 'connected');
    const served = session.run();
    this.#sessions.set(session, served);
    try {
      return await served;
    } finally {
      leave();
      this.#sessions.delete(session);
    }
  }

  #engine(tls: Tls, address: string): ServerEngine {
    const { ServerEngine } = serverPlatform();
    const { options, mechanisms, saltKey, limits, faults, onLine } = this.#house;
    const { loginDelay = 0 } = options;
    return calling(
      () =>
        new ServerEngine({
          tls,
          allowCleartext: options.allowCleartext ?? false,
          greeting: 'popmail ready',
          ...(mechanisms.includes('apop') ? { apopStamp: `<${randomHex()}@popmail>` } : {}),
          implementation: 'popmail',
          mechanisms: mechanisms.filter((name) => name !== 'apop'),
          seed: crypto.getRandomValues(new Uint8Array(32)),
          saltKey,
          utf8: true,
          lang: true,
          expire: options.expire ?? Infinity,
          ...(loginDelay > 0 ? { loginDelay } : {}),
          xclient: this.#trusted.has(address),
          trace: onLine !== undefined,
          ...(faults === undefined ? {} : { faults }),
          limits,
        }),
    );
  }

  /** Ends sessions that wait for their clients at once; others get a moment to end their work. */
  async close(): Promise<void> {
    this.#closed = true;
    const served = [...this.#sessions.values()];
    for (const session of this.#sessions.keys()) {
      session.stop();
    }
    await within(Promise.all(served), STOP_MS);
    for (const session of this.#sessions.keys()) {
      session.abort();
    }
    await Promise.all(served);
  }
}

/** Says why, and closes. */
async function refuse(connection: Transport): Promise<void> {
  try {
    await connection.write(new TextEncoder().encode('-ERR [SYS/TEMP] too many connections, try again later\r\n'));
    await connection.finish?.(0);
  } catch {
    // Nobody is there to hear it.
  } finally {
    connection.close();
  }
}

const STOP_MS = 5_000;
