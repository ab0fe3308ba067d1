/**
 * The host's loop of a client: it moves octets between engine and transport
 * while somebody waits for a result, and gives each result to who waits.
 *
 * What POP3 demands is decided by the engine.
 */

import type { ClientEngine } from './engine-pop3.js';
import { AbortError, Pop3Error, fromEngine, reasonOf } from './error.js';
import type { ClientEvent, Direction } from './event.js';
import type { Transport } from './transport.js';

/** The event that ends a command. */
export type Result = Exclude<Extract<ClientEvent, { handle: number }>, { type: 'tlsReady' | 'reconnectRequested' }>;

/** Who is told what comes along; what they throw ends the connection. */
export interface Listeners {
  /** Is told the lines of the dialogue. */
  trace?: ((direction: Direction, line: string) => void) | undefined;
  /** Is told each oddity of the server that is forgiven. */
  onDeviation?: ((deviation: string, octets: Uint8Array) => void) | undefined;
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(reason: Error): void;
}

/** A message that is read as a stream. */
interface Sink {
  chunks: Uint8Array[];
  finished: boolean;
  failed: Error | undefined;
  waiter: Waiter<Uint8Array | undefined> | undefined;
}

/** One connection, from its transport's opening to its end. */
export class Connection {
  readonly engine: ClientEngine;
  /** The server's first line. */
  greeting: Uint8Array = new Uint8Array();
  /** The server's oddities that were forgiven. */
  readonly deviations: Record<string, Uint8Array> = {};

  readonly #name: string;
  readonly #listeners: Listeners;
  /** Opens a second connection, where that can be done. */
  #reopen: (() => Promise<Transport>) | undefined;
  #transport: Transport | undefined;
  /** Why it is over, once it is. */
  #end: Error | undefined;
  #running = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the transport said when it failed. */
  #cause: unknown;
  readonly #results = new Map<number, Result>();
  readonly #waiters = new Map<number, Waiter<Result>>();
  readonly #unwanted = new Set<number>();
  readonly #sinks = new Map<number, Sink>();
  readonly #signals = new Set<() => void>();

  /** `name` says in messages what this is a connection to. */
  constructor(engine: ClientEngine, name: string, listeners: Listeners = {}) {
    this.engine = engine;
    this.#name = name;
    this.#listeners = listeners;
  }

  /** Gives it the transport, or closes that if it is over already. `reopen` opens another one. */
  open(transport: Transport, reopen?: () => Promise<Transport>): void {
    if (this.#end === undefined) {
      this.#transport = transport;
      this.#reopen = reopen;
      this.#bind(transport);
    } else {
      transport.close();
    }
  }

