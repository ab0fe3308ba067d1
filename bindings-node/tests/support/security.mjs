// The checks S1 to S18 of POP3's security history where they show in a client's face, over scripted
// transports: the names of core/tests/security.rs. The same for every package that has the face.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLEAR, GREETING, SILENCE, Script, THREE, collected, loggedIn, text } from './scripted.mjs';

const SECRET = 'open sesame';

/** Defines the tests for the face of one package. */
export function security({ Pop3, Pop3Error, apopDigest }) {
  const connect = (replies, options = {}) => {
    const script = new Script(replies);
    return { script, session: Pop3.connect({ ...CLEAR, password: SECRET, transport: script, ...options }) };
  };
  /** A login fails with this code, having said these lines and nothing else. */
  const refused = async (code, said, replies, options) => {
    const { script, session } = connect(replies, options);
    await assert.rejects(session, (error) => {
      assert.ok(error instanceof Pop3Error, `${error?.stack}`);
      assert.equal(error.code, code);
      return true;
    });
    assert.equal(script.written, said);
    assert.ok(script.closed || script.reads === 0);
  };
  const capa = (...lines) => `+OK\r\n${lines.map((line) => `${line}\r\n`).join('')}.\r\n`;

  test('s01 apop takes a message id only and never by itself', async () => {
    for (const greeting of ['+OK <a.b.c>\r\n', '+OK <here is the challenge>\r\n', '+OK <a@b@c>\r\n', '+OK <a@\xe9>\r\n']) {
      assert.equal(apopDigest(greeting, 'x'), undefined);
      await refused('POP3_ERR_MECHANISM_UNAVAILABLE', 'CAPA\r\n', [greeting, '-ERR\r\n'], { auth: 'apop' });
    }
    const stamped = ['+OK <1.2@x>\r\n', '-ERR\r\n'];
    await refused('POP3_ERR_INSECURE_CLEARTEXT', 'CAPA\r\n', stamped, { auth: 'auto', allowCleartext: false });
  });

  test('s02 the scan of a greeting is bounded', async () => {
    assert.equal(apopDigest(`+OK ${'<'.repeat(1_000_000)}a@b>`, 'x'), undefined);
    await refused('POP3_ERR_LIMIT_STATUS_LINE', '', ['<'.repeat(100_000)]);
  });

  test('s03 octets between stls and tls are fatal', async () => {
    for (const residue of ['x', '+OK ha', '+OK ha\r\n']) {
      for (const way of ['with the answer', 'in the next read']) {
        const together = way === 'with the answer';
        const script = new Script([GREETING, capa('STLS', 'SASL PLAIN'), `+OK begin\r\n${together ? residue : ''}`]);
        script.startTls = () => assert.fail('TLS began');
        script.takeUnread = () => (together ? undefined : Buffer.from(residue));
        const options = { ...CLEAR, tls: 'starttls', allowCleartext: false, transport: script };
        await assert.rejects(Pop3.connect(options), { code: 'POP3_ERR_STLS_INJECTION' }, way);
        assert.equal(script.written, 'CAPA\r\nSTLS\r\n');
      }
    }
  });

  test('s04 stls cannot be stripped', async () => {
    for (const replies of [[capa('USER', 'SASL PLAIN')], [capa('STLS'), '-ERR\r\n'], ['-ERR\r\n', '-ERR\r\n']]) {
      const script = new Script([GREETING, ...replies]);
      script.startTls = () => assert.fail('TLS began');
      const options = { ...CLEAR, tls: 'starttls', transport: script };
      await assert.rejects(Pop3.connect(options), { code: 'POP3_ERR_INSECURE_STLS' });
      assert.match(script.written, /^CAPA\r\n(STLS\r\n)?$/);
    }
  });

  test('s05 a login steps down to nothing weaker', async () => {
    const offers = [GREETING, capa('USER', 'SASL PLAIN LOGIN CRAM-MD5')];
    await refused('POP3_ERR_INSECURE_CLEARTEXT', 'CAPA\r\n', offers, { allowCleartext: false });
    const { script, session } = connect([GREETING, capa('USER', 'SASL SCRAM-SHA-256 PLAIN'), '-ERR\r\n']);
    await assert.rejects(session, (error) => {
      assert.match(error.message, /scram-sha-256/);
      return error.code === 'POP3_ERR_AUTHENTICATION';
    });
    assert.equal(script.written, 'CAPA\r\nAUTH SCRAM-SHA-256\r\n');
  });

  test('s06 no argument can end a line', async () => {
    for (const octet of ['\0', '\r', '\n']) {
      const odd = `a${octet}DELE 1`;
      for (const options of [
        { user: odd },
        { password: odd },
        { password: undefined, token: odd, auth: 'xoauth2' },
        { authzid: odd, auth: 'plain' },
      ]) {
        await refused('POP3_ERR_USAGE_ARGUMENT', '', [], options);
      }
      const { box, script } = await loggedIn(Pop3, []);
      await assert.rejects(box.lang(odd), { code: 'POP3_ERR_USAGE_ARGUMENT' });
      assert.equal(script.written, '');
    }
  });

  test('s09 every read is bounded but lines of messages', async () => {
    const long = 'x'.repeat(300_000);
    const limits = { listingEntries: 3, bufferedContent: 1_000 };
    const entries = Array.from({ length: 8 }, (_, at) => `${at + 1} a\r\n`).join('');
    for (const [command, reply] of [
      ['stat', `+OK ${long}`],
      ['list', `+OK\r\n1 ${long}`],
      ['uidl', `+OK\r\n${entries}`],
      ['retr', `+OK\r\n${long}`],
      ['capa', `+OK\r\n${long}`],
    ]) {
      const { box } = await loggedIn(Pop3, [reply, SILENCE], { limits });
      await assert.rejects(box[command](command === 'retr' ? 1 : undefined), /limit|more than|longer|larger/i);
      assert.equal(box.state, 'failed');
    }
    const { box } = await loggedIn(Pop3, [`+OK\r\n${long}\r\n.\r\n`]);
    assert.equal(text(await box.retr(1)), `${long}\r\n`);
  });

  test('s10 numbers of a server are numbers and nothing else', async () => {
    const { box } = await loggedIn(Pop3, [
      '+OK 4294967295 99999999999999999999999999\r\n',
      '+OK\r\n4294967295 1\r\n7 -5\r\n7 6\r\n.\r\n',
      '+OK 18446744073709551615 octets\r\nabc\r\n.\r\n',
      '+OK\r\n4294967295 1\r\n7 5\r\n.\r\n-ERR\r\n',
      '+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.\r\n',
    ]);
    assert.deepEqual(await box.stat(), { count: 4_294_967_295, octets: 2 ** 64 });
    assert.deepEqual(await box.list(), [
      { number: 4_294_967_295, octets: 1 },
      { number: 7, octets: 0 },
      { number: 7, octets: 6 },
    ]);
    assert.equal(text(await box.retr(4_294_967_295)), 'abc\r\n');
    assert.ok(['odd-number', 'odd-size'].every((name) => name in box.deviations));
    const seen = [];
    for await (const { number } of box) {
      seen.push(number);
    }
    assert.deepEqual(seen, [4_294_967_295, 7]);
  });

  test('s11 odd input ends in an answer or an error', async () => {
    const odd = '+OK\r\nIMPLEMENTATION\r\nSASL\r\nEXPIRE\r\nLOGIN-DELAY soon\r\n=\r\n\xff\xfe\r\n.\r\n';
    const { box } = await loggedIn(Pop3, [odd]);
    const { implementation, expire, loginDelay, sasl } = await box.capa();
    assert.deepEqual([implementation, expire, loginDelay, sasl], ['', undefined, undefined, []]);
    for (const reply of ['\0\0\r\n', 'HTTP/1.1 400 Bad Request\r\n', '+\r\n', '\xff\r\n', ':\r\n']) {
      const odd = await loggedIn(Pop3, [reply]);
      await assert.rejects(odd.box.stat(), { code: 'POP3_ERR_MALFORMED_REPLY' });
    }
  });

  test('s12 the end of a stream completes nothing', async () => {
    for (const cut of ['', 'Subject: a', 'Subject: a\r\n\r\nb\r\n', 'a\r\n.', 'a\r\n.\r']) {
      const lost = { code: 'POP3_ERR_CONNECTION_LOST' };
      const reply = `+OK\r\n${cut}`;
      await assert.rejects((await loggedIn(Pop3, [reply])).box.retr(1), lost);
      await assert.rejects(collected((await loggedIn(Pop3, [reply])).box.retrStream(1)), lost);
      await assert.rejects((await loggedIn(Pop3, [THREE, reply])).box.fetch().next(), lost);
    }
  });

  for (const auth of ['user-pass', 'plain', 'login', 'apop', 'cram-md5', 'scram-sha-256']) {
    test(`s15 no trace, error or representation holds a secret (${auth})`, async () => {
      const lines = [];
      const greeting = '+OK <1.2@x>\r\n';
      const trace = (direction, line) => lines.push(`${direction} ${line}`);
      // One octet at a time, as far as the server says anything.
      const replies = [greeting, '-ERR\r\n', '+OK\r\n', '+ PDFAeD4=\r\n'].flatMap((reply) => [...reply]);
      const { script, session } = connect(replies, { auth, trace });
      const error = await session.then(() => assert.fail('logged in'), (error) => error);
      const shown = [error.stack, JSON.stringify({ ...error, cause: String(error.cause) }), ...lines].join('\n');
      const encoded = Buffer.from(SECRET).toString('base64');
      for (const hidden of [SECRET, encoded, encoded.slice(0, 8)]) {
        assert.ok(!shown.includes(hidden), shown);
      }
      const sent = script.written.split('\r\n').filter((line) => /^(PASS|APOP)/.test(line));
      assert.ok(sent.every((line) => !shown.includes(line.split(' ').at(-1))));
      assert.equal(lines[0], 'received +OK <1.2@x>');
    });
  }

  for (const [auth, farewell] of Object.entries({ xoauth2: '', oauthbearer: 'AQ==' })) {
    for (const success of [false, true]) {
      test(`s16 an oauth error is no success (${auth}, then ${success ? '+OK' : '-ERR'})`, async () => {
        const detail = '{"status":"invalid_token","scope":"mail"}';
        const challenge = `+ ${Buffer.from(detail).toString('base64')}\r\n`;
        const replies = [GREETING, '+OK\r\n.\r\n', '+ \r\n', challenge, success ? '+OK\r\n' : '-ERR no\r\n'];
        const { script, session } = connect(replies, { auth, password: undefined, token: 'tok' });
        await assert.rejects(session, (error) => {
          assert.equal(error.code, success ? 'POP3_ERR_MALFORMED_REPLY' : 'POP3_ERR_AUTHENTICATION');
          assert.ok(success || error.detail === detail);
          return true;
        });
        assert.equal(script.written.split('\r\n').at(-2), farewell);
      });
    }
  }

  test('s18 an answer that nobody waits for answers nothing else', async () => {
    const contents = '+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.\r\n+OK\r\nthree\r\n.\r\n';
    const { box } = await loggedIn(Pop3, [THREE, contents, '+OK 3 15\r\n']);
    for await (const { number } of box) {
      assert.equal(number, 1);
      break;
    }
    assert.deepEqual(await box.stat(), { count: 3, octets: 15 });
    const controller = new AbortController();
    const stopped = await loggedIn(Pop3, [() => controller.abort()]);
    await assert.rejects(stopped.box.stat({ signal: controller.signal }), { name: 'AbortError' });
    await assert.rejects(stopped.box.noop(), { code: 'POP3_ERR_USAGE_CLOSED' });
    const cancelled = await loggedIn(Pop3, ['+OK\r\nhalf', SILENCE]);
    await cancelled.box.retrStream(1).cancel();
    await assert.rejects(cancelled.box.noop(), { code: 'POP3_ERR_USAGE_CLOSED' });
  });
}
