// Drives the histories of tests/vectors/sync through a planner, native or WebAssembly.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const VECTORS = new URL('../../../tests/vectors/sync/', import.meta.url);
const DETAILS = ['expect', 'now', 'receipt', 'rules'];

/** Defines one test for each history of a mailbox. */
export function syncVectors({ SyncPlanner, syncFingerprint, syncReceipts, syncWithoutUid }) {
  const names = readdirSync(VECTORS).filter((name) => name.endsWith('.json'));
  test('there are histories of mailboxes', () => assert.ok(names.length >= 25));
  for (const name of names) {
    const vector = JSON.parse(readFileSync(new URL(name, VECTORS), 'utf8'));
    test(name, () => run(vector));
  }

  function run({ mailbox, steps }) {
    let planner = new SyncPlanner(mailbox);
    let [snapshot, journal] = ['', ''];
    for (const step of steps) {
      const [kind, value] = Object.entries(step).find(([key]) => !DETAILS.includes(key));
      const { now = 0 } = step;
      switch (kind) {
        case 'plan':
          assert.deepEqual(plan(planner, value), step.expect);
          break;
        case 'deliver':
        case 'deliver_headers':
          for (const number of value) {
            const headersOnly = kind === 'deliver_headers';
            planner.delivered(number, headersOnly, now);
            journal += planner.journalLine(number, headersOnly, now);
          }
          break;
        case 'arriving':
          journal += planner.journalLine(value, false, now, step.receipt ?? undefined);
          break;
        case 'save':
          snapshot = planner.snapshot();
          journal = value === true ? '' : journal;
          break;
        case 'tear':
          journal = journal.slice(0, -value);
          break;
        case 'restore': {
          // What was asked for is among what the journal names.
          const receipts = syncReceipts(journal);
          planner = SyncPlanner.restore(snapshot, journal, receipts.filter((receipt) => value.includes(receipt)));
          break;
        }
        case 'snapshot':
          assert.equal(snapshot, value.map((line) => `${line}\n`).join(''));
          break;
        case 'snapshot_contains':
          assert.ok(snapshot.includes(value), snapshot);
          break;
        case 'journal':
          assert.equal(journal, value.map((line) => `${line}\n`).join(''));
          break;
        case 'deletions':
          assert.deepEqual([...planner.deletions(step.rules.delete_after ?? undefined, now)], value);
          break;
        case 'dele':
          value.forEach((number) => planner.deleAccepted(number, now));
          break;
        case 'quit':
          planner.quitAccepted(value);
          break;
        case 'next_login':
          assert.equal(planner.nextLogin() ?? null, value);
          break;
        default:
          assert.fail(`unknown step ${kind}`);
      }
    }
  }

  function plan(planner, { listing, headers = {}, now, expire, login_delay, rules = {} }) {
    const named = listing.filter(([, , uid]) => uid !== null);
    const lines = {
      numbers: Uint32Array.from(listing, ([number]) => number),
      sizes: Float64Array.from(listing, ([, octets]) => octets),
      uidNumbers: Uint32Array.from(named, ([number]) => number),
      uids: named.map(([, , uid]) => uid),
    };
    const sizes = new Map([...listing].reverse().map(([number, octets]) => [number, octets]));
    const nameless = [...syncWithoutUid(lines)];
    const fingerprints = Object.entries(headers).map(([number, header]) => {
      assert.ok(nameless.includes(Number(number)));
      return { number: Number(number), text: syncFingerprint(Buffer.from(header), sizes.get(Number(number))) };
    });
    const made = planner.plan(lines, {
      now,
      fingerprints,
      ...given({
        expire,
        loginDelay: login_delay,
        deleteAfter: rules.delete_after,
        largest: rules.largest,
        mostMessages: rules.most_messages,
      }),
      headersOfLarger: rules.too_large === 'headers',
      newestFirst: rules.newest_first ?? false,
    });
    return {
      fetch: Array.from(made.fetch, ({ number, headersOnly }) => (headersOnly ? [number, 'headers'] : number)),
      present: made.present,
      too_large: made.tooLarge,
      postponed: made.postponed,
      warnings: Array.from(made.warnings, ({ name }) => name),
    };
  }
}

function given(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== null));
}
