/** Sockets of `node:net` and `node:tls` as transports. */

import { type NetConnectOpts, Socket, connect as connectTcp, isIP } from 'node:net';
import { type ConnectionOptions, TLSSocket, connect as connectTls } from 'node:tls';

import type { Target } from '../../bindings-wasm/ts/engine-pop3.js';
import { Pop3Error, argument, reasonOf } from '../../bindings-wasm/ts/error.js';
import type { ChannelBinding, Transport } from '../../bindings-wasm/ts/transport.js';
import { ALPN_PROTOCOL, acceptsAlpn, serverEndPoint } from './native.js';

/** Makes a TLS socket out of a plain one, and waits for its handshake. */
export type Upgrade = (socket: Socket) => Promise<TLSSocket>;

/** A socket; with an upgrade, TLS can begin on it. */
export class SocketTransport implements Transport {
  #socket: Socket;
  #chunks: Uint8Array[] = [];
  #octets = 0;
  #ended = false;
  #failure: Error | undefined;
  #reader: { resolve(octets: Uint8Array | undefined): void; reject(reason: Error): void } | undefined;
  #writer: { resolve(): void; reject(reason: Error): void } | undefined;
  readonly startTls?: () => Promise<void>;

  constructor(socket: Socket, upgrade?: Upgrade) {
    this.#socket = socket;
    this.#attach();
    if (upgrade !== undefined) {
      this.startTls = async () => {
        this.#detach();
        try {
          this.#socket = await upgrade(this.#socket);
        } finally {
          this.#attach();
        }
      };
    }
  }

  read(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#octets -= chunk.length;
      if (this.#octets < WAITING_OCTETS && this.#socket.isPaused()) {
        this.#socket.resume();
      }
      return chunk;
    }
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    if (this.#ended) {
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  write(octets: Uint8Array): void | Promise<void> {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    if (!this.#socket.writable) {
      throw new Error('the connection is closed');
    }
    if (this.#socket.write(octets)) {
      return;
    }
    return new Promise((resolve, reject) => {
      this.#writer = { resolve, reject };
    });
  }

  takeUnread(): Uint8Array | undefined {
    this.#socket.pause();
    const rest: Uint8Array | null = this.#socket.read();
    const chunks = rest === null ? this.#chunks : [...this.#chunks, rest];
    this.#chunks = [];
    this.#octets = 0;
    return chunks.length === 0 ? undefined : Buffer.concat(chunks);
  }

  /** What ties a login to the TLS channel, for SCRAM; nothing without TLS. */
  channelBindings(): ChannelBinding[] {
    return this.#socket instanceof TLSSocket ? channelBindings(this.#socket) : [];
  }

  /**
   * A socket that is closed while octets of the peer are unread is reset, and the peer may lose
   * our last words: so it is given the time to close first.
   */
  async finish(milliseconds: number): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || this.#ended) {
      await new Promise<void>((resolve) => {
        socket.once('close', resolve);
        socket.end(resolve);
        setTimeout(resolve, milliseconds).unref();
      });
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      socket.once('end', done);
      socket.once('close', done);
      this.#chunks = [];
      socket.end();
      socket.resume();
    });
  }

  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (this.#reader !== undefined) {
      const { resolve } = this.#reader;
      this.#reader = undefined;
      resolve(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#octets += chunk.length;
    if (this.#octets >= WAITING_OCTETS) {
      this.#socket.pause();
    }
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
  };

  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
  };

  readonly #onClose = (): void => this.#end();

  readonly #onDrain = (): void => {
    this.#writer?.resolve();
    this.#writer = undefined;
  };

  #end(): void {
    this.#writer?.reject(this.#failure ?? new Error('the connection is closed'));
    this.#writer = undefined;
    if (this.#failure === undefined) {
      this.#onEnd();
    } else {
      this.#reader?.reject(this.#failure);
      this.#reader = undefined;
    }
  }

  #attach(): void {
    this.#socket
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('drain', this.#onDrain)
      .on('close', this.#onClose)
      .on('error', this.#onError);
    if (this.#socket.destroyed) {
      this.#end();
    } else {
      // Who opened it may have paused it.
      this.#socket.resume();
    }
  }

  #detach(): void {
    this.#socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('drain', this.#onDrain)
      .off('close', this.#onClose)
      .off('error', this.#onError);
  }
}

/** Opens a connection for a client. */
export async function connect(target: Target): Promise<Transport> {
  const { host, port, tls, timeout, signal } = target;
  const name = `${host} port ${port}`;
  let socket: Socket | undefined;
  let late: ReturnType<typeof setTimeout> | undefined;
  let abort = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (timeout !== Infinity) {
      const seconds = timeout / 1_000;
      late = setTimeout(
        () => reject(new Pop3Error('POP3_ERR_TIMEOUT', `${name} did not answer within ${seconds} s`)),
        Math.min(timeout, 2 ** 31 - 1),
      );
    }
  });
  const upgrade: Upgrade = (plain) => secured(plain, host, target.tlsOptions);
  const opened = (async () => {
    if (target.socket === undefined) {
      socket = await plainSocket({ host, port, noDelay: true }, name, (begun) => {
        socket = begun;
      });
    } else {
      socket = await givenSocket(target.socket);
    }
    if (tls === 'implicit') {
      socket = await upgrade(socket).catch((error: unknown) => {
        throw new Pop3Error('POP3_ERR_TLS', `no TLS with ${name}: ${reasonOf(error)}`, { cause: error });
      });
    }
    return new SocketTransport(socket, tls === 'starttls' ? upgrade : undefined);
  })();
  try {
    return await Promise.race([opened, stopped]);
  } catch (error) {
    opened.then(
      (transport) => transport.close(),
      () => {},
    );
    socket?.destroy();
    throw error;
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', abort);
    stopped.catch(() => {});
  }
}

