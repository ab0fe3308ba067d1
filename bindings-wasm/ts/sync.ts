/**
 * Fetching only what is new, and deleting by rules: the state of a mailbox.
 *
 * What to fetch and what to delete is decided in the core. This file keeps the state in a store and
 * gives the planner what the server says.
 *
 * The rule that it guards: the stored state never says that a message was delivered before it was,
 * and every message is noted the moment that it is. The state is a snapshot, replaced as a whole, and
 * a journal beside it, to which each delivered message adds a line.
 */

/// <reference lib="esnext.disposable" />

import type { Listing } from './dialogue.js';
import {
  type PlanOptions,
  type SyncPlan,
  type SyncPlanner,
  type SyncWarning,
  syncPlatform,
} from './engine-sync.js';
import { Pop3Error, argument, calling, shown } from './error.js';
import type { EngineCapabilities } from './event.js';

/** What is fetched and what is deleted on the server. */
export interface SyncRules {
  /**
   * Days from the delivery of a message to its deletion on the server; 0 deletes it once it is
   * fetched. By default it stays there.
   */
  deleteAfter?: number | undefined;
  /** Octets of the largest message that is fetched whole. */
  maxSize?: number | undefined;
  /**
   * What becomes of larger ones: `'skip'`, the default, or `'headers'` to get their header, once.
   * They are never deleted.
   */
  larger?: 'skip' | 'headers' | undefined;
  /** Fetches in the opposite of the server's order. */
  newestFirst?: boolean | undefined;
  /** How many messages one run fetches at most. */
  limit?: number | undefined;
}

/** What a store holds. */
export interface StoredState {
  /** What was given to `replace` last. */
  snapshot: string;
  /** What was given to `append` since then, one after the other. */
  journal?: string | undefined;
}

/**
 * Where a state is kept: a file, a database, a page's storage.
 *
 * No method is called again before it has settled. A store is for one mailbox and for one run at a
 * time: what opens it keeps a second run out, in a page with `navigator.locks`.
 */
export interface SyncStore {
  /** What is there; `undefined` if nothing is. */
  read(): StoredState | undefined | Promise<StoredState | undefined>;
  /** Replaces the snapshot as a whole, in one step, and empties the journal. */
  replace(snapshot: string): void | Promise<void>;
  /** Adds a line to the journal. Without it the whole snapshot is replaced for each message. */
  append?(line: string): void | Promise<void>;
  /** Lets go of it. */
  close?(): void | Promise<void>;
  /** Names it in messages. */
  readonly name?: string | undefined;
}

/** What `SyncState.open` takes besides the store. */
export interface SyncStateOptions {
  /**
   * A name of the mailbox. Without one the state takes `user@host:port` from the first mailbox that
   * it is used with.
   */
  mailbox?: string | undefined;
  /**
   * For programs that note a place before a message appears in it (`noteArriving`): says whether it
   * did.
   */
  arrived?: ((receipt: string) => boolean | Promise<boolean>) | undefined;
}

/** What `fetchNew` asks of a state: a `SyncState`. */
export interface MailboxState {
  /** What the last run found, for the user to know. */
  warnings: SyncWarning[];
  /** What the last run was to do. */
  readonly plan: SyncPlan | undefined;
  /** The name of the mailbox; empty before its first use. */
  readonly mailbox: string;
  save(): Promise<void>;
  noteDelivered(number: number, headersOnly?: boolean): Promise<void>;
  noteDeleted(number: number): void;
  noteQuit(): Promise<void>;
  deletions(rules?: SyncRules): number[];
  /** @internal Gives a new state the name of its mailbox, or compares it. */
  belongsTo(mailbox: string): void;
  /** @internal The numbers of messages that no uid names. */
  withoutUid(listing: Listing): number[];
  /** @internal What a message without a uid is known by. */
  fingerprint(header: Uint8Array, octets: number): string;
  /** @internal Takes the listing of a session, saves what is new in it, and says what to fetch. */
  begin(
    listing: Listing,
    fingerprints: { number: number; text: string }[],
    capabilities: EngineCapabilities | undefined,
    rules: SyncRules,
  ): Promise<SyncPlan>;
}

