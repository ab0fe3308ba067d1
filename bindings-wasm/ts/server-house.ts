/**
 * What the sessions of one server share: who may log in, who has which maildrop, and what is counted.
 *
 * What the protocol demands is decided in the core. What this file decides is the host's part: how
 * many clients there may be, and how much an address that guesses is slowed down.
 */

import { type Faults, type ScramKeys, type ServerEngine, type ServerLimits, serverPlatform } from './engine-pop3.js';
import type { Account, Log, LogFields, Login, Maildrop, Metrics, ServerOptions } from './server.js';

/** What an engine is made of, beside what is new for each connection. */
export interface HouseConfig {
  options: ServerOptions;
  limits: ServerLimits;
  timeout: number;
  faults: Faults | undefined;
  onLine: ((line: string) => void) | undefined;
}

export class House {
  readonly options: ServerOptions;
  readonly limits: ServerLimits;
  readonly timeout: number;
  readonly faults: Faults | undefined;
  readonly onLine: ((line: string) => void) | undefined;
  readonly mechanisms: readonly string[];
  readonly saltKey = crypto.getRandomValues(new Uint8Array(32));
  readonly metrics: Metrics = {
    sessions: 0,
    connections: 0,
    connectionsRefused: 0,
    logins: 0,
    loginsFailed: 0,
    commandsRefused: 0,
    messagesSent: 0,
    messagesDeleted: 0,
    octetsReceived: 0,
    octetsSent: 0,
    maildropErrors: 0,
    tlsFailed: 0,
  };
  readonly #inUse = new Map<Maildrop, Promise<void>>();
  readonly #byAddress = new Map<string, number>();
  readonly #failures = new Map<string, { count: number; since: number }>();
  readonly #lastLogin = new Map<string, number>();
  #numbers = 0;

  constructor({ options, limits, timeout, faults, onLine }: HouseConfig) {
    this.options = options;
    this.limits = limits;
    this.timeout = timeout;
    this.faults = faults;
    this.onLine = onLine;
    const byFunction = typeof options.accounts === 'function';
    this.mechanisms = options.mechanisms ?? [
      ...(byFunction ? [] : ['scram-sha-256', 'apop']),
      'plain',
      'login',
      ...(options.checkToken === undefined ? [] : ['oauthbearer', 'xoauth2']),
    ];
  }

  nextNumber(): number {
    return (this.#numbers += 1);
  }

  log(level: Parameters<Log>[0], text: string, fields: LogFields, error?: unknown): void {
    this.options.log?.(level, `${fields.session}: ${text}`, error, fields);
  }

  // Connections.

  /** Counts a connection; absent if there are too many, else what ends the counting. */
  admit(address: string): (() => void) | undefined {
    this.metrics.connections += 1;
    const { maxConnections = 10_000, maxConnectionsPerAddress = 1_000 } = this.options;
    const count = this.#byAddress.get(address) ?? 0;
    if (this.metrics.sessions >= maxConnections || count >= maxConnectionsPerAddress) {
      this.metrics.connectionsRefused += 1;
      return undefined;
    }
    this.metrics.sessions += 1;
    this.#byAddress.set(address, count + 1);
    return () => {
      this.metrics.sessions -= 1;
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left > 0) {
        this.#byAddress.set(address, left);
      } else {
        this.#byAddress.delete(address);
      }
    };
  }

  // Logins.

  #account(user: string): Account | undefined {
    const { accounts } = this.options;
    if (typeof accounts === 'function') {
      return undefined;
    }
    if (accounts instanceof Map) {
      return accounts.get(user);
    }
    return Object.hasOwn(accounts, user) ? (accounts as Record<string, Account>)[user] : undefined;
  }

  /** The maildrop of a client whose secret is right. */
  async letIn(engine: ServerEngine, user: string, address: string): Promise<Maildrop | undefined> {
    const { accounts, checkToken } = this.options;
    const token = engine.token() ?? undefined;
    if (typeof accounts === 'function') {
      const password = engine.password() ?? undefined;
      const login: Login = {
        user,
        password: password === undefined ? undefined : new TextDecoder().decode(password),
        token,
        address,
        secure: engine.isSecure,
        verify: (secret) => engine.verify(new TextEncoder().encode(secret)),
      };
      return (await accounts(login)) ?? undefined;
    }
    const account = this.#account(user);
    const right =
      token === undefined ? engine.verify(secretOf(account)) : await checkToken?.(user, token);
    return right === true ? account?.maildrop : undefined;
  }

  /** What SCRAM needs of a password; for an unknown name after the same work. */
  async keys(user: string, salt: Uint8Array, iterations: number): Promise<ScramKeys | undefined> {
    const account = this.#account(user);
    const keys = await serverPlatform().scramKeys(secretOf(account), salt, iterations);
    if (account?.password !== undefined) {
      return keys;
    }
    keys.free?.();
    return undefined;
  }

  /** The maildrop of a client that proved itself without us. */
  maildropOf(user: string): Maildrop | undefined {
    return this.#account(user)?.maildrop;
  }

  /** Counts a failed login; tells how many there were from this address lately. */
  failed(address: string): number {
    this.metrics.loginsFailed += 1;
    const now = performance.now();
    const before = this.#failures.get(address);
    const count = before !== undefined && now - before.since < FORGET_MS ? before.count + 1 : 1;
    this.#failures.delete(address);
    this.#failures.set(address, { count, since: now });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= REMEMBERED) {
        break;
      }
      this.#failures.delete(oldest);
    }
    return count;
  }

  /** By how many milliseconds a failed login from this address is answered later, for those before it. */
  penalty(address: string): number {
    const { count, since } = this.#failures.get(address) ?? { count: 0, since: 0 };
    if (count <= FORGIVEN || performance.now() - since >= FORGET_MS) {
      return 0;
    }
    return Math.min(2 ** Math.min(count - FORGIVEN, 10), MOST_TIMES) * (this.limits.failedLoginDelay ?? 1_000);
  }

  /** True if the user logged in less than `loginDelay` seconds ago; else the login counts. */
  comesTooSoon(user: string): boolean {
    const { loginDelay = 0 } = this.options;
    const now = performance.now();
    const last = this.#lastLogin.get(user);
    if (last !== undefined && now - last < loginDelay * 1_000) {
      return true;
    }
    if (loginDelay > 0) {
      this.#lastLogin.delete(user);
      this.#lastLogin.set(user, now);
      for (const oldest of this.#lastLogin.keys()) {
        if (this.#lastLogin.size <= REMEMBERED) {
          break;
        }
        this.#lastLogin.delete(oldest);
      }
    }
    return false;
  }

  /** Takes a maildrop for one session; waits a moment for one that is ending. */
  async claim(maildrop: Maildrop): Promise<(() => void) | undefined> {
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

/** A name that does not exist costs the same work as one that does: its password is one that nobody has. */
function secretOf(account: Account | undefined): Uint8Array {
  return new TextEncoder().encode(account?.password ?? randomHex());
}

/** Waits for something, but not longer; false if it took longer. */
export async function within(work: Promise<unknown> | undefined, milliseconds: number): Promise<boolean> {
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

export function randomHex(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (octet) => octet.toString(16).padStart(2, '0')).join('');
}

/** For a session that is ending while its client logs in anew. */
const CLAIM_MS = 1_000;
/**
 * Guesses by address: so many are forgiven, then each doubles the delay, up to so many times the
 * first; after ten minutes without one they are forgotten. So many addresses are remembered.
 */
const FORGIVEN = 3;
const MOST_TIMES = 30;
const FORGET_MS = 600_000;
const REMEMBERED = 100_000;
