/**
 * A POP3 server for tests, in one line, which misbehaves on request.
 *
 * @example
 * ```js
 * import { createServer } from 'popmail/testing'
 *
 * const server = await createServer({ messages: ['Subject: hello\r\n\r\nworld\r\n'], faults: { persona: 'gmail' } })
 * const box = await server.connect()
 * ```
 */

import {
  type ConnectOptions,
  type Faults,
  type HostOptions,
  type ListenOptions,
  MemoryMaildrop,
  Pop3,
  Pop3Error,
  type Pop3Server,
  createServer as listen,
} from './index.js';

export type { Faults, Persona } from './index.js';

/** What `createServer` takes; all of it may be left out. */
export interface TestOptions extends Omit<Partial<ListenOptions>, 'accounts'> {
  /** The mail; a string is taken as UTF-8. */
  messages?: Iterable<string | Uint8Array> | undefined;
  /** The name of the one account: `'me'`. */
  user?: string | undefined;
  /** Its password: `'secret'`. */
  password?: string | undefined;
  /** An OAuth token that is right for it; the mechanisms for tokens are offered then. */
  token?: string | undefined;
  /** What shall go wrong. */
  faults?: Faults | undefined;
}

/** A server with one account, on a free port of this machine. */
export interface TestServer extends Pop3Server {
  readonly user: string;
  readonly password: string;
  /** The mail; `append` adds a message for the next session. */
  readonly maildrop: MemoryMaildrop;
  /** Every line that clients said, in order and without secrets, such as `'PASS (secret)'`. */
  readonly requests: readonly string[];
  /** What is left of the mail. */
  messages(): Uint8Array[];
  /** Logs in here; `options` are what `Pop3.connect` takes. */
  connect(options?: Partial<HostOptions>): Promise<Pop3>;
}

/**
 * Starts a server for a test. Without `tls` it takes passwords in the clear; a failed login is
 * answered at once unless `limits` say otherwise.
 */
export async function createServer(options: TestOptions = {}): Promise<TestServer> {
  const { messages = [], user = 'me', password = 'secret', token, faults, ...rest } = options;
  if (typeof messages === 'string') {
    throw new Pop3Error('POP3_ERR_USAGE_ARGUMENT', 'messages must be several, got one string');
  }
  const maildrop = new MemoryMaildrop(messages);
  const requests: string[] = [];
  const server = await listen(
    {
      allowCleartext: rest.tls === undefined,
      ...rest,
      accounts: { [user]: { password, maildrop } },
      ...(token === undefined ? {} : { checkToken: (_: string, given: string) => given === token }),
      limits: { failedLoginDelay: 0, badCommandDelay: 0, ...rest.limits },
    },
    { faults, onLine: (line) => requests.push(line) },
  );
  const kind = rest.tls === undefined ? 'none' : rest.implicitTls === false ? 'starttls' : 'implicit';
  const connect = (more: Partial<HostOptions> = {}): Promise<Pop3> => {
    const certificate = rest.tls?.cert;
    const chosen: ConnectOptions = {
      host: server.host,
      port: server.port,
      user,
      ...(more.token === undefined ? { password } : {}),
      tls: kind,
      ...(kind === 'none' ? { allowCleartext: true } : {}),
      ...(certificate === undefined ? {} : { tlsOptions: { ca: certificate } }),
      ...more,
    };
    return Pop3.connect(chosen);
  };
  return {
    ...server,
    user,
    password,
    maildrop,
    requests,
    messages: () => maildrop.entries().map((_, at) => maildrop.open(at + 1)),
    connect,
  };
}