/**
 * What is known of the messages of one mailbox.
 *
 * Open it before the mailbox, and close it after that, since `quit` notes what was deleted.
 */
export class SyncState implements MailboxState, AsyncDisposable {
  /** What the last run found, for the user to know. */
  warnings: SyncWarning[] = [];
  /** What the last run was to do. */
  plan: SyncPlan | undefined;
  readonly #store: SyncStore;
  readonly #name: string;
  #planner: SyncPlanner;
  #isClosed = false;
  /** What is written last: one thing after the other. */
  #writing: Promise<void> = Promise.resolve();

  /** @internal */
  protected constructor(store: SyncStore, planner: SyncPlanner) {
    this.#store = store;
    this.#name = store.name ?? 'the state';
    this.#planner = planner;
  }

  /**
   * Reads the state of a mailbox, or begins a new one.
   *
   * @throws `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` if it is damaged, of another version
   * or of another mailbox; and what the store throws.
   */
  static async open(store: SyncStore, options: SyncStateOptions = {}): Promise<SyncState> {
    const { mailbox, arrived = () => false } = options;
    try {
      const state = new this(store, await restored(store, arrived));
      if (mailbox !== undefined) {
        state.belongsTo(mailbox);
      }
      return state;
    } catch (error) {
      await store.close?.();
      throw error;
    }
  }

  /** The name of the mailbox; empty before its first use. */
  get mailbox(): string {
    return this.#planner.mailbox;
  }

  /** How many messages are known. */
  get size(): number {
    return this.#planner.size;
  }

  /** The earliest time of the next login, if the server asked for a delay (RFC 2449 section 6.5). */
  get nextLogin(): Date | undefined {
    const seconds = this.#planner.nextLogin() ?? undefined;
    return seconds === undefined ? undefined : new Date(seconds * 1_000);
  }

  /**
   * Looks whether the server may be logged in to already.
   *
   * @throws `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` if it asked for a delay between logins
   * that is not over; the message names the time.
   */
  checkLogin(): void {
    const { nextLogin } = this;
    if (nextLogin !== undefined && nextLogin.getTime() > Date.now()) {
      throw argument(
        `the server asks for a delay between logins: the next login to ${this.mailbox} is from ${nextLogin.toISOString()} on`,
      );
    }
  }

  /** Writes the state as a whole, so that it is there after a crash. */
  save(): Promise<void> {
    return this.#write(() => this.#store.replace(this.#planner.snapshot()));
  }

