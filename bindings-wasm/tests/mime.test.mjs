/** MIME through WebAssembly in Node, as users get it: the built package. */

import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { parse as parseNatively } from '../../bindings-node/dist/index.js';
import initExtra from '../dist/extra-node.js';
import * as inline from '../dist/inline.js';
import init, { Header, Headers, Message, Part, Pop3Error, parse } from '../dist/node.js';
import { Random } from '../../bindings-node/tests/support/random.mjs';
import { mimeVectors } from './mime-files.mjs';
import { checkLongTexts, checkMimeVector } from './mime-vectors.mjs';

const equal = (name, actual, expected) => assert.deepEqual(actual, expected, name);

test('nothing works before init, and says so', () => {
  assert.throws(() => parse('Subject: x\r\n\r\n'), {
    name: 'Pop3Error',
    code: 'POP3_ERR_USAGE_STATE',
    message: /init\(\)/,
  });
});

test('an init that failed can be tried again', async () => {
  await assert.rejects(init(new Uint8Array([1, 2, 3])), WebAssembly.CompileError);
  await assert.rejects(init(new URL('data:application/wasm,')));
  await init();
});

test('init does no harm when it is called often', async () => {
  await Promise.all([init(), init(), init(new Uint8Array(0))]);
  assert.equal(parse('Subject: x\r\n\r\n').subject, 'x');
});

test('the other entry has its engine in itself', async () => {
  await inline.default();
  assert.equal(inline.parse('Subject: x\r\n\r\n').subject, 'x');
  assert.equal(inline.Pop3Error, Pop3Error);
});

test('every vector is met', async (t) => {
  await initExtra();
  const vectors = mimeVectors();
  assert.ok(vectors.length >= 60, `${vectors.length} vectors`);
  for (const vector of vectors) {
    await t.test(vector.name, () => checkMimeVector(parse, vector, equal));
  }
});

test('long texts are read as they are in pieces', async () => {
  await initExtra();
  checkLongTexts(parse, equal);
});

test('bytes come in every shape that JavaScript has for them', () => {
  const bytes = new TextEncoder().encode('xxSubject: \u00e9\r\n\r\nbodyxx');
  const view = bytes.subarray(2, -2);
  const shared = new Uint8Array(new SharedArrayBuffer(view.length));
  shared.set(view);
  for (const raw of [view, view.slice().buffer, Buffer.from(view), 'Subject: é\r\n\r\nbody', shared, shared.buffer]) {
    const message = parse(raw);
    assert.equal(message.subject, 'é');
    assert.equal(message.text, 'body');
  }
  for (const raw of [null, undefined, 1, {}, [], new Date()]) {
    assert.throws(() => parse(raw), { name: 'Pop3Error', code: 'POP3_ERR_USAGE_ARGUMENT' });
  }
});

test('what was read once is the same object afterwards', () => {
  const message = parse('Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--');
  assert.equal(message.parts, message.parts);
  assert.equal(message.root, message.parts[0]);
  assert.equal(message.attachments[0], message.root.children[0]);
  assert.equal(message.attachments[0].content, message.root.children[0].content);
  assert.ok(message instanceof Message && message.root instanceof Part);
  assert.ok(message.headers instanceof Headers && [...message.headers][0] instanceof Header);
});

test('values are plain and can be sent to a worker', () => {
  const message = parse('From: a: B <b@c>;\r\nDate: Mon, 4 May 2026 09:30:00 +0200\r\nFrom: x\r\n\r\n');
  const { from, date, defects, raw } = message;
  const sent = structuredClone({ from, date, defects, raw, email: message.toJSON() });
  assert.deepEqual(sent.from, [{ name: 'B', address: 'b@c', group: 'a' }]);
  assert.deepEqual(sent.defects[0].range, [57, 66]);
  assert.equal(message.zonedDate.offsetMinutes, 120);
});

test('header fields are read as what they mean', () => {
  const message = parse('X-To: A <a@b>, none:;\r\nX-Date: 4 May 2026 09:30:00 -0100\r\nX-Ids: <a@b> <c@d>\r\n\r\n');
  const { headers } = message;
  assert.equal(headers.length, 3);
  assert.ok(headers.has('x-TO') && !headers.has('To'));
  assert.deepEqual(headers.get('X-To').addressGroups, [
    { name: null, addresses: [{ name: 'A', address: 'a@b', group: null }] },
    { name: 'none', addresses: [] },
  ]);
  assert.equal(headers.get('X-Date').date.toISOString(), '2026-05-04T10:30:00.000Z');
  assert.equal(headers.get('X-To').date, null);
  assert.deepEqual(headers.get('X-Ids').identifiers, ['a@b', 'c@d']);
});