/** A connection of the caller's. */
async function givenSocket(given: unknown): Promise<Socket> {
  const socket: unknown = typeof given === 'function' ? await (given as () => unknown)() : given;
  if (!(socket instanceof Socket)) {
    throw argument(`socket must be a net.Socket or a function that opens one, got ${typeof socket}`);
  }
  // Whoever reads or writes it is told; nobody else has to be.
  return socket.on('error', () => {}).setNoDelay(true);
}

function plainSocket(options: NetConnectOpts, name: string, begun: (socket: Socket) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(options);
    begun(socket);
    const failed = (error: Error): void => {
      // Each address that was tried has its own error.
      const [first = error] = error instanceof AggregateError ? (error.errors as Error[]) : [];
      const message = `cannot connect to ${name}: ${reasonOf(first)}`;
      reject(new Pop3Error('POP3_ERR_CONNECT', message, { cause: error }));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      // Whoever reads or writes it is told; nobody else has to be.
      socket.on('error', () => {});
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

function secured(plain: Socket, host: string, given: object | undefined): Promise<TLSSocket> {
  const options: ConnectionOptions = {
    ALPNProtocols: [ALPN_PROTOCOL],
    ...(isIP(host) ? {} : { servername: host }),
    ...(given as ConnectionOptions | undefined),
    host,
    socket: plain,
  };
  return new Promise((resolve, reject) => {
    const socket = connectTls(options);
    const failed = (error: NodeJS.ErrnoException): void => {
      reject(
        error.code === 'ERR_SSL_WRONG_VERSION_NUMBER'
          ? new Error('it does not speak TLS there (port 995 does, port 110 begins TLS with STLS)', { cause: error })
          : error,
      );
    };
    const closed = (): void => failed(new Error('the server closed the connection'));
    socket.once('error', failed);
    socket.once('close', closed);
    socket.once('secureConnect', () => {
      socket.off('error', failed);
      socket.off('close', closed);
      const { alpnProtocol } = socket;
      if (typeof alpnProtocol === 'string' && !acceptsAlpn(alpnProtocol)) {
        // Whoever hears of it later has been told.
        socket.on('error', () => {}).destroy();
        reject(new Error(`it chose the protocol ${JSON.stringify(alpnProtocol)}`));
        return;
      }
      resolve(socket);
    });
  });
}

/** The bindings that `node:tls` has the data for (RFC 5929, 9266). */
function channelBindings(socket: TLSSocket): ChannelBinding[] {
  const data: Record<string, Uint8Array | null | undefined> = {};
  if (socket.getProtocol() === 'TLSv1.3') {
    data['tls-exporter'] = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  } else {
    // The first Finished message of the handshake: the client's, or the server's if it was short.
    data['tls-unique'] = socket.isSessionReused() ? socket.getPeerFinished() : socket.getFinished();
  }
  const certificate = socket.getPeerX509Certificate();
  data['tls-server-end-point'] = certificate && serverEndPoint(certificate.raw);
  return Object.entries(data).flatMap(([name, octets]) => (octets ? [{ name, data: octets }] : []));
}

/** What waits here at most before the socket is no longer read. */
const WAITING_OCTETS = 256 * 1024;