  /** Lets go of the store. What was delivered is noted already; more than once does no harm. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await this.#writing;
      await this.#store.close?.();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // For programs that deliver by themselves.

  /**
   * Notes where a message is about to appear in one step, such as a name that it is about to get.
   *
   * After a crash `arrived` is asked whether it did. So none comes twice. Call `noteDelivered` once it
   * is there.
   */
  async noteArriving(number: number, receipt: string, headersOnly = false): Promise<void> {
    const { append } = this.#store;
    if (append === undefined) {
      throw argument('the store needs append for this');
    }
    const line = calling(() => this.#planner.journalLine(number, headersOnly, now(), receipt));
    await this.#write(() => append.call(this.#store, line));
  }

  /** Notes that a message is where it shall be. */
  async noteDelivered(number: number, headersOnly = false): Promise<void> {
    this.#checkOpen();
    const time = now();
    calling(() => this.#planner.delivered(number, headersOnly, time));
    const { append } = this.#store;
    if (append === undefined) {
      await this.save();
    } else {
      const line = calling(() => this.#planner.journalLine(number, headersOnly, time));
      await this.#write(() => append.call(this.#store, line));
    }
  }

  /** Notes that the server marked a message. */
  noteDeleted(number: number): void {
    calling(() => this.#planner.deleAccepted(number, now()));
  }

  /** Notes that the server ended the session with `+OK`, and saves, if the state is still open. */
  async noteQuit(): Promise<void> {
    if (!this.#isClosed) {
      this.#planner.quitAccepted(now());
      await this.save();
    }
  }

  /** The numbers of the messages that are to be deleted now. */
  deletions(rules: SyncRules = {}): number[] {
    return [...this.#planner.deletions(seconds(checkedRules(rules).deleteAfter), now())];
  }

  /** @internal */
  belongsTo(mailbox: string): void {
    this.#checkOpen();
    const planner = this.#planner;
    if (planner.mailbox === '' && planner.size === 0) {
      this.#planner = new (syncPlatform().SyncPlanner)(mailbox);
    } else if (planner.mailbox !== mailbox) {
      throw argument(`${this.#name} is that of ${shown(planner.mailbox)}, not of ${shown(mailbox)}`);
    }
  }

  /** @internal */
  withoutUid(listing: Listing): number[] {
    return [...syncPlatform().syncWithoutUid(listing)];
  }

  /** @internal */
  fingerprint(header: Uint8Array, octets: number): string {
    return syncPlatform().syncFingerprint(header, octets);
  }

  /** @internal */
  async begin(
    listing: Listing,
    fingerprints: { number: number; text: string }[],
    capabilities: EngineCapabilities | undefined,
    rules: SyncRules,
  ): Promise<SyncPlan> {
    const parameters = (tag: string): string | undefined => capabilities?.parameters[tag]?.join(' ');
    const given: Record<keyof PlanOptions, unknown> = {
      now: now(),
      fingerprints,
      expire: parameters('EXPIRE'),
      loginDelay: parameters('LOGIN-DELAY'),
      deleteAfter: seconds(rules.deleteAfter),
      largest: rules.maxSize,
      headersOfLarger: rules.larger === 'headers',
      newestFirst: rules.newestFirst ?? false,
      mostMessages: rules.limit,
    };
    const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const plan = calling(() => this.#planner.plan(listing, options as unknown as PlanOptions));
    this.plan = plan;
    this.warnings = [...plan.warnings];
    await this.save();
    return plan;
  }

  #checkOpen(): void {
    if (this.#isClosed) {
      throw argument(`${this.#name} is closed`);
    }
  }

  #write(write: () => void | Promise<void>): Promise<void> {
    this.#checkOpen();
    const written = this.#writing.then(write);
    // Whoever asked is told.
    this.#writing = written.catch(() => {});
    return written;
  }
}

/** Rules that can be. */
export function checkedRules(rules: SyncRules): SyncRules {
  for (const name of Object.keys(rules)) {
    if (!RULES.has(name)) {
      throw argument(`unknown rule ${JSON.stringify(name)}`);
    }
  }
  for (const name of ['deleteAfter', 'maxSize', 'limit'] as const) {
    const value = rules[name];
    const isWhole = name === 'deleteAfter' || Number.isSafeInteger(value);
    if (value !== undefined && !(isWhole && value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
      throw argument(`${name} must be 0 or more, got ${shown(value)}`);
    }
  }
  const { larger = 'skip', newestFirst = false } = rules;
  if (!['skip', 'headers'].includes(larger)) {
    throw argument(`larger must be 'skip' or 'headers', got ${shown(larger)}`);
  }
  if (typeof newestFirst !== 'boolean') {
    throw argument(`newestFirst must be true or false, got ${shown(newestFirst)}`);
  }
  return rules;
}

async function restored(
  store: SyncStore,
  arrived: (receipt: string) => boolean | Promise<boolean>,
): Promise<SyncPlanner> {
  const { SyncPlanner: Planner, syncReceipts } = syncPlatform();
  const stored = await store.read();
  if (stored === undefined) {
    return new Planner('');
  }
  const { snapshot, journal = '' } = stored;
  const there: string[] = [];
  for (const receipt of syncReceipts(journal)) {
    if (await arrived(receipt)) {
      there.push(receipt);
    }
  }
  try {
    return calling(() => Planner.restore(snapshot, journal, there));
  } catch (error) {
    if (error instanceof Pop3Error && error.code === 'POP3_ERR_USAGE_ARGUMENT') {
      const name = store.name === undefined ? '' : `${store.name}: `;
      throw argument(`${name}${error.message} (remove it to fetch everything again)`);
    }
    throw error;
  }
}

function seconds(days: number | undefined): number | undefined {
  return days === undefined ? undefined : Math.floor(days * 86_400);
}

function now(): number {
  return Math.max(Math.floor(Date.now() / 1_000), 0);
}

const RULES = new Set(['deleteAfter', 'maxSize', 'larger', 'newestFirst', 'limit']);