  #bind(transport: Transport): void {
    this.engine.setChannelBindings(transport.channelBindings?.() ?? []);
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Refuses a command of a connection that is over. */
  checkOpen(): void {
    if (this.#end !== undefined) {
      const reason = this.#end instanceof Pop3Error && this.#end.code === 'POP3_ERR_USAGE_CLOSED';
      throw new Pop3Error(
        'POP3_ERR_USAGE_CLOSED',
        `the connection to ${this.#name} is closed${reason ? '' : `: ${this.#end.message}`}`,
        { cause: reason ? undefined : this.#end },
      );
    }
  }

  /** Drops the connection; whoever waits is told. */
  close(reason?: Error): void {
    this.#finish(
      reason ?? new Pop3Error('POP3_ERR_USAGE_CLOSED', `the connection to ${this.#name} is closed`),
    );
  }

  /** The error of a signal that was aborted. */
  aborted(signal: AbortSignal): AbortError {
    return new AbortError(`aborted, the connection to ${this.#name} is closed`, signal.reason);
  }

  /** Ties the connection's life to a signal until the function that it gives is called. */
  follow(signal: AbortSignal | undefined): () => void {
    if (signal === undefined) {
      return () => {};
    }
    if (signal.aborted) {
      const error = this.aborted(signal);
      this.close(error);
      throw error;
    }
    const abort = (): void => this.close(this.aborted(signal));
    const release = (): void => {
      signal.removeEventListener('abort', abort);
      this.#signals.delete(release);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#signals.add(release);
    return release;
  }

  /** Waits for the end of a command; rejects if it was refused. */
  async result(handle: number): Promise<Result> {
    const result =
      this.taken(handle) ??
      (await new Promise<Result>((resolve, reject) => {
        if (this.#end === undefined) {
          this.#waiters.set(handle, { resolve, reject });
          void this.#run();
        } else {
          reject(this.#end);
        }
      }));
    if (result.type === 'commandFailed') {
      throw fromEngine(result.error);
    }
    return result;
  }

  /** Takes a result that is there. */
  taken(handle: number): Result | undefined {
    const result = this.#results.get(handle);
    this.#results.delete(handle);
    return result;
  }

  /** Nobody will ask for this result. */
  forget(handle: number): void {
    if (this.taken(handle) === undefined && this.#end === undefined) {
      this.#unwanted.add(handle);
    }
  }

  /** The command's content will be asked for with `nextChunk`. */
  stream(handle: number): void {
    this.#sinks.set(handle, { chunks: [], finished: false, failed: this.#end, waiter: undefined });
  }

  /** The next octets of a message, `undefined` at its end. */
  async nextChunk(handle: number): Promise<Uint8Array | undefined> {
    const sink = this.#sinks.get(handle);
    if (sink === undefined) {
      return undefined;
    }
    const chunk = sink.chunks.shift();
    if (chunk !== undefined) {
      if (this.#waiters.size > 0) {
        void this.#run();
      }
      return chunk;
    }
    if (sink.finished || sink.failed !== undefined) {
      this.#sinks.delete(handle);
      if (sink.failed !== undefined) {
        throw sink.failed;
      }
      return undefined;
    }
    return await new Promise((resolve, reject) => {
      sink.waiter = { resolve, reject };
      void this.#run();
    });
  }

  // The loop.

  /** Runs while somebody waits for what only the server can give. */
  async #run(): Promise<void> {
    if (this.#running) {
      return;
    }
    this.#running = true;
    try {
      while (this.#end === undefined) {
        await this.#handleEvents();
        if (!this.#isAwaited()) {
          break;
        }
        await this.#turn();
      }
    } catch (error) {
      this.#finish(error instanceof Error ? error : new Error(String(error)));
    } finally {
      // In the same breath as the last look at who waits.
      this.#running = false;
      this.#disarm();
    }
  }

  #isAwaited(): boolean {
    if (this.#end !== undefined) {
      return false;
    }
    let awaited = this.#waiters.size > 0;
    for (const sink of this.#sinks.values()) {
      if (sink.chunks.length > 0) {
        // Its reader is slow: so is our reading.
        return false;
      }
      awaited ||= sink.waiter !== undefined;
    }
    return awaited;
  }

  /** Writes what is due, waits for octets and hands them to the engine. */
  async #turn(): Promise<void> {
    const { engine } = this;
    const transport = this.#transport as Transport;
    engine.handleTimeout(performance.now());
    this.#arm();
    const output = engine.takeOutput();
    if (output !== undefined && output !== null) {
      try {
        const written = transport.write(output);
        if (written !== undefined) {
          await written;
        }
      } catch (error) {
        // The server may have said why before it closed: read on.
        this.#cause = error;
      }
    }
    let octets: Uint8Array | undefined;
    try {
      const read = transport.read();
      octets = read instanceof Promise ? await read : read;
    } catch (error) {
      this.#cause = error;
    }
    if (this.#end !== undefined) {
      return;
    }
    if (octets === undefined) {
      engine.receiveEof();
    } else {
      engine.receive(octets);
    }
  }

