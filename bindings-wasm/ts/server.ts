/**
 * A POP3 server over connections that the host brings: for mail in memory, or anywhere.
 *
 * The protocol is the core's: states, deletion marks, dot-stuffing, limits. This file moves octets,
 * asks maildrops, and sees that one session at a time has each of them.
 */

import {
  SERVER_LIMITS,
  type MaildropEntry,
  type MemoryStore,
  type ServerEngine,
  type ServerLimits,
  type Tls,
  serverPlatform,
} from './engine-pop3.js';
import { Pop3Error, argument, calling, checkedLimits, reasonOf, shown } from './error.js';
import type { ServerEvent } from './event.js';
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
  /** Looks again at what there is, at the start of a session. */
  refresh?(): void | Promise<void>;
  /** The messages; the first has number 1. */
  entries(): Iterable<MaildropEntry> | Promise<Iterable<MaildropEntry>>;
  /** A message as it is stored; an error whose `code` is `'ENOENT'` says that it is gone. */
  open(number: number): Content | Promise<Content>;
  /** Removes messages for good; this ends the session. */
  commit(deleted: number[]): void | Promise<void>;
}

/** A user of a server. */
export interface Account {
  /** The password; APOP digests are made from it too. */
  password: string;
  /** The messages. Several accounts may share one. */
  maildrop: Maildrop;
}

/** Tells what a server does; texts hold no secret. */
export type Log = (level: 'info' | 'warning' | 'error', text: string, error?: unknown) => void;

/** How a server behaves, wherever it runs. */
export interface ServerOptions {
  /** By user name; looked up at each login. */
  accounts: Readonly<Record<string, Account>> | ReadonlyMap<string, Account>;
  /** Takes passwords from clients without TLS. */
  allowCleartext?: boolean | undefined;
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

/**
 * A POP3 server without a listener: give each connection to `accept`.
 *
 * Messages that clients delete are removed from their maildrops at QUIT.
 */
export class Server {
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #timeout: number;
  readonly #inUse = new Map<Maildrop, Promise<void>>();
  readonly #sessions = new Map<Session, Promise<string>>();
  #count = 0;
  #closed = false;

  constructor(options: ServerOptions) {
    if (typeof options?.accounts !== 'object' || options.accounts === null) {
      throw argument('accounts must be an object or a Map of { password, maildrop } by user name');
    }
    const { timeout = 600_000 } = options;
    if (typeof timeout !== 'number' || !(timeout > 0)) {
      throw argument(`timeout must be a number of milliseconds above 0, or Infinity, got ${shown(timeout)}`);
    }
    this.#options = options;
    this.#timeout = timeout;
    this.#limits = { autologout: timeout, ...checkedLimits(options.limits ?? {}, SERVER_LIMITS) };
  }

  /**
   * Serves a client until its connection is over.
   *
   * @param tls How the connection is protected: `'implicit'` if it is already, `'starttls'` if its
   * `startTls` can do so.
   * @returns Why it ended: `'quit'`, `'connection_lost'`, `'timeout'` and others; never rejects.
   */
  async accept(transport: Transport | TransportStreams, tls: Tls = 'none', peer = 'a client'): Promise<string> {
    const { ServerEngine } = serverPlatform();
    const connection = asTransport(transport);
    if (this.#closed) {
      connection.close();
      return 'server stopped';
    }
    const number = (this.#count += 1);
    const engine = calling(
      () =>
        new ServerEngine({
          tls,
          allowCleartext: this.#options.allowCleartext ?? false,
          greeting: 'popmail ready',
          apopStamp: `<${randomHex()}@popmail>`,
          implementation: 'popmail',
          limits: this.#limits,
        }),
    );
    const session = new Session(engine, connection, {
      account: (user) => this.#account(user),
      claim: (maildrop) => this.#claim(maildrop),
      log: (level, text, error) => this.#options.log?.(level, `${number}: ${text}`, error),
      timeout: this.#timeout,
    });
    this.#options.log?.('info', `${number}: connection from ${peer}`);
    const served = session.run();
    this.#sessions.set(session, served);
    try {
      return await served;
    } finally {
      this.#sessions.delete(session);
    }
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

  #account(user: string): Account | undefined {
    const { accounts } = this.#options;
    if (accounts instanceof Map) {
      return accounts.get(user);
    }
    return Object.hasOwn(accounts, user) ? (accounts as Record<string, Account>)[user] : undefined;
  }

  /** Takes a maildrop for one session; waits a moment for one that is ending. */
  async #claim(maildrop: Maildrop): Promise<(() => void) | undefined> {
    const deadline = performance.now() + CLAIM_MS;
    let holder: Promise<void> | undefined;
    while ((holder = this.#inUse.get(maildrop)) !== undefined) {
      if (!(await within(holder, deadline - performance.now()))) {
        return undefined;
      }
    }
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#inUse.set(maildrop, released);
    return () => {
      this.#inUse.delete(maildrop);
      release();
    };
  }
}

/** What a session needs of its server. */
interface House {
  account(user: string): Account | undefined;
  claim(maildrop: Maildrop): Promise<(() => void) | undefined>;
  log: Log;
  timeout: number;
}

/** One client: what the engine asks is done here, one request at a time. */
class Session {
  readonly #engine: ServerEngine;
  readonly #transport: Transport;
  readonly #house: House;
  #maildrop: Maildrop | undefined;
  #release: (() => void) | undefined;
  #reading = false;
  #lost = false;
  #stopping = false;
  /** What comes through TLS before `startTls` has settled. */
  #early: (Uint8Array | undefined)[] | undefined;
  #woken = false;
  #wake = (): void => {};

