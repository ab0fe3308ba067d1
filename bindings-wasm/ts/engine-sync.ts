/**
 * The planner of repeated fetches, a part of the engine of its own: native in Node, in the second
 * WebAssembly module elsewhere.
 *
 * Times are whole seconds since 1970. A call that is refused throws an `Error` whose `code` is one of
 * `tests/registry/errors.json`.
 */

import type { Listing } from './dialogue.js';
import type { Maybe } from './engine-pop3.js';
import { Pop3Error } from './error.js';

/** What a plan depends on besides the listing. */
export interface PlanOptions {
  now: number;
  /** What messages without a uid are known by. */
  fingerprints: { number: number; text: string }[];
  /** The parameters of the capability. */
  expire?: string;
  /** The parameters of the capability. */
  loginDelay?: string;
  /** Seconds from the delivery to the deletion. */
  deleteAfter?: number;
  largest?: number;
  headersOfLarger: boolean;
  newestFirst: boolean;
  mostMessages?: number;
}

/** What to do in one session. */
export interface SyncPlan {
  /** What to fetch, in this order. */
  readonly fetch: readonly { readonly number: number; readonly octets: number; readonly headersOnly: boolean }[];
  /** Messages that were delivered before. */
  readonly present: number;
  /** Messages above the largest size, left alone. */
  readonly tooLarge: number;
  /** Messages for the next run, because of the limit on messages. */
  readonly postponed: number;
  /** What the user should know. */
  readonly warnings: readonly SyncWarning[];
}

/** Something about a server or its mailbox that the user should know. */
export interface SyncWarning {
  /**
   * `'duplicate_uids'`, `'login_too_early'`, `'no_uid'`, `'not_deleted'`, `'refused'`,
   * `'server_deletes_after'`, `'server_deletes_fetched'`, `'uids_changed'` or `'uids_reused'`.
   */
  readonly name: string;
  /** What it is, and what was done about it. */
  readonly text: string;
}

/** What is known of the messages of one mailbox, and what to do about it. */
export interface SyncPlanner {
  readonly mailbox: string;
  /** How many messages are known. */
  readonly size: number;
  nextLogin(): Maybe<number>;
  snapshot(): string;
  plan(listing: Listing, options: PlanOptions): SyncPlan;
  delivered(number: number, headersOnly: boolean, now: number): void;
  journalLine(number: number, headersOnly: boolean, now: number, receipt?: string): string;
  deletions(deleteAfter: number | undefined, now: number): Iterable<number>;
  deleAccepted(number: number, now: number): void;
  quitAccepted(now: number): void;
}

/** What a package provides to `sync.ts`. */
export interface SyncPlatform {
  SyncPlanner: {
    new (mailbox: string): SyncPlanner;
    /** `arrived` are the receipts whose messages are in their places. */
    restore(snapshot: string, journal: string, arrived: string[]): SyncPlanner;
  };
  /** The receipts of a journal. */
  syncReceipts(journal: string): string[];
  /** The numbers of messages that no uid names. */
  syncWithoutUid(listing: Listing): Iterable<number>;
  /** What a message without a uid is known by, from its header and its size. */
  syncFingerprint(header: Uint8Array, octets: number): string;
}

let provided: SyncPlatform | undefined;

/** Sets what the sync part of the face runs on. */
export function provideSync(platform: SyncPlatform | undefined): void {
  provided = platform;
}

/** What the sync part of the face runs on. */
export function syncPlatform(): SyncPlatform {
  if (provided === undefined) {
    throw new Pop3Error('POP3_ERR_USAGE_STATE', 'the state is not ready: call init() and wait for it first');
  }
  return provided;
}
