/** A POP3 server that listens with `node:net`, and serves folders too. */

import { type Server as Listener, type Socket, createServer as listenTcp } from 'node:net';
import { type SecureContextOptions, TLSSocket, createSecureContext } from 'node:tls';

import type { MaildropEntry } from '../../bindings-wasm/ts/engine-pop3.js';
import { argument } from '../../bindings-wasm/ts/error.js';
import { type Maildrop, type Metrics, Server, type ServerOptions, type Testing } from '../../bindings-wasm/ts/server.js';
import { FileStore } from './native.js';
import { SocketTransport } from './socket.js';

/** What `createServer` takes. */
export interface ListenOptions extends ServerOptions {
  /** The address to listen on: `'127.0.0.1'`. */
  host?: string | undefined;
  /** The port; 0, the default, takes a free one. */
  port?: number | undefined;
  /** The certificate and its key. */
  tls?: SecureContextOptions | undefined;
  /** TLS from the first octet, the default; with `false` the client begins it with STLS. */
  implicitTls?: boolean | undefined;
}

/** A server that listens. */
export interface Pop3Server extends AsyncDisposable {
  /** The address that it listens on. */
  readonly host: string;
  /** The port that it listens on. */
  readonly port: number;
  /** Counters since the server was made. */
  metrics(): Metrics;
  /** Ends sessions that wait for their clients at once; others get a moment to end their work. */
  close(): Promise<void>;
}

/**
 * Starts a POP3 server.
 *
 * @param testing What shall go wrong, and who is told each line of a client; `popmail/testing` uses it.
 *
 * @throws `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` for options that cannot be: among
 * them neither TLS nor leave to do without it.
 */
export async function createServer(options: ListenOptions, testing: Testing = {}): Promise<Pop3Server> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name)) {
      throw argument(`unknown option ${JSON.stringify(name)}`);
    }
  }
  const { host = '127.0.0.1', port = 0, tls, implicitTls = true, allowCleartext = false } = options;
  if (tls === undefined && !allowCleartext) {
    throw argument(
      'without tls passwords cross the network readable: give tls: { cert, key }, or allowCleartext: true',
    );
  }
  const server = new Server(options, testing);
  const secureContext = tls === undefined ? undefined : createSecureContext(tls);
  const secured = (socket: Socket): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const secure = new TLSSocket(socket, { isServer: true, secureContext, ALPNCallback });
      const closed = (): void => reject(new Error('the client closed the connection'));
      secure.once('error', reject);
      secure.once('close', closed);
      secure.once('secure', () => {
        secure.off('error', reject);
        secure.off('close', closed);
        resolve(secure);
      });
    });
  const serve = async (socket: Socket): Promise<void> => {
    const address = socket.remoteAddress ?? 'local';
    const peer = `${address} port ${socket.remotePort}`;
    if (secureContext === undefined) {
      await server.accept(new SocketTransport(socket), 'none', peer, address);
    } else if (implicitTls) {
      socket.setTimeout(HANDSHAKE_MS, () => socket.destroy());
      const secure = await secured(socket);
      socket.setTimeout(0);
      await server.accept(new SocketTransport(secure), 'implicit', peer, address);
    } else {
      await server.accept(new SocketTransport(socket, secured), 'starttls', peer, address);
    }
  };
  const open = new Set<Socket>();
  const listener = listenTcp({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    // Whoever reads or writes it is told; nobody else has to be.
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    serve(socket).catch((error: unknown) => {
      options.log?.('info', `no TLS with ${socket.remoteAddress}`, error);
      socket.destroy();
    });
  });
  await listening(listener, host, port);
  const address = listener.address();
  if (address === null || typeof address === 'string') {
    throw argument(`host must be an address to listen on, got ${JSON.stringify(host)}`);
  }
  options.log?.('info', `listening on ${address.address} port ${address.port}`);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      const closed = new Promise<void>((resolve) => {
        listener.close(() => resolve());
      });
      await server.close();
      for (const socket of open) {
        socket.destroy();
      }
      await closed;
      options.log?.('info', 'stopped');
    })());
  const metrics = (): Metrics => server.metrics();
  return { host: address.address, port: address.port, metrics, close, [Symbol.asyncDispose]: close };
}

/** Messages in files, which are read in Node's thread pool. */
abstract class StoredMaildrop implements Maildrop {
  readonly #store: FileStore;

  constructor(
    /** The folder, or the file. */
    readonly path: string,
    store: FileStore,
  ) {
    this.#store = store;
  }

  refresh(): Promise<void> {
    return this.#store.refresh().catch(withCode);
  }

  entries(): MaildropEntry[] {
    return this.#store.entries();
  }

  async *open(number: number): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = this.#store.open(number);
    for (;;) {
      const octets = await reader.read(CHUNK_OCTETS).catch(withCode);
      if (octets.length === 0) {
        return;
      }
      yield octets;
    }
  }

  commit(deleted: number[]): Promise<void> {
    return this.#store.commit(deleted);
  }

  release(): void {
    this.#store.release();
  }
}

/** A folder of files, one for each message, with `new` and `cur`. One session at a time has it, on this machine. */
export class Maildir extends StoredMaildrop {
  constructor(path: string) {
    super(path, FileStore.maildir(path));
  }
}

/**
 * One file with all messages, each after a line `From …` (mboxrd). What is deleted goes at QUIT, when
 * the file is replaced as a whole, under the lock `NAME.lock`; with `readOnly` never.
 */
export class Mbox extends StoredMaildrop {
  constructor(path: string, { readOnly = false }: { readOnly?: boolean | undefined } = {}) {
    super(path, FileStore.mbox(path, readOnly));
  }
}

/** The error with the code that the native module named in its message. */
function withCode(error: Error): never {
  const code = /(?:^|\W)(ENOENT|EBUSY): /.exec(String(error))?.[1];
  throw code === undefined ? error : Object.assign(error, { code });
}

function listening(listener: Listener, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, host, () => {
      listener.off('error', reject);
      resolve();
    });
  });
}

/** Clients that name protocols must name ours (RFC 7301); most name none. */
function ALPNCallback({ protocols }: { protocols: string[] }): string | undefined {
  return protocols.includes('pop3') ? 'pop3' : undefined;
}

const OPTIONS = new Set([
  'accounts',
  'host',
  'port',
  'tls',
  'implicitTls',
  'allowCleartext',
  'mechanisms',
  'checkToken',
  'loginDelay',
  'expire',
  'trustedProxies',
  'maxConnections',
  'maxConnectionsPerAddress',
  'limits',
  'timeout',
  'log',
]);
const CHUNK_OCTETS = 64 * 1024;
const HANDSHAKE_MS = 30_000;
