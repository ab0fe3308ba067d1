/** The octets' way to the peer: Web Streams, or the few calls that the engines need. */

import { argument } from './error.js';

/** What ties a login by SCRAM to the TLS channel that it runs in (RFC 5929, 9266). */
export interface ChannelBinding {
  /** Its registered name, such as `tls-exporter`. */
  name: string;
  /** What both ends of the channel know. */
  data: Uint8Array;
}

/**
 * What a session needs of a connection.
 *
 * `read` is not called again before it has settled, nor `write`. What a method
 * throws counts as a connection that has ended, and becomes the `cause` of the
 * error that tells so.
 */
export interface Transport {
  /** The next octets, `undefined` at the end. */
  read(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Settles when more can be written. */
  write(octets: Uint8Array): void | Promise<void>;
  /** Begins TLS. What has come before and was not read must not be read after it. */
  startTls?(): Promise<void>;
  /** Octets that have come and were not read; they must be none when TLS begins. */
  takeUnread?(): Uint8Array | undefined;
  /** The channel bindings of its TLS, one of each type that can be had. */
  channelBindings?(): ChannelBinding[];
  /** Sends what is written, and gives the peer this many milliseconds to close first. */
  finish?(milliseconds: number): Promise<void>;
  /** Drops the connection; a `read` that waits settles. More than once does no harm. */
  close(): void;
}

/**
 * A connection as Web Streams: the shape of a `WebSocketStream`, of Deno's
 * connections, of an edge runtime's `connect()` and of Direct Sockets.
 */
export interface TransportStreams {
  readonly readable: ReadableStream<Uint8Array | ArrayBuffer>;
  readonly writable: WritableStream<Uint8Array>;
  /** Begins TLS and gives the streams to use from then on. Only STLS needs it. */
  startTls?(): TransportStreams | Promise<TransportStreams>;
  /** The channel bindings of its TLS, one of each type that can be had. */
  channelBindings?(): ChannelBinding[];
}

/** A connection of the caller's, or a function that opens one. */
export type GivenTransport =
  | Transport
  | TransportStreams
  | (() => Transport | TransportStreams | Promise<Transport | TransportStreams>);

/** A transport of the caller's, whichever shape it has. */
export function asTransport(given: Transport | TransportStreams): Transport {
  const { readable, writable, read, write, close } = given as Partial<TransportStreams & Transport>;
  if (readable instanceof Object && writable instanceof Object) {
    return new StreamTransport(given as TransportStreams);
  }
  if (typeof read === 'function' && typeof write === 'function' && typeof close === 'function') {
    return given as Transport;
  }
  throw argument('transport must have readable and writable, or read, write and close, or be a function that opens one');
}

/** Web Streams as a transport. */
class StreamTransport implements Transport {
  #streams: TransportStreams;
  #reader: ReadableStreamDefaultReader<Uint8Array | ArrayBuffer>;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly startTls?: () => Promise<void>;

  constructor(streams: TransportStreams) {
    this.#streams = streams;
    this.#reader = streams.readable.getReader();
    this.#writer = this.#openWriter();
    if (typeof streams.startTls === 'function') {
      this.startTls = () => this.#startTls();
    }
  }

  async read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read();
    if (done) {
      return undefined;
    }
    if (value instanceof Uint8Array) {
      return value;
    }
    if (value instanceof ArrayBuffer) {
      return new Uint8Array(value);
    }
    throw new TypeError(`the transport's readable must give Uint8Array, gave ${typeof value}`);
  }

  write(octets: Uint8Array): Promise<void> {
    return this.#writer.write(octets);
  }

  channelBindings(): ChannelBinding[] {
    return this.#streams.channelBindings?.() ?? [];
  }

  close(): void {
    // What comes of it is nobody's any more.
    const ignore = (): void => {};
    this.#reader.cancel().catch(ignore);
    this.#writer.abort().catch(ignore);
  }

  async #startTls(): Promise<void> {
    this.#reader.releaseLock();
    this.#writer.releaseLock();
    this.#streams = (await this.#streams.startTls?.()) ?? this.#streams;
    this.#reader = this.#streams.readable.getReader();
    this.#writer = this.#openWriter();
  }

  #openWriter(): WritableStreamDefaultWriter<Uint8Array> {
    const writer = this.#streams.writable.getWriter();
    // `write` and `read` tell of failures.
    writer.closed.catch(() => {});
    writer.ready.catch(() => {});
    return writer;
  }
}