test('hostile messages are read to their end', () => {
  const pieces = ['(', '<', 'a@b.c,', '=?a?q?', '=?sjis?B?k/o=?= ', '\0', '\x1b$B', '&lt', '<div>', '--b\r\n'];
  for (const piece of pieces) {
    const run = piece.repeat(20_000);
    for (const raw of [
      run,
      `From: ${run}\r\n\r\n`,
      `Content-Disposition: attachment; filename*=sjis''${run}\r\n\r\n`,
      `Content-Type: text/html; charset=iso-2022-jp\r\n\r\n${run}`,
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n${run}`,
    ]) {
      const message = parse(raw);
      void [message.text, message.html, message.preview, message.from, message.defects, message.htmlWithInline()];
      for (const part of message.parts) void [part.content, part.text, part.safeFilename, [...part.headers]];
      assert.equal(message.raw.length, Buffer.byteLength(raw));
    }
  }
  let deep = '';
  for (let level = 0; level < 3_000; level++) deep += `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`;
  assert.ok(parse(deep).defects.length > 0);
});

test('base64 is read in wide registers as it is without them', (t) => {
  const random = new Random();
  t.diagnostic(`POPMAIL_SEED=${random.seed}`);
  const content = (body) => Buffer.from(parse(`Content-Transfer-Encoding: base64\r\n\r\n${body}`).parts[0].content);
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)));
    const line = [76, 64, 60, 4, 75, 1_000][random.below(6)];
    const end = ['\r\n', '\n', '\r', '\r\n\r\n'][random.below(4)];
    const lines = bytes.toString('base64').replace(new RegExp(`(.{${line}})`, 'g'), `$1${end}`);
    assert.deepEqual(content(lines), bytes);
    // Anything anywhere. A space at the start, which says nothing, is where the wide registers end.
    const at = random.below(lines.length + 1);
    const junk = ['=', '==', '-', '_', ' ', '*', '\0', 'é', '@', '[', '`', '{', '='.repeat(20), 'A'][random.below(14)];
    const broken = lines.slice(0, at) + junk + lines.slice(at);
    assert.deepEqual(content(broken), content(` ${broken}`), JSON.stringify(broken));
  }
});

test('a charset of one octet is read by the host or the engine, with the same text', (t) => {
  const random = new Random();
  t.diagnostic(`POPMAIL_SEED=${random.seed}`);
  for (const charset of ['windows-1251', 'koi8-r', 'iso-8859-1', 'iso-8859-5', 'windows-1252']) {
    const text = (head, body) => parse(Buffer.concat([Buffer.from(`Content-Type: text/plain; charset=${charset}\r\n${head}\r\n`), body])).text;
    for (let round = 0; round < 300; round++) {
      // No octet of a certain part, more or less: what is undefined and what may be UTF-8 lies there.
      const least = [0x80, 0xa0, 0xc0][random.below(3)];
      const octet = () => (random.below(3) === 0 ? least + random.below(0x100 - least) : 0x20 + random.below(0x5f));
      const bytes = Buffer.from(Array.from({ length: random.below(600) }, octet));
      const encoded = bytes.toString('base64').replace(/(.{76})/g, '$1\r\n');
      assert.equal(text('Content-Transfer-Encoding: base64\r\n', Buffer.from(encoded)), text('', bytes));
    }
  }
});

test('characters of two octets are read as the native build reads them', () => {
  for (const charset of ['big5', 'big5-hkscs', 'euc-kr', 'ks_c_5601-1987', 'shift_jis', 'cp932', 'euc-jp', 'gb2312', 'gbk', 'gb18030', 'ibm866']) {
    const raw = (octets) => Buffer.concat([Buffer.from(`Content-Type: text/plain; charset=${charset}\r\n\r\n`), octets]);
    for (let lead = 0x81; lead <= 0xfe; lead++) {
      const pairs = [];
      for (let trail = 0x01; trail <= 0xff; trail++) {
        const pair = Buffer.of(0x41, lead, trail, 0x20);
        // What may be UTF-8 is another matter; so is 0x80 in Shift_JIS, a control to some and damage to others.
        if (!isUtf8(pair) && !/[\x80\ufffd]/.test(parseNatively(raw(pair)).text)) {
          pairs.push(pair);
        }
      }
      const row = raw(Buffer.concat(pairs));
      assert.equal(parse(row).text, parseNatively(row).text, `${charset}, ${lead.toString(16)}`);
    }
  }
});

test('every beginning of a message is a message', () => {
  const raw = readFileSync(new URL('../../examples/mail/04-complete.eml', import.meta.url));
  for (let end = 0; end < Math.min(raw.length, 4_000); end += 13) {
    const message = parse(raw.subarray(0, end));
    for (const part of message.parts) void [part.content, part.text, part.filename, part.message?.text];
    assert.ok(message.json().startsWith('{'));
  }
});

test('after a breakdown everything says so until init makes a new engine', async () => {
  const before = parse('Subject: before\r\n\r\ntext');
  // More than the engine's memory can hold: its allocator gives up.
  const huge = Object.create(Uint8Array.prototype, {
    length: { value: 2 ** 32 - 65_536 },
    buffer: { value: new ArrayBuffer(0) },
  });
  assert.throws(() => parse(huge), { code: 'POP3_ERR_INTERNAL', message: /init\(\)/ });
  assert.throws(() => parse('x'), { code: 'POP3_ERR_INTERNAL', message: /init\(\)/ });
  await initExtra();
  assert.equal(parse('Subject: after\r\n\r\n').subject, 'after');
  assert.equal(before.preview, 'text');
});
