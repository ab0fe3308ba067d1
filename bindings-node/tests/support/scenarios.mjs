// `Pop3` over scripted transports: what users see when servers and programs do odd things. The same
// scenarios for every package that has the face; long because each is short and all share their openers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { CLEAR, GREETING, PIPELINED, SILENCE, Script, THREE, collected, loggedIn, streams, text } from './scripted.mjs';

/** Defines the scenarios for the face of one package. */
export function scenarios({ Pop3, Pop3Error, AbortError, RemoteMessage, apopDigest }) {
  const FATAL = Pop3Error.codes;
  const open = (replies, options) => loggedIn(Pop3, replies, options);
  const connect = (replies, options = {}) => {
    const script = new Script(replies);
    return { script, session: Pop3.connect({ ...CLEAR, transport: script, ...options }) };
  };
  const code = (name) => (error) => {
    assert.ok(error instanceof Pop3Error, `${error?.stack}`);
    assert.equal(error.code, name);
    assert.equal(error.fatal, FATAL[name]);
    return true;
  };

  test('small results are plain objects', async () => {
    const { box } = await open([
      '+OK 2 320\r\n',
      '+OK\r\n1 120\r\n.\r\n',
      '+OK 1 120\r\n',
      '+OK\r\n1 abc\r\n2 é\r\n.\r\n',
      '+OK 1 abc\r\n',
      '+OK\r\nA: b\r\n\r\n.\r\n',
      '+OK\r\nTOP\r\nSASL PLAIN LOGIN\r\n.\r\n',
    ]);
    assert.deepEqual(await box.stat(), { count: 2, octets: 320 });
    assert.deepEqual(await box.list(), [{ number: 1, octets: 120 }]);
    assert.deepEqual(await box.list(1), { number: 1, octets: 120 });
    assert.deepEqual(await box.uidl(), [
      { number: 1, uid: 'abc' },
      { number: 2, uid: '\ufffd' },
    ]);
    assert.deepEqual(await box.uidl(1), { number: 1, uid: 'abc' });
    assert.equal(text(await box.top(1)), 'A: b\r\n\r\n');
    assert.equal(Object.hasOwn(box.capabilities, 'PIPELINING'), true);
    assert.deepEqual(await box.capa(), { TOP: [], SASL: ['PLAIN', 'LOGIN'] });
    assert.equal(text(box.greeting), '+OK ready');
    assert.equal(box.state, 'transaction');
  });

  test('iteration is pipelined and in order', async () => {
    const { box, script } = await open([
      THREE,
      '+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.\r\n+OK\r\nthree\r\n.\r\n',
      '+OK bye\r\n',
    ]);
    const seen = [];
    for await (const mail of box) {
      assert.ok(mail instanceof RemoteMessage);
      seen.push([mail.number, mail.uid, mail.octets, text(mail.raw)]);
    }
    await box.quit();
    assert.deepEqual(seen, [
      [1, 'a', 5, 'one\r\n'],
      [2, 'b', 5, 'two\r\n'],
      [3, 'c', 5, 'three\r\n'],
    ]);
    assert.equal(script.written, 'LIST\r\nUIDL\r\nRETR 1\r\nRETR 2\r\nRETR 3\r\nQUIT\r\n');
    assert.equal(box.state, 'closed');
    assert.ok(script.closed);
  });

  test('iteration asks no further ahead than its limit', async () => {
    const { box, script } = await open([THREE, '+OK\r\none\r\n.\r\n', '+OK\r\ntwo\r\n.\r\n'], {
      limits: { prefetchOctets: 4 },
    });
    const { value } = await box.fetch().next();
    assert.equal(text(value.raw), 'one\r\n');
    assert.equal(script.written, 'LIST\r\nUIDL\r\nRETR 1\r\n');
  });

  test('iteration stopped early leaves a usable connection', async () => {
    const { box } = await open([
      THREE,
      '+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n',
      '.\r\n-ERR gone\r\n',
      '+OK 3 15\r\n',
      '+OK\r\n',
    ]);
    for await (const mail of box) {
      assert.equal(mail.number, 1);
      break;
    }
    assert.deepEqual(await box.stat(), { count: 3, octets: 15 });
    await box.quit();
  });

  test('messages that came whole are given before the loss of the connection is told', async () => {
    const { box } = await open([THREE, '+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.\r\n+OK\r\nthr']);
    const seen = [];
    await assert.rejects(async () => {
      for await (const mail of box) {
        seen.push(mail.number);
      }
    }, code('POP3_ERR_CONNECTION_LOST'));
    assert.deepEqual(seen, [1, 2]);
  });

  test('a refused message ends the iteration and leaves a usable connection', async () => {
    const { box } = await open([
      THREE,
      '+OK\r\none\r\n.\r\n-ERR gone\r\n+OK\r\nthree\r\n.\r\n',
      '+OK 3 15\r\n',
    ]);
    const seen = [];
    await assert.rejects(async () => {
      for await (const mail of box) {
        seen.push(mail.number);
      }
    }, code('POP3_ERR_COMMAND'));
    assert.deepEqual(seen, [1]);
    assert.deepEqual(await box.stat(), { count: 3, octets: 15 });
  });

  test('a server without UIDL gives messages without uids', async () => {
    const { box } = await open(['+OK\r\n4 5\r\n.\r\n-ERR no UIDL\r\n', '+OK\r\nfour\r\n.\r\n']);
    for await (const mail of box) {
      assert.deepEqual([mail.number, mail.uid], [4, undefined]);
    }
  });

  test('fetch takes numbers', async () => {
    const { box, script } = await open([THREE, '+OK\r\nthree\r\n.\r\n+OK\r\none\r\n.\r\n']);
    const seen = [];
    for await (const mail of box.fetch(new Set([3, 1]))) {
      seen.push(mail.number);
    }
    assert.deepEqual(seen, [3, 1]);
    assert.ok(script.written.endsWith('RETR 3\r\nRETR 1\r\n'));
  });

  test('marks set in passing are settled before QUIT', async () => {
    const { box, script } = await open([THREE, '+OK\r\none\r\n.\r\n'.repeat(3), '+OK\r\n'.repeat(3), '+OK bye\r\n']);
    for await (const mail of box) {
      mail.delete();
    }
    await box.quit();
    assert.ok(script.written.endsWith('DELE 1\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n'));
  });

  test('a refused mark is thrown and nothing is deleted', async () => {
    const { box, script } = await open([
      THREE,
      '+OK\r\none\r\n.\r\n'.repeat(3),
      '+OK\r\n-ERR locked\r\n+OK\r\n',
    ]);
    for await (const mail of box) {
      mail.delete();
    }
    await assert.rejects(box.quit(), /refused DELE: -ERR locked/);
    assert.ok(!script.written.includes('QUIT'));
    assert.ok(script.closed);
  });

  test('a session that is disposed of sends no QUIT', async () => {
    const { box, script } = await open(['+OK\r\n']);
    await box.dele(1);
    await box[Symbol.asyncDispose]();
    assert.equal(script.written, 'DELE 1\r\n');
    assert.ok(script.closed);
    assert.equal(box.state, 'closed');
  });

  test('commands given at the same time are answered in order', async () => {
    const { box, script } = await open(['+OK 1 5\r\n-ERR no\r\n+OK\r\none\r\n.\r\n+OK\r\n']);
    const results = await Promise.allSettled([box.stat(), box.dele(9), box.retr(1), box.noop()]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    assert.equal(script.written, 'STAT\r\nDELE 9\r\nRETR 1\r\nNOOP\r\n');
    assert.equal(text(results[2].value), 'one\r\n');
  });

  test('the terminator may be split at every octet', async () => {
    const reply = '+OK\r\na\r\n..\r\n\r\n.\r\n+OK 1 9\r\n';
    for (let first = 1; first < reply.length; first += 1) {
      for (const second of [first + 1, first + 2, reply.length]) {
        const pieces = [reply.slice(0, first), reply.slice(first, second), reply.slice(second)].filter(Boolean);
        const { box } = await open(pieces);
        const [raw, stat] = await Promise.all([box.retr(1), box.stat()]);
        assert.equal(text(raw), 'a\r\n.\r\n\r\n');
        assert.deepEqual(stat, { count: 1, octets: 9 });
        const again = await open(pieces);
        const stream = again.box.retrStream(1);
        const after = again.box.stat();
        assert.equal(await collected(stream), 'a\r\n.\r\n\r\n');
        assert.deepEqual(await after, { count: 1, octets: 9 });
      }
    }
  });

  test('a stream reads no more than its reader asks for', async () => {
    const { box, script } = await open(['+OK\r\none', 'two', 'three\r\n.\r\n', '+OK 1 5\r\n']);
    const before = script.reads;
    const stream = box.retrStream(1);
    const stat = box.stat();
    assert.equal(script.written, '');
    const reader = stream.getReader();
    assert.equal(text((await reader.read()).value), 'one');
    await new Promise((resolve) => setTimeout(resolve, 5));
    // One more is read for the command that waits, and no more than that.
    assert.ok(script.reads - before <= 2, `${script.reads - before} reads`);
    reader.releaseLock();
    assert.equal(await collected(stream), 'twothree\r\n');
    assert.deepEqual(await stat, { count: 1, octets: 5 });
  });

  test('a refused stream errors and leaves a usable connection', async () => {
    const { box } = await open(['-ERR [SYS/TEMP] no\r\n', '+OK\r\n']);
    await assert.rejects(collected(box.retrStream(9)), (error) => {
      assert.deepEqual([error.code, error.responseCode, error.verdict], ['POP3_ERR_COMMAND', 'SYS/TEMP', 'retry_after']);
      return true;
    });
    await box.noop();
  });

  test('a stream that is cancelled closes the connection', async () => {
    const { box, script } = await open(['+OK\r\none', SILENCE]);
    for await (const chunk of box.retrStream(1)) {
      assert.equal(text(chunk), 'one');
      break;
    }
    assert.ok(script.closed);
    await assert.rejects(box.stat(), code('POP3_ERR_USAGE_CLOSED'));
  });

  test('a message that ends early is no message', async () => {
    const { box } = await open(['+OK\r\nhalf a mess']);
    await assert.rejects(box.retr(1), /inside a message/);
    assert.equal(box.state, 'failed');
    const again = await open(['+OK\r\nhalf a mess']);
    await assert.rejects(collected(again.box.retrStream(1)), code('POP3_ERR_CONNECTION_LOST'));
  });

  test('a reset connection keeps its cause', async () => {
    const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    const { box, script } = await open([cause]);
    await assert.rejects(box.noop(), (error) => code('POP3_ERR_CONNECTION_LOST')(error) && error.cause === cause);
    assert.ok(script.closed);
    await assert.rejects(box.noop(), (error) => {
      assert.match(error.message, /^the connection to pop.example.com port 110 is closed: /);
      return code('POP3_ERR_USAGE_CLOSED')(error) && error.cause.code === 'POP3_ERR_CONNECTION_LOST';
    });
  });

  test('a refusal leaves the connection usable', async () => {
    const { box } = await open(['-ERR [SYS/TEMP] disk\r\n', '+OK\r\n']);
    await assert.rejects(box.retr(9), (error) => {
      assert.equal(text(error.response), '-ERR [SYS/TEMP] disk');
      assert.equal(error.responseCode, 'SYS/TEMP');
      assert.equal(error.verdict, 'retry_after');
      return code('POP3_ERR_COMMAND')(error);
    });
    await box.noop();
  });

  test('a refused login is told apart and closes', async () => {
    const { script, session } = connect([...PIPELINED.slice(0, 2), '+OK\r\n-ERR [AUTH] wrong\r\n']);
    await assert.rejects(session, (error) => {
      assert.match(error.message, /refused the login of me/);
      assert.ok(!error.message.includes('secret'));
      assert.equal(error.verdict, 'bad_credentials');
      return code('POP3_ERR_AUTHENTICATION')(error);
    });
    assert.ok(script.closed);
  });

  test('a password in the clear is refused before the connection', async () => {
    const { script, session } = connect([], { allowCleartext: false, auth: 'plain' });
    await assert.rejects(session, code('POP3_ERR_INSECURE_CLEARTEXT'));
    assert.equal(script.written, '');
    assert.equal(script.reads, 0);
  });

  test('a password is not sent in the clear where no SCRAM is offered', async () => {
    const { script, session } = connect(PIPELINED, { allowCleartext: false });
    await assert.rejects(session, (error) => {
      assert.match(error.message, /offers no SCRAM/);
      return code('POP3_ERR_INSECURE_CLEARTEXT')(error);
    });
    assert.equal(script.written, 'CAPA\r\n');
    assert.ok(script.closed);
  });

  test('each login has its own nonce', async () => {
    const nonces = new Set();
    for (const auth of ['scram-sha-1', 'scram-sha-256', 'scram-sha-256']) {
      const { script, session } = connect([GREETING, '+OK\r\n.\r\n', '+ \r\n', '-ERR no\r\n'], { auth });
      await assert.rejects(session, code('POP3_ERR_AUTHENTICATION'));
      const first = Buffer.from(script.written.split('\r\n')[2], 'base64').toString();
      assert.match(first, /^n,,n=me,r=[\w-]{32}$/);
      nonces.add(first);
    }
    assert.equal(nonces.size, 3);
  });

  const XOAUTH2 = [GREETING, '+OK\r\nSASL XOAUTH2\r\n.\r\n', '+ \r\n'];

  test('a token is given, or got by a function', async () => {
    for (const token of ['ya29.t', Buffer.from('ya29.t'), () => 'ya29.t', async () => 'ya29.t']) {
      const { script, session } = connect([...XOAUTH2, '+OK in\r\n', '-ERR\r\n'], { password: undefined, token });
      (await session).close();
      const [, command, response] = script.written.split('\r\n');
      assert.equal(command, 'AUTH XOAUTH2');
      assert.equal(text(Buffer.from(response, 'base64')), 'user=me\x01auth=Bearer ya29.t\x01\x01');
    }
  });

  test('a token that cannot be got is told before the connection', async () => {
    const cause = new Error('no refresh token');
    const refusing = connect([], { password: undefined, token: () => Promise.reject(cause) });
    await assert.rejects(refusing.session, (error) => error === cause);
    for (const token of [() => undefined, () => 5]) {
      const { script, session } = connect([], { password: undefined, token });
      await assert.rejects(session, code('POP3_ERR_USAGE_ARGUMENT'));
      assert.equal(script.reads, 0);
    }
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = connect([], { password: undefined, token: () => new Promise(() => {}), signal });
    controller.abort();
    await assert.rejects(waiting.session, { name: 'AbortError' });
  });

  test('a refused token tells what OAuth says', async () => {
    const challenge = '+ eyJzdGF0dXMiOiI0MDAifQ==\r\n';
    const { session } = connect([...XOAUTH2, challenge, '-ERR no\r\n'], { password: undefined, token: 'ya29.t' });
    await assert.rejects(session, (error) => {
      assert.equal(error.detail, '{"status":"400"}');
      assert.equal(error.guessedVerdict, 'unknown');
      assert.ok(!JSON.stringify([error.message, error.stack, { ...error }]).includes('ya29'));
      return code('POP3_ERR_AUTHENTICATION')(error);
    });
  });

  test('the words of an old server are guessed at', async () => {
    const { box } = await open(['-ERR mailbox is locked\r\n']);
    await assert.rejects(box.noop(), (error) => {
      assert.deepEqual([error.verdict, error.guessedVerdict, error.detail], ['unknown', 'retry_after', undefined]);
      return true;
    });
  });

  test('a trace shows the dialogue without secrets', async () => {
    const lines = [];
    const trace = (direction, line) => lines.push([direction, line]);
    const { box } = await open(['+OK\r\none\r\n.\r\n', '+OK bye\r\n'], { trace });
    await box.retr(1);
    await box.quit();
    assert.deepEqual(lines.slice(0, 2), [
      ['received', '+OK ready'],
      ['sent', 'CAPA'],
    ]);
    assert.ok(lines.some(([direction, line]) => direction === 'sent' && line === 'PASS [secret]'));
    assert.deepEqual(lines.slice(-2), [
      ['sent', 'QUIT'],
      ['received', '+OK bye'],
    ]);
    assert.ok(!JSON.stringify(lines).replaceAll('[secret]', '').includes('secret'));
    assert.ok(!JSON.stringify(lines).includes('one'));
  });

  test('a trace that throws ends the connection', async () => {
    const cause = new Error('disk full');
    const { script, session } = connect(PIPELINED, {
      trace() {
        throw cause;
      },
    });
    await assert.rejects(session, (error) => error === cause);
    assert.ok(script.closed);
  });

  test('languages are listed and chosen', async () => {
    const { box, script } = await open(['+OK\r\nde Deutsch\r\n.\r\n', '+OK de Gr\xc3\xbc\xc3\x9f Gott\r\n', '-ERR no\r\n']);
    assert.deepEqual(await box.lang(), [{ tag: 'de', name: 'Deutsch' }]);
    assert.equal(await box.lang('de'), 'de Grüß Gott');
    await assert.rejects(box.lang('xx'), code('POP3_ERR_COMMAND'));
    await assert.rejects(box.lang('de\r\nDELE 1'), code('POP3_ERR_USAGE_ARGUMENT'));
    await assert.rejects(box.lang(5), /language must be a string/);
    assert.equal(script.written, 'LANG\r\nLANG de\r\nLANG xx\r\n');
  });

  test('UTF8 is asked for where it is offered', async () => {
    const offers = '+OK\r\nUSER\r\nUTF8\r\n.\r\n';
    const { script, session } = connect([GREETING, offers, '+OK\r\n', '+OK\r\n', '+OK\r\n', offers], { utf8: true });
    const box = await session;
    assert.ok(script.written.startsWith('CAPA\r\nUTF8\r\nUSER me\r\n'), script.written);
    box.close();
    await assert.rejects(connect([GREETING], { utf8: 'yes' }).session, /utf8 must be true or false/);
  });

  test('a server that stalls is a timeout', async () => {
    for (const replies of [[], [GREETING], [GREETING, '+OK\r\nUS'], PIPELINED.slice(0, 3)]) {
      const { script, session } = connect([...replies, SILENCE], { timeout: 20 });
      await assert.rejects(session, code('POP3_ERR_TIMEOUT'));
      assert.ok(script.closed);
    }
    const { box } = await open(['+OK\r\nhalf', SILENCE], { timeout: 20 });
    await assert.rejects(collected(box.retrStream(1)), code('POP3_ERR_TIMEOUT'));
    assert.equal(box.state, 'failed');
  });

  test('a slow reader of a stream is no silence of the server', async () => {
    const { box } = await open(['+OK\r\none', 'two\r\n.\r\n', '+OK 1 8\r\n'], { timeout: 250 });
    const reader = box.retrStream(1).getReader();
    await reader.read();
    const stat = box.stat();
    await new Promise((resolve) => setTimeout(resolve, 750));

    while (!(await reader.read()).done);
    assert.deepEqual(await stat, { count: 1, octets: 8 });
  });

  test('a server that closes is a lost connection', async () => {
    for (let count = 0; count < PIPELINED.length; count += 1) {
      const { session } = connect(PIPELINED.slice(0, count));
      await assert.rejects(session, code('POP3_ERR_CONNECTION_LOST'));
    }
  });

  test('a server that sends garbage breaks the rules', async () => {
    for (const garbage of ['220 smtp ready\r\n', '\0\0\r\n', '* OK IMAP\r\n']) {
      await assert.rejects(connect([garbage]).session, code('POP3_ERR_MALFORMED_REPLY'));
      const { box } = await open([garbage]);
      await assert.rejects(box.stat(), code('POP3_ERR_MALFORMED_REPLY'));
    }
    await assert.rejects(connect(['x'.repeat(100_000)]).session, code('POP3_ERR_LIMIT_STATUS_LINE'));
  });

  test('an abort in the middle of a message closes the connection', async () => {
    const controller = new AbortController();
    const { box, script } = await open(['+OK\r\nhalf', SILENCE]);
    const content = box.retr(1, { signal: controller.signal });
    const stat = box.stat();
    setTimeout(() => controller.abort(new Error('enough')), 5);
    await assert.rejects(content, (error) => {
      assert.ok(error instanceof AbortError);
      assert.deepEqual([error.name, error.code, error.cause.message], ['AbortError', 'ABORT_ERR', 'enough']);
      assert.equal(error.message, 'aborted, the connection to pop.example.com port 110 is closed');
      return true;
    });
    await assert.rejects(stat, { name: 'AbortError' });
    assert.ok(script.closed);
    assert.equal(box.state, 'closed');
    await assert.rejects(box.quit(), code('POP3_ERR_USAGE_CLOSED'));
  });

  test('an abort reaches streams, iterations and logins', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const streaming = await open(['+OK\r\nhalf', SILENCE]);
    const iterating = await open([THREE, '+OK\r\none\r\n.\r\n', SILENCE]);
    const session = connect([GREETING, SILENCE], { signal }).session;
    const whole = await open([SILENCE], { signal });
    setTimeout(() => controller.abort(), 5);
    const waiting = [
      collected(streaming.box.retrStream(1, { signal })),
      (async () => {
        for await (const mail of iterating.box.fetch(undefined, { signal })) {
          assert.equal(mail.number, 1);
        }
      })(),
      session,
      whole.box.stat(),
    ];
    for (const result of await Promise.allSettled(waiting)) {
      assert.equal(result.reason?.name, 'AbortError', `${result.reason?.stack}`);
    }
    assert.ok(streaming.script.closed && iterating.script.closed && whole.script.closed);
    await assert.rejects(connect([GREETING], { signal }).session, { name: 'AbortError' });
  });

  test('a signal that is aborted after its command does nothing', async () => {
    const controller = new AbortController();
    const { box } = await open(['+OK\r\n', '+OK\r\n']);
    await box.noop({ signal: controller.signal });
    controller.abort();
    await box.noop();
  });

  test('closing while commands wait tells them', async () => {
    const { box } = await open([SILENCE]);
    const waiting = [box.stat(), box.noop()];
    box.close();
    box.close();
    for (const result of await Promise.allSettled(waiting)) {
      assert.ok(code('POP3_ERR_USAGE_CLOSED')(result.reason));
    }
  });

  test('oddities of a server are kept', async () => {
    const { box } = await open(['+ok\r\n']);
    await box.noop();
    assert.equal(text(box.deviations['lower-case-status']), '+ok');
    assert.deepEqual(Object.keys(box.deviations), ['lower-case-status']);
    const strict = await open(['+ok\r\n'], { strict: true });
    await assert.rejects(strict.box.noop(), code('POP3_ERR_MALFORMED_REPLY'));
  });

  test('oddities of a server are told as they come', async () => {
    const told = [];
    const { box } = await open(['+ok\r\n'], { onDeviation: (name, octets) => told.push([name, text(octets)]) });
    await box.noop();
    assert.deepEqual(told, [['lower-case-status', '+ok']]);
    const cause = new Error('not this server');
    const strict = await open(['+ok\r\n'], {
      onDeviation() {
        throw cause;
      },
    });
    await assert.rejects(strict.box.noop(), (error) => error === cause);
    assert.ok(strict.script.closed);
  });

  test('capabilities are typed, and unknown ones are kept', async () => {
    const { box } = await open([
      '+OK\r\nTOP\r\nX-ODD a b\r\nEXPIRE 60 USER\r\nLOGIN-DELAY 900\r\nUTF8 USER\r\nSASL PLAIN\r\nIMPLEMENTATION x y\r\n.\r\n',
      '+OK\r\nEXPIRE NEVER\r\n.\r\n',
      '-ERR\r\n',
    ]);
    const capabilities = await box.capa();
    assert.deepEqual(Object.keys(capabilities), ['TOP', 'X-ODD', 'EXPIRE', 'LOGIN-DELAY', 'UTF8', 'SASL', 'IMPLEMENTATION']);
    assert.deepEqual(capabilities['X-ODD'], ['a', 'b']);
    const { expire, loginDelay, sasl, implementation, top, uidl, utf8, utf8User } = capabilities;
    assert.deepEqual({ ...expire }, { days: 60, perUser: true });
    assert.deepEqual({ ...loginDelay }, { seconds: 900, perUser: false });
    assert.deepEqual([sasl, implementation, top, uidl, utf8, utf8User], [['PLAIN'], 'x y', true, false, true, true]);
    assert.deepEqual(box.capabilities, capabilities);
    assert.equal((await box.capa()).expire.days, Infinity);
  });

  test('a login goes on with a second connection where a server closes on CAPA', async () => {
    const scripts = [new Script([GREETING]), new Script([GREETING, '+OK\r\n', '+OK in\r\n', '+OK 1 5\r\n'])];
    const opened = [];
    const transport = async () => {
      opened.push(scripts.shift());
      return opened.at(-1);
    };
    const box = await Pop3.connect({ ...CLEAR, transport });
    assert.deepEqual(await box.stat(), { count: 1, octets: 5 });
    assert.deepEqual(Object.keys(box.deviations), ['closed-on-capa']);
    assert.equal(box.capabilities, undefined);
    assert.deepEqual(
      opened.map(({ written, closed }) => [written, closed]),
      [
        ['CAPA\r\n', true],
        ['USER me\r\nPASS secret\r\nSTAT\r\n', false],
      ],
    );
  });

  test('a second connection that cannot be opened is told, and so is none', async () => {
    const cause = new Error('no route');
    const transports = [async () => new Script([GREETING]), () => Promise.reject(cause)];
    const session = Pop3.connect({ ...CLEAR, transport: () => transports.shift()() });
    await assert.rejects(session, (error) => error === cause);
    await assert.rejects(connect([GREETING]).session, code('POP3_ERR_CONNECTION_LOST'));
    const refusing = Pop3.connect({ ...CLEAR, strict: true, transport: () => new Script([GREETING]) });
    await assert.rejects(refusing, code('POP3_ERR_MALFORMED_REPLY'));
  });

  test('a login by SCRAM is tied to the channel that the transport tells', async () => {
    const binding = Buffer.from('what both ends know');
    for (const offered of [true, false]) {
      const script = new Script([GREETING, `+OK\r\nSASL SCRAM-SHA-1${offered ? ' SCRAM-SHA-1-PLUS' : ''}\r\n.\r\n`, '+ \r\n', '-ERR no\r\n']);
      script.channelBindings = () => [{ name: 'tls-exporter', data: binding }];
      const session = Pop3.connect({ ...CLEAR, tls: 'implicit', transport: script });
      await assert.rejects(session, code('POP3_ERR_AUTHENTICATION'));
      const first = Buffer.from(script.written.split('\r\n')[2], 'base64').toString();
      // Without the offer the server is told that there was none.
      assert.match(first, offered ? /^p=tls-exporter,,n=me,r=/ : /^y,,n=me,r=/);
    }
  });

  test('misuse is named', async () => {
    const cases = [
      [{ user: 'a\r\nDELE 1' }, /control character/],
      [{ password: 'a\nb' }, /no NUL, CR or LF/],
      [{ user: '' }, /must not be empty/],
      [{ user: undefined }, /user must be a string/],
      [{ password: undefined }, /a login needs a password or a token/],
      [{ password: 5 }, /password must be a string or a Uint8Array, got number/],
      [{ token: 'both' }, /one of the two/],
      [{ token: 5 }, /token must be a string or a Uint8Array, got number/],
      [{ auth: 'xoauth2' }, /auth xoauth2 needs a token/],
      [{ authzid: 5 }, /authzid must be a string/],
      [{ initialResponse: 1 }, /initialResponse must be true or false/],
      [{ trace: 'yes' }, /trace must be a function/],
      [{ onDeviation: 'yes' }, /onDeviation must be a function/],
      [{ tls: 'ssl' }, /tls must be 'implicit', 'starttls' or 'none'/],
      [{ tls: 'starttls' }, /needs a transport with startTls/],
      [{ auth: 'md5' }, /auth must be one of 'auto', 'user-pass', 'apop', 'plain'/],
      [{ timeout: 0 }, /timeout must be/],
      [{ port: 0 }, /port must be/],
      [{ strict: 'no' }, /strict must be true or false/],
      [{ limits: { statusLine: -1 } }, /statusLine must be a whole number/],
      [{ limits: { lines: 1 } }, /unknown limit "lines"/],
      [{ allowClearText: true }, /unknown option "allowClearText"/],
      [{ transport: {} }, /transport must have/],
      [{ transport: undefined, host: undefined }, /host must be/],
    ];
    for (const [options, message] of cases) {
      const script = new Script([]);
      await assert.rejects(Pop3.connect({ ...CLEAR, transport: script, ...options }), (error) => {
        assert.match(error.message, message);
        return code('POP3_ERR_USAGE_ARGUMENT')(error);
      });
      assert.equal(script.written, '');
    }
    await assert.rejects(Pop3.connect(), code('POP3_ERR_USAGE_ARGUMENT'));
  });

  test('message numbers are checked', async () => {
    const { box, script } = await open([]);
    for (const number of [0, -1, 1.5, '1', 2 ** 32, NaN]) {
      for (const command of ['retr', 'dele', 'list', 'uidl', 'top']) {
        await assert.rejects(box[command](number), /message number must be/);
      }
      assert.throws(() => box.retrStream(number), /message number must be/);
    }
    await assert.rejects(box.top(1, -1), /lines must be/);
    assert.equal(script.written, '');
  });

  test('Web Streams are a transport', async () => {
    const script = new Script([...PIPELINED, '+OK\r\none\r\n.\r\n', '+OK 1 5\r\n', '+OK\r\n']);
    const box = await Pop3.connect({ ...CLEAR, transport: streams(script) });
    assert.equal(await collected(box.retrStream(1)), 'one\r\n');
    assert.deepEqual(await box.stat(), { count: 1, octets: 5 });
    await box.quit();
    assert.ok(script.closed);
  });

  test('STLS runs over Web Streams that can begin TLS', async () => {
    const plain = new Script([GREETING, '+OK\r\nSTLS\r\n.\r\n', '+OK begin\r\n']);
    const secure = new Script([...PIPELINED.slice(1), '+OK 0 0\r\n']);
    const transport = { ...streams(plain), startTls: async () => streams(secure) };
    const box = await Pop3.connect({ ...CLEAR, tls: 'starttls', allowCleartext: false, transport });
    assert.equal(plain.written, 'CAPA\r\nSTLS\r\n');
    assert.ok(secure.written.includes('PASS secret\r\n'));
    assert.deepEqual(await box.stat(), { count: 0, octets: 0 });
    box.close();
  });

  test('octets between STLS and TLS end the connection', async () => {
    const script = new Script([GREETING, '+OK\r\nSTLS\r\n.\r\n', '+OK begin\r\n']);
    script.startTls = () => assert.fail('TLS began');
    script.takeUnread = () => Buffer.from('+OK\r\n');
    await assert.rejects(
      Pop3.connect({ ...CLEAR, tls: 'starttls', transport: script }),
      code('POP3_ERR_STLS_INJECTION'),
    );
    assert.ok(!script.written.includes('secret'));
  });

  test('a TLS handshake that fails is told with its cause', async () => {
    const script = new Script([GREETING, '+OK\r\nSTLS\r\n.\r\n', '+OK begin\r\n']);
    const cause = new Error('certificate has expired');
    script.startTls = async () => {
      throw cause;
    };
    await assert.rejects(Pop3.connect({ ...CLEAR, tls: 'starttls', transport: script }), (error) => {
      assert.match(error.message, /no TLS with pop.example.com port 110: certificate has expired/);
      return code('POP3_ERR_TLS')(error) && error.cause === cause;
    });
    assert.ok(script.closed);
  });

  test('the digest of APOP is that of the RFC', () => {
    const greeting = '+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>';
    assert.equal(apopDigest(greeting, 'tanstaaf'), 'c4c9334bac560ecc979e58001b3e22fb');
    assert.equal(apopDigest(Buffer.from(greeting), Buffer.from('tanstaaf')), 'c4c9334bac560ecc979e58001b3e22fb');
    assert.equal(apopDigest('+OK ready', 'tanstaaf'), undefined);
  });

  test('every code has its row in the registry and every row its code', () => {
    const rows = JSON.parse(readFileSync(new URL('../../../tests/registry/errors.json', import.meta.url), 'utf8'));
    assert.deepEqual(Object.fromEntries(rows.map((row) => [row.code, row.fatal])), { ...FATAL });
    for (const { code, typescript } of rows) {
      const error = new Pop3Error(code, 'it broke', { responseCode: 'X' });
      assert.equal(typescript, error.name);
      assert.ok(error instanceof Error);
      assert.equal(String(error), 'Pop3Error: it broke');
    }
  });
}