  constructor(engine: ServerEngine, transport: Transport, house: House) {
    this.#engine = engine;
    this.#transport = transport;
    this.#house = house;
  }

  async run(): Promise<string> {
    let reason = 'connection_lost';
    try {
      reason = await this.#serve();
    } catch (error) {
      if (!(error instanceof ConnectionGone)) {
        this.#house.log('error', 'closed by an error of the server', error);
      }
    } finally {
      this.#leaveMaildrop();
      this.abort();
    }
    this.#house.log('info', `closed (${reason})`);
    return reason;
  }

  /** Ends the session as soon as it waits for its client. */
  stop(): void {
    this.#stopping = true;
    this.#awaken();
  }

  /** Ends the connection now. */
  abort(): void {
    this.#lost = true;
    this.#transport.close();
    this.#awaken();
  }

  // The loop: output, events, then input or time.

  async #serve(): Promise<string> {
    for (;;) {
      this.#engine.handleTimeout(performance.now());
      const wrote = await this.#flush();
      const event = this.#engine.nextEvent() ?? undefined;
      if (event?.type === 'connectionClosed') {
        await this.#flush();
        this.#leaveMaildrop();
        if (!this.#lost) {
          await this.#transport.finish?.(LINGER_MS);
        }
        return event.reason;
      }
      if (event !== undefined) {
        await this.#handle(event);
      } else if (!wrote) {
        if (this.#stopping) {
          return 'server stopped';
        }
        await this.#wait();
      }
    }
  }

  async #wait(): Promise<void> {
    if (!this.#reading && this.#engine.wantsInput()) {
      this.#read();
    }
    if (!this.#woken) {
      const milliseconds = this.#engine.timeout() ?? undefined;
      await new Promise<void>((resolve) => {
        const timer =
          milliseconds === undefined ? undefined : setTimeout(resolve, Math.min(milliseconds + 1, 2 ** 31 - 1));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#woken = false;
    this.#wake = () => {};
  }

  #awaken(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Begins to read; what comes goes to the engine. */
  #read(): void {
    this.#reading = true;
    const settled = (octets: Uint8Array | undefined): void => {
      this.#reading = false;
      if (this.#early !== undefined) {
        this.#early.push(octets);
        return;
      }
      this.#receive(octets);
    };
    Promise.resolve()
      .then(() => this.#transport.read())
      .then(settled, () => {
        this.#lost = true;
        settled(undefined);
      });
  }

  #receive(octets: Uint8Array | undefined): void {
    if (octets === undefined) {
      this.#engine.receiveEof();
    } else {
      this.#engine.receive(octets);
    }
    this.#awaken();
  }

  async #handle(event: ServerEvent): Promise<void> {
    switch (event.type) {
      case 'authenticate':
        return this.#authenticate(event.user);
      case 'openMaildrop':
        return this.#openMaildrop(event.user);
      case 'retrieve':
        return this.#retrieve(event.number);
      case 'commit':
        return this.#commit(event.deleted);
      case 'tlsReady':
        return this.#startTls();
      case 'loginFailed':
        this.#house.log('warning', `failed login for ${JSON.stringify(event.user)}`);
        return;
      default:
        throw new Error(`unknown event ${event.type}`);
    }
  }

  #authenticate(user: string): void {
    const account = this.#house.account(user);
    // A name that does not exist costs the same work as one that does.
    const secret = account === undefined ? randomHex() : account.password;
    if (this.#engine.verify(new TextEncoder().encode(secret)) && account !== undefined) {
      this.#engine.acceptLogin();
    } else {
      this.#engine.refuseLogin('bad_credentials');
    }
  }

