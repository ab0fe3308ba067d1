/**
 * One client of a server: octets in and out, and what the engine asks.
 *
 * What the protocol demands is decided in the core. This file waits, writes, begins TLS and calls maildrops.
 */

import type { MaildropEntry, ServerEngine } from './engine-pop3.js';
import { Pop3Error, reasonOf } from './error.js';
import type { ServerEvent } from './event.js';
import { type House, within } from './server-house.js';
import type { Log, Maildrop } from './server.js';
import type { Transport } from './transport.js';

/** One client: what the engine asks is done here, one request at a time. */
export class Session {
  readonly #engine: ServerEngine;
  readonly #transport: Transport;
  readonly #house: House;
  readonly #number: number;
  #address: string;
  #granted: Maildrop | undefined;
  #maildrop: Maildrop | undefined;
  #release: (() => void) | undefined;
  #reading = false;
  #lost = false;
  #stopping = false;
  /** What comes through TLS before `startTls` has settled. */
  #early: (Uint8Array | undefined)[] | undefined;
  #woken = false;
  #wake = (): void => {};

  constructor(engine: ServerEngine, transport: Transport, house: House, address: string) {
    this.#engine = engine;
    this.#transport = transport;
    this.#house = house;
    this.#address = address;
    this.#number = house.nextNumber();
  }

  /** Tells a line for people, and the same as fields; never a secret. */
  note(level: Parameters<Log>[0], text: string, event: string, fields: object = {}, error?: unknown): void {
    const user = this.#engine.user() ?? undefined;
    this.#house.log(level, text, { event, session: this.#number, address: this.#address, user, ...fields }, error);
  }