  async #handleEvents(): Promise<void> {
    let event: ClientEvent | undefined;
    while (this.#end === undefined && (event = this.engine.nextEvent() ?? undefined) !== undefined) {
      if (event.type === 'tlsReady') {
        await this.#startTls();
      } else if (event.type === 'reconnectRequested') {
        await this.#reconnect();
      } else {
        this.#handle(event);
      }
    }
  }

  async #startTls(): Promise<void> {
    if (this.engine.state === 'failed') {
      // Octets after the answer to STLS have ended it: the next event says so.
      return;
    }
    const transport = this.#transport as Transport;
    const unread = transport.takeUnread?.();
    if (unread !== undefined && unread.length > 0) {
      // The engine knows what these are.
      this.engine.receive(unread);
      return;
    }
    this.engine.handleTimeout(performance.now());
    this.#arm();
    try {
      await transport.startTls?.();
    } catch (error) {
      this.#finish(
        error instanceof Pop3Error
          ? error
          : new Pop3Error('POP3_ERR_TLS', `no TLS with ${this.#name}: ${reasonOf(error)}`, {
              cause: error,
            }),
      );
      return;
    }
    if (this.#end === undefined) {
      this.#bind(transport);
      this.engine.tlsEstablished();
    }
  }

  /** The server closed where the engine can go on with a second connection. */
  async #reconnect(): Promise<void> {
    this.#cause = undefined;
    this.#disarm();
    try {
      this.#transport?.close();
      const transport = await this.#reopen?.();
      if (transport !== undefined) {
        this.open(transport, this.#reopen);
      }
    } catch (error) {
      this.#finish(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #handle(event: Exclude<ClientEvent, { type: 'tlsReady' | 'reconnectRequested' }>): void {
    switch (event.type) {
      case 'contentReceived':
        this.#sinkOf(event.handle, (sink) => {
          if (sink.waiter === undefined) {
            sink.chunks.push(event.chunk);
          } else {
            sink.waiter.resolve(event.chunk);
            sink.waiter = undefined;
          }
        });
        break;
      case 'greetingReceived':
        this.greeting = event.line;
        break;
      case 'deviationObserved':
        this.deviations[event.deviation] ??= event.octets;
        this.#tell(() => this.#listeners.onDeviation?.(event.deviation, event.octets));
        break;
      case 'lineTraced':
        this.#tell(() => this.#listeners.trace?.(event.direction, event.line));
        break;
      case 'connectionClosed':
        if (event.error === undefined || event.error === null) {
          this.close();
        } else {
          this.#finish(fromEngine(event.error, this.#cause));
        }
        break;
      default:
        if (event.handle !== undefined) {
          this.#settle(event);
        }
    }
  }

  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#finish(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #settle(result: Result): void {
    const { handle } = result;
    const sink = this.#sinkOf(handle, (sink) => {
      sink.finished = true;
      if (result.type === 'commandFailed') {
        sink.failed = fromEngine(result.error);
      }
      this.#wake(handle, sink);
    });
    if (sink || this.#unwanted.delete(handle)) {
      return;
    }
    const waiter = this.#waiters.get(handle);
    if (waiter === undefined) {
      this.#results.set(handle, result);
    } else {
      this.#waiters.delete(handle);
      waiter.resolve(result);
    }
  }

  #sinkOf(handle: number, act: (sink: Sink) => void): boolean {
    const sink = this.#sinks.get(handle);
    if (sink !== undefined) {
      act(sink);
    }
    return sink !== undefined;
  }

  /** Tells the reader of a stream that no more will come. */
  #wake(handle: number, sink: Sink): void {
    const { waiter } = sink;
    if (waiter === undefined) {
      return;
    }
    sink.waiter = undefined;
    this.#sinks.delete(handle);
    if (sink.failed === undefined) {
      waiter.resolve(undefined);
    } else {
      waiter.reject(sink.failed);
    }
  }

  #finish(reason: Error): void {
    if (this.#end !== undefined) {
      return;
    }
    this.#end = reason;
    this.#disarm();
    for (const release of [...this.#signals]) {
      release();
    }
    try {
      this.#transport?.close();
    } catch {
      // It is over either way.
    }
    for (const waiter of this.#waiters.values()) {
      waiter.reject(reason);
    }
    this.#waiters.clear();
    for (const [handle, sink] of [...this.#sinks]) {
      if (!sink.finished) {
        sink.failed = reason;
        sink.chunks.length = 0;
        this.#wake(handle, sink);
      }
    }
  }

  // Time.

  #arm(): void {
    const milliseconds = this.engine.timeout() ?? undefined;
    if (this.#timer === undefined && this.#end === undefined && milliseconds !== undefined) {
      this.#timer = setTimeout(() => this.#timeIsUp(), Math.min(milliseconds + 1, TIMER_MAX));
    }
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Only if the server was silent all the time; the engine knows. */
  #timeIsUp(): void {
    this.#timer = undefined;
    this.engine.handleTimeout(performance.now());
    if (this.engine.state === 'failed') {
      void this.#handleEvents();
    }
    this.#arm();
  }
}

/** What `setTimeout` can count. */
const TIMER_MAX = 2 ** 31 - 1;