  async #openMaildrop(user: string): Promise<void> {
    const maildrop = this.#house.account(user)?.maildrop;
    if (maildrop === undefined) {
      return this.#engine.refuseLogin('sys_temp');
    }
    this.#release = await this.#house.claim(maildrop);
    if (this.#release === undefined) {
      return this.#engine.refuseLogin('in_use');
    }
    this.#maildrop = maildrop;
    let entries: MaildropEntry[];
    try {
      await maildrop.refresh?.();
      entries = [...(await maildrop.entries())];
    } catch (error) {
      this.#house.log('error', `maildrop of ${JSON.stringify(user)} cannot be opened`, error);
      this.#leaveMaildrop();
      return this.#engine.refuseLogin('sys_temp');
    }
    try {
      this.#engine.maildropOpened(entries);
    } catch (error) {
      this.#house.log('error', `maildrop of ${JSON.stringify(user)} is refused: ${reasonOf(error)}`, error);
      this.#leaveMaildrop();
      return this.#engine.refuseLogin('sys_perm');
    }
    this.#house.log('info', `${JSON.stringify(user)} logged in`);
  }

  async #retrieve(number: number): Promise<void> {
    let begun = false;
    try {
      const content = await this.#opened.open(number);
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        for (let at = 0; at < chunk.length && !this.#engine.contentIsComplete(); at += CHUNK_OCTETS) {
          while (!this.#engine.wantsContent() && !this.#engine.contentIsComplete()) {
            await this.#flush();
          }
          begun = true;
          this.#engine.sendContent(chunk.subarray(at, at + CHUNK_OCTETS));
        }
        if (this.#engine.contentIsComplete()) {
          break;
        }
      }
      this.#engine.finishContent();
    } catch (error) {
      if (error instanceof ConnectionGone) {
        throw error;
      }
      if (!begun && (error as { code?: unknown }).code === 'ENOENT') {
        return this.#engine.refuseContent('gone');
      }
      this.#house.log('error', `message ${number} cannot be read`, error);
      this.#engine.failContent();
    }
  }

  async #commit(deleted: number[]): Promise<void> {
    try {
      await this.#opened.commit(deleted);
    } catch (error) {
      this.#house.log('error', 'messages cannot be removed', error);
      this.#leaveMaildrop();
      return this.#engine.commitFailed('sys_temp');
    }
    this.#house.log('info', `${deleted.length} messages removed`);
    // Before the answer, so that a client that logs in anew finds it free.
    this.#leaveMaildrop();
    this.#engine.committed();
  }

  async #startTls(): Promise<void> {
    await this.#flush();
    const unread = this.#transport.takeUnread?.();
    if (unread !== undefined && unread.length > 0) {
      // The engine knows what these are.
      return this.#engine.receive(unread);
    }
    this.#early = [];
    try {
      if (!(await within(this.#transport.startTls?.(), HANDSHAKE_MS))) {
        throw new Error('the TLS handshake took too long');
      }
    } catch (error) {
      this.#house.log('info', `no TLS: ${reasonOf(error)}`);
      throw new ConnectionGone();
    }
    this.#engine.tlsEstablished();
    const early = this.#early;
    this.#early = undefined;
    for (const octets of early) {
      this.#receive(octets);
    }
  }

  get #opened(): Maildrop {
    if (this.#maildrop === undefined) {
      throw new Pop3Error('POP3_ERR_INTERNAL', 'a message is asked for without a maildrop');
    }
    return this.#maildrop;
  }

  #leaveMaildrop(): void {
    this.#maildrop = undefined;
    this.#release?.();
    this.#release = undefined;
  }

  /** Writes what there is, and waits while the client does not read. */
  async #flush(): Promise<boolean> {
    let wrote = false;
    let output: Uint8Array | undefined;
    while ((output = this.#engine.takeOutput() ?? undefined) !== undefined) {
      wrote = true;
      if (!this.#lost) {
        try {
          const written = this.#transport.write(output);
          if (written !== undefined && !(await within(written, this.#house.timeout))) {
            this.abort();
          }
        } catch {
          this.#lost = true;
        }
      }
      // A client may leave right after QUIT, but not while it is sent a message.
      if (this.#lost && this.#engine.wantsContent()) {
        throw new ConnectionGone();
      }
    }
    return wrote;
  }
}

/** Nobody is there to answer. */
class ConnectionGone extends Error {}

/** Waits for something, but not longer; false if it took longer. */
async function within(work: Promise<unknown> | undefined, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.min(Math.max(milliseconds, 0), 2 ** 31 - 1), false);
  });
  const done = Promise.resolve(work).then(() => true);
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
    // It may fail later, when nobody looks any more.
    done.catch(() => {});
  }
}

function randomHex(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (octet) => octet.toString(16).padStart(2, '0')).join('');
}

const CHUNK_OCTETS = 256 * 1024;
/** For a session that is ending while its client logs in anew. */
const CLAIM_MS = 1_000;
const HANDSHAKE_MS = 30_000;
const LINGER_MS = 2_000;
const STOP_MS = 5_000;