  async run(): Promise<string> {
    let reason = 'connection_lost';
    try {
      reason = await this.#serve();
    } catch (error) {
      if (!(error instanceof ConnectionGone)) {
        reason = 'server_error';
        this.note('error', 'closed by an error of the server', 'error', {}, error);
      }
    } finally {
      await this.#leaveMaildrop();
      this.abort();
    }
    this.note('info', `closed (${reason})`, 'closed', { reason });
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
        await this.#flushAll();
        await this.#leaveMaildrop();
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
      this.#house.metrics.octetsReceived += octets.length;
      this.#engine.receive(octets);
    }
    this.#awaken();
  }

  async #handle(event: ServerEvent): Promise<void> {
    switch (event.type) {
      case 'authenticate':
        return this.#authenticate(event.user);
      case 'keysWanted':
        return this.#engine.provideKeys(await this.#house.keys(event.user, event.salt, event.iterations));
      case 'openMaildrop':
        return this.#openMaildrop(event.user);
      case 'retrieve':
        return this.#retrieve(event.number);
      case 'commit':
        return this.#commit(event.deleted);
      case 'tlsReady':
        return this.#startTls();
      case 'loginFailed': {
        const fromAddress = this.#house.failed(this.#address);
        const { user, count, delay } = event;
        const text = `failed login for ${JSON.stringify(user)} from ${this.#address}, number ${fromAddress} from there`;
        return this.note('warning', text, 'login_failed', { user, count, fromAddress, delay });
      }
      case 'commandRefused':
        this.#house.metrics.commandsRefused += 1;
        return;
      case 'clientForwarded':
        this.note('info', `speaks for ${event.address}`, 'forwarded', { client: event.address });
        this.#address = event.address;
        return;
      case 'lineReceived':
        this.#house.onLine?.(event.line);
        return;
      default:
        throw new Error(`unknown event ${event.type}`);
    }
  }

  async #authenticate(user: string): Promise<void> {
    this.#engine.penalize(this.#house.penalty(this.#address));
    try {
      this.#granted = await this.#house.letIn(this.#engine, user, this.#address);
    } catch (error) {
      this.note('error', `login of ${JSON.stringify(user)} cannot be checked`, 'login_error', {}, error);
      return this.#engine.refuseLogin('sys_temp');
    }
    if (this.#granted === undefined) {
      this.#engine.refuseLogin('bad_credentials');
    } else {
      this.#engine.acceptLogin();
    }
  }

  async #openMaildrop(user: string): Promise<void> {
    const maildrop = this.#granted ?? this.#house.maildropOf(user);
    this.#granted = undefined;
    if (maildrop === undefined) {
      return this.#engine.refuseLogin('sys_temp');
    }
    if (this.#house.comesTooSoon(user)) {
      return this.#engine.refuseLogin('login_delay');
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
      const busy = (error as { code?: unknown }).code === 'EBUSY';
      if (!busy) {
        this.#maildropError(`maildrop of ${JSON.stringify(user)} cannot be opened`, error);
      }
      await this.#leaveMaildrop();
      return this.#engine.refuseLogin(busy ? 'in_use' : 'sys_temp');
    }
    try {
      this.#engine.maildropOpened(entries);
    } catch (error) {
      this.#maildropError(`maildrop of ${JSON.stringify(user)} is refused: ${reasonOf(error)}`, error);
      await this.#leaveMaildrop();
      return this.#engine.refuseLogin('sys_perm');
    }
    this.#house.metrics.logins += 1;
    this.note('info', `${JSON.stringify(user)} logged in`, 'login');
  }

  #maildropError(text: string, error: unknown): void {
    this.#house.metrics.maildropErrors += 1;
    this.note('error', text, 'maildrop_error', {}, error);
  }

  async #retrieve(number: number): Promise<void> {
    let begun = false;
    try {
      const content = await this.#opened.open(number);
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        for (let at = 0; at < chunk.length && !this.#engine.contentIsComplete(); at += CHUNK_OCTETS) {
          while (!this.#engine.wantsContent() && !this.#engine.contentIsComplete()) {
            if (this.#engine.state === 'failed') {
              return; // a fault that a test asked for, in the middle of the message
            }
            if (!(await this.#flush())) {
              await this.#wait();
              this.#engine.handleTimeout(performance.now());
            }
          }
          begun = true;
          this.#engine.sendContent(chunk.subarray(at, at + CHUNK_OCTETS));
          if (this.#engine.state === 'failed') {
            return;
          }
        }
        if (this.#engine.contentIsComplete()) {
          break;
        }
      }
      this.#engine.finishContent();
      this.#house.metrics.messagesSent += 1;
    } catch (error) {
      if (error instanceof ConnectionGone) {
        throw error;
      }
      if (!begun && (error as { code?: unknown }).code === 'ENOENT') {
        return this.#engine.refuseContent('gone');
      }
      this.#maildropError(`message ${number} cannot be read`, error);
      this.#engine.failContent();
    }
  }

  async #commit(deleted: number[]): Promise<void> {
    try {
      await this.#opened.commit(deleted);
    } catch (error) {
      this.#maildropError('messages cannot be removed', error);
      await this.#leaveMaildrop();
      return this.#engine.commitFailed('sys_temp');
    }
    this.#house.metrics.messagesDeleted += deleted.length;
    this.note('info', `${deleted.length} messages removed`, 'removed', { count: deleted.length });
    // Before the answer, so that a client that logs in anew finds it free.
    await this.#leaveMaildrop();
    this.#engine.committed();
  }

  async #startTls(): Promise<void> {
    await this.#flushAll();
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
      this.#house.metrics.tlsFailed += 1;
      this.note('info', `no TLS: ${reasonOf(error)}`, 'tls_failed');
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

  async #leaveMaildrop(): Promise<void> {
    const maildrop = this.#maildrop;
    this.#maildrop = undefined;
    try {
      await maildrop?.release?.();
    } catch (error) {
      this.#maildropError('maildrop cannot be released', error);
    } finally {
      this.#release?.();
      this.#release = undefined;
    }
  }

  /** Writes what waits for its time too, as a fault may make it. */
  async #flushAll(): Promise<void> {
    await this.#flush();
    while (this.#engine.holdsOutput() && !this.#lost) {
      await new Promise((resolve) => setTimeout(resolve, this.#engine.timeout() ?? 0));
      this.#engine.handleTimeout(performance.now());
      await this.#flush();
    }
  }

  /** Writes what there is, and waits while the client does not read. */
  async #flush(): Promise<boolean> {
    let wrote = false;
    let output: Uint8Array | undefined;
    while ((output = this.#engine.takeOutput() ?? undefined) !== undefined) {
      wrote = true;
      this.#house.metrics.octetsSent += output.length;
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

const CHUNK_OCTETS = 64 * 1024;
const HANDSHAKE_MS = 30_000;
const LINGER_MS = 2_000;
