// `summaries` and `fetchNew` over scripted transports and a store in memory: the same scenarios for every
// package that has the face.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLEAR, GREETING, Script, loggedIn } from './scripted.mjs';

const TWO = '+OK\r\n1 20\r\n2 21\r\n.\r\n+OK\r\n1 a\r\n2 b\r\n.\r\n';
const TWO_WITHOUT_UIDS = '+OK\r\n1 20\r\n2 21\r\n.\r\n-ERR\r\n';
const MAIL = ['+OK\r\nSubject: one\r\n\r\n.\r\n', '+OK\r\nSubject: two\r\n\r\n.\r\n'];

/** A store as a page may have one. */
class MemoryStore {
  snapshot;
  journal = '';
  closed = 0;
  writes = [];

  read() {
    return this.snapshot === undefined ? undefined : { snapshot: this.snapshot, journal: this.journal };
  }

  async replace(snapshot) {
    this.writes.push('replace');
    [this.snapshot, this.journal] = [snapshot, ''];
  }

  async append(line) {
    this.writes.push('append');
    this.journal += line;
  }

  close() {
    this.closed += 1;
  }
}

/** Defines the scenarios for the face of one package. */
export function syncScenarios({ Pop3, Pop3Error, NewMessage, SyncState }) {
  const open = (replies, options) => loggedIn(Pop3, replies, options);
  const usage = (message) => (error) => {
    assert.ok(error instanceof Pop3Error, `${error?.stack}`);
    assert.equal(error.code, 'POP3_ERR_USAGE_ARGUMENT');
    assert.match(error.message, message);
    return true;
  };
  /** The numbers that a run brings. */
  const numbers = async (box, state, rules) => {
    const seen = [];
    for await (const mail of box.fetchNew(state, rules)) {
      seen.push(mail.number);
    }
    return seen;
  };

  test('summaries have the fields of the header, and no body is fetched', async () => {
    const header = 'Subject: =?utf-8?q?caf=C3=A9?=\r\nFrom: A <a@b.example>\r\nTo: c@d.example\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@b.example>\r\n\r\n';
    const { box, script } = await open([TWO, `+OK\r\n${header}.\r\n+OK\r\n\r\n.\r\n`, '+OK 2 41\r\n']);
    const found = [];
    for await (const summary of box.summaries()) {
      found.push(summary);
    }
    const [first, second] = found;
    assert.deepEqual([first.number, first.uid, first.octets], [1, 'a', 20]);
    assert.equal(first.subject, 'café');
    assert.deepEqual(first.from[0].address, 'a@b.example');
    assert.deepEqual(first.to[0].address, 'c@d.example');
    assert.equal(first.date.toISOString(), '2026-11-23T10:00:00.000Z');
    assert.equal(first.messageId, '1@b.example');
    assert.equal(first.headers.get('subject').value, 'café');
    assert.deepEqual([second.subject, second.from, second.date, second.messageId], [null, [], null, null]);
    assert.equal(script.written, 'LIST\r\nUIDL\r\nTOP 1 0\r\nTOP 2 0\r\n');
    assert.deepEqual(await box.stat(), { count: 2, octets: 41 });
  });

  test('summaries take numbers, and a reader that stops leaves the session in order', async () => {
    const { box, script } = await open([TWO, '+OK\r\nA: b\r\n\r\n.\r\n', '+OK\r\nA: b\r\n\r\n.\r\n', '+OK 2 41\r\n']);
    for await (const { number } of box.summaries([2, 1])) {
      assert.equal(number, 2);
      break;
    }
    assert.deepEqual(await box.stat(), { count: 2, octets: 41 });
    assert.equal(script.written, 'LIST\r\nUIDL\r\nTOP 2 0\r\nTOP 1 0\r\nSTAT\r\n');
    assert.throws(() => box.summaries([0]), /message number must be/);
  });

  test('a server without TOP says so, or is asked for everything', async () => {
    const { box } = await open([TWO, '-ERR no TOP\r\n-ERR no TOP\r\n']);
    await assert.rejects(async () => {
      for await (const summary of box.summaries()) {
        assert.fail(summary);
      }
    }, { code: 'POP3_ERR_COMMAND' });
    const again = await open([TWO, '-ERR no TOP\r\n-ERR no TOP\r\n', MAIL[0], MAIL[1]]);
    const subjects = [];
    for await (const { subject } of again.box.summaries(undefined, { retr: true })) {
      subjects.push(subject);
    }
    assert.deepEqual(subjects, ['one', 'two']);
  });

  test('a fetched message gives its summary too', async () => {
    const { box } = await open([TWO, MAIL.join('')]);
    const { value } = await box.fetch().next();
    const { headers, ...rest } = value.summary();
    assert.deepEqual(rest, { number: 1, uid: 'a', octets: 20, subject: 'one', from: [], to: [], date: null, messageId: null });
    assert.equal(headers.length, 1);
  });

  test('fetchNew brings each message once', async () => {
    const store = new MemoryStore();
    for (const expected of [['one', 'two'], []]) {
      const state = await SyncState.open(store);
      const { box, script } = await open([TWO, ...(expected.length > 0 ? [MAIL.join('')] : []), '+OK bye\r\n']);
      const subjects = [];
      for await (const mail of box.fetchNew(state)) {
        assert.ok(mail instanceof NewMessage);
        assert.equal(mail.headersOnly, false);
        subjects.push(mail.message.subject);
      }
      await box.quit();
      assert.deepEqual(subjects, expected);
      assert.deepEqual(state.warnings, []);
      assert.equal(state.mailbox, 'me@pop.example.com:110');
      assert.deepEqual([state.size, state.plan.present], [2, 2 - expected.length]);
      assert.ok(!script.written.includes('DELE'));
      await state.close();
      await state.close();
    }
    assert.equal(store.closed, 2);
    assert.equal(JSON.parse(store.snapshot).messages.length, 2);
  });

  test('a run that is killed after any message loses none and brings none twice', async () => {
    const store = new MemoryStore();
    for (const expected of [[1, 2], [2], []]) {
      // Nothing but the store survives.
      const state = await SyncState.open(store);
      const { box } = await open([TWO, expected.map((number) => MAIL[number - 1]).join('')]);
      const fetching = box.fetchNew(state);
      const { value, done } = await fetching.next();
      assert.equal(done ?? false, expected.length === 0);
      assert.equal(value?.number, expected[0]);
      await value?.done();
    }
  });

  test('a loop that is left brings the message again unless it is done', async () => {
    const state = await SyncState.open(new MemoryStore());
    const first = await open([TWO, MAIL.join('')]);
    for await (const mail of first.box.fetchNew(state, { deleteAfter: 0 })) {
      assert.equal(mail.isDone, false);
      break;
    }
    const second = await open([TWO, MAIL.join('')]);
    await assert.rejects(async () => {
      for await (const mail of second.box.fetchNew(state)) {
        assert.equal(mail.number, 1);
        await mail.done();
        throw new RangeError('mine');
      }
    }, RangeError);
    const third = await open([TWO, MAIL[1], '+OK\r\n+OK\r\n', '+OK bye\r\n', '+OK\r\n.\r\n+OK\r\n.\r\n']);
    assert.deepEqual(await numbers(third.box, state, { deleteAfter: 0 }), [2]);
    assert.ok(third.script.written.endsWith('DELE 1\r\nDELE 2\r\n'));
    assert.ok(!first.script.written.includes('DELE'));
  });

  test('deletions are sent again until QUIT is accepted, and then named', async () => {
    const store = new MemoryStore();
    const outcomes = [
      ['-ERR no\r\n', [1, 2], []],
      ['+OK\r\n', [], []],
      ['+OK\r\n', [], ['not_deleted']],
    ];
    for (const [quit, expected, names] of outcomes) {
      const state = await SyncState.open(store);
      const content = expected.length > 0 ? [MAIL.join('')] : [];
      const { box, script } = await open([TWO, ...content, '+OK\r\n+OK\r\n', quit]);
      assert.deepEqual(await numbers(box, state, { deleteAfter: 0 }), expected);
      assert.deepEqual(state.warnings.map(({ name }) => name), names);
      await box.quit().catch((error) => assert.match(error.message, /QUIT/));
      assert.ok(script.written.endsWith('DELE 1\r\nDELE 2\r\nQUIT\r\n'));
      await state.close();
    }
  });

  test('a message may be deleted at once, whatever the rules say', async () => {
    const state = await SyncState.open(new MemoryStore());
    const { box, script } = await open([TWO, MAIL.join(''), '+OK\r\n+OK\r\n', '+OK bye\r\n']);
    for await (const mail of box.fetchNew(state)) {
      await mail.delete();
      assert.ok(mail.isDone);
    }
    await box.quit();
    assert.ok(script.written.endsWith('DELE 1\r\nDELE 2\r\nQUIT\r\n'));
  });

  test('rules choose: sizes, order, number', async () => {
    const state = await SyncState.open(new MemoryStore());
    const listing = '+OK\r\n1 20\r\n2 9000\r\n3 30\r\n4 40\r\n.\r\n+OK\r\n1 a\r\n2 b\r\n3 c\r\n4 d\r\n.\r\n';
    const first = await open([listing, '+OK\r\n4\r\n.\r\n+OK\r\n3\r\n.\r\n']);
    const rules = { maxSize: 5_000, newestFirst: true, limit: 2 };
    assert.deepEqual(await numbers(first.box, state, rules), [4, 3]);
    assert.deepEqual([state.plan.tooLarge, state.plan.postponed], [1, 1]);
    const second = await open([listing, `${MAIL[0]}+OK\r\nSubject: large\r\n\r\n.\r\n`]);
    const found = [];
    for await (const mail of second.box.fetchNew(state, { maxSize: 5_000, larger: 'headers' })) {
      found.push([mail.number, mail.headersOnly, mail.message.subject]);
    }
    assert.deepEqual(found, [
      [1, false, 'one'],
      [2, true, 'large'],
    ]);
    assert.ok(second.script.written.endsWith('RETR 1\r\nTOP 2 0\r\n'));
  });

  for (const [name, top] of Object.entries({ TOP: ['+OK\r\nMessage-ID: <x@y>\r\n\r\n.\r\n'.repeat(2)], 'no TOP': ['-ERR\r\n-ERR\r\n', MAIL.join('')] })) {
    test(`a server without UIDL is known by its headers (${name})`, async () => {
      const store = new MemoryStore();
      for (const expected of [[1, 2], []]) {
        const state = await SyncState.open(store);
        const content = expected.length > 0 ? [MAIL.join('')] : [];
        const { box } = await open([TWO_WITHOUT_UIDS, ...top, ...content]);
        assert.deepEqual(await numbers(box, state), expected);
        assert.deepEqual(state.warnings.map(({ name }) => name), ['no_uid']);
      }
    });
  }

  test('a message that is refused does not stop the others', async () => {
    const state = await SyncState.open(new MemoryStore());
    const { box, script } = await open([TWO, `-ERR gone\r\n${MAIL[1]}`, '-ERR [SYS/TEMP] no\r\n', '+OK bye\r\n']);
    assert.deepEqual(await numbers(box, state, { deleteAfter: 0 }), [2]);
    assert.deepEqual(state.warnings.map(({ name }) => name), ['refused', 'refused']);
    assert.match(state.warnings[0].text, /^message 1: .*gone/);
    await box.quit();
    assert.ok(script.written.endsWith('DELE 2\r\nQUIT\r\n'));
  });

  /** A session whose server says this after the login. */
  const withCapability = async (capability, replies) => {
    const login = [GREETING, '+OK\r\nUSER\r\nPIPELINING\r\n.\r\n', '+OK\r\n+OK in\r\n'];
    const script = new Script([...login, `+OK\r\nPIPELINING\r\nUIDL\r\n${capability}\r\n.\r\n`, ...replies]);
    return { script, box: await Pop3.connect({ ...CLEAR, transport: script }) };
  };

  test('a server that deletes what it sent sees no QUIT before all is safe', async () => {
    const state = await SyncState.open(new MemoryStore());
    const first = await withCapability('EXPIRE 0', [TWO, MAIL.join('')]);
    for await (const mail of first.box.fetchNew(state)) {
      await mail.done();
      break;
    }
    assert.ok(first.script.closed);
    const second = await withCapability('EXPIRE 0', [TWO, MAIL[1], '+OK bye\r\n']);
    assert.deepEqual(await numbers(second.box, state), [2]);
    assert.deepEqual(state.warnings.map(({ name }) => name), ['server_deletes_fetched']);
    await second.box.quit();
  });

  test('a delay between logins is kept', async () => {
    const store = new MemoryStore();
    const state = await SyncState.open(store);
    state.checkLogin();
    const { box } = await withCapability('LOGIN-DELAY 900', [TWO, MAIL.join('')]);
    assert.deepEqual(await numbers(box, state), [1, 2]);
    const again = await SyncState.open(store);
    assert.ok(again.nextLogin > new Date());
    assert.throws(() => again.checkLogin(), usage(/the next login to me@pop\.example\.com:110 is from 20\d\d-/));
  });

  test('a connection that ends deletes nothing and loses nothing', async () => {
    const store = new MemoryStore();
    const state = await SyncState.open(store);
    const { box, script } = await open([TWO, MAIL.join(''), '+O']);
    await assert.rejects(numbers(box, state, { deleteAfter: 0 }), { code: 'POP3_ERR_CONNECTION_LOST' });
    assert.ok(!script.written.includes('QUIT'));
    assert.ok(JSON.parse(store.snapshot).messages.every(({ delivered }) => delivered > 0));
  });

  test('receipts are asked for', async () => {
    const store = new MemoryStore();
    const state = await SyncState.open(store);
    const { box } = await open([TWO, MAIL.join('')]);
    const fetching = box.fetchNew(state);
    await fetching.next();
    await state.noteArriving(1, 'here');
    await state.noteArriving(2, 'not there');
    const asked = [];
    const arrived = async (receipt) => {
      asked.push(receipt);
      return receipt === 'here';
    };
    const again = await SyncState.open(store, { arrived });
    assert.deepEqual(asked, ['here', 'not there']);
    const second = await open([TWO, MAIL[1]]);
    assert.deepEqual(await numbers(second.box, again), [2]);
  });

  test('a store without a journal is replaced for each message', async () => {
    const store = new MemoryStore();
    store.append = undefined;
    const state = await SyncState.open(store);
    const { box } = await open([TWO, MAIL.join('')]);
    const fetching = box.fetchNew(state);
    await (await fetching.next()).value.done();
    const again = await SyncState.open(store);
    const second = await open([TWO, MAIL[1]]);
    assert.deepEqual(await numbers(second.box, again), [2]);
    await assert.rejects(state.noteArriving(1, 'x'), usage(/needs append/));
  });

  test('a store that fails is told, and the message comes again', async () => {
    const store = new MemoryStore();
    const state = await SyncState.open(store);
    const { box } = await open([TWO, MAIL.join('')]);
    const cause = new Error('quota exceeded');
    store.append = () => Promise.reject(cause);
    await assert.rejects(numbers(box, state), (error) => error === cause);
    delete store.append;
    const second = await open([TWO, MAIL.join('')]);
    assert.deepEqual(await numbers(second.box, await SyncState.open(store)), [1, 2]);
  });

  test('a state is for one mailbox', async () => {
    const state = await SyncState.open(new MemoryStore(), { mailbox: 'me@other.example:995' });
    const { box, script } = await open([]);
    await assert.rejects(numbers(box, state), usage(/that of "me@other\.example:995", not of "me@pop\.example\.com:110"/));
    assert.equal(script.written, '');
  });

  test('a closed state says so', async () => {
    const state = await SyncState.open(new MemoryStore());
    await state[Symbol.asyncDispose]();
    await assert.rejects(async () => state.save(), usage(/closed/));
    const { box } = await open([]);
    await assert.rejects(numbers(box, state), usage(/closed/));
  });

  test('a damaged state is refused, left alone and let go', async () => {
    for (const snapshot of ['', '{', '[]', '{"version":1}', '{"version":2,"new":0}']) {
      const store = new MemoryStore();
      store.snapshot = snapshot;
      await assert.rejects(SyncState.open(store), usage(/the state is .*remove it to fetch everything again/));
      assert.deepEqual([store.closed, store.writes], [1, []]);
    }
  });

  test('rules that cannot be are refused before anything is asked', async () => {
    const state = await SyncState.open(new MemoryStore());
    const { box, script } = await open([]);
    for (const rules of [{ deleteAfter: -1 }, { maxSize: 1.5 }, { limit: NaN }, { larger: 'x' }, { newestFirst: 1 }, { keep: 1 }]) {
      assert.throws(() => box.fetchNew(state, rules), usage(/must be|unknown rule/));
    }
    assert.equal(script.written, '');
  });
}
