/** The small module beside the complete one: what it reads is the same, and what it lacks it says. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import initExtra from '../dist/extra-node.js';
import init, { Pop3, parse } from '../dist/node.js';
import { mimeVectors } from './mime-files.mjs';

const LACKING = { name: 'Pop3Error', code: 'POP3_ERR_USAGE_STATE', message: /popmail-wasm\/extra/ };

/** What it does not know: a charset that nobody names, or (each label there is, in one message) that browsers lack. */
const RARE = new Set(['guessed-charset', 'unknown-charset']);
const LABELS = 'charset-probe';

/** What it leaves as it came: an encoding that is older than MIME. */
const OLD = 'obsolete-transfer-encoding';

await init();

/** What every engine reads. */
function read(message) {
  return {
    subject: message.subject,
    date: message.zonedDate,
    people: [message.from, message.sender, message.to, message.cc, message.bcc, message.replyTo],
    ids: [message.messageId, message.inReplyTo, message.references],
    text: message.text,
    html: message.html,
    preview: message.preview,
    parts: message.parts.map((part) => ({
      type: part.contentType,
      charset: part.charset,
      filename: part.filename,
      safe: part.safeFilename,
      role: [part.isAttachment, part.isInline],
      content: Buffer.from(part.content).toString('base64'),
      text: part.text,
      headers: [...part.headers].map(({ name, value }) => [name, value]),
    })),
  };
}

test('what it lacks it says', () => {
  const message = parse('From: a@b\r\nFrom: c@d\r\n\r\ntext');
  for (const ask of [
    () => message.defects,
    () => message.json(),
    () => JSON.stringify(message),
    () => message.tree(),
    () => message.htmlWithInline(),
    () => message.details,
    () => parse('x', { duplicates: 'last' }),
  ]) {
    assert.throws(ask, LACKING);
  }
});

test('a login with SCRAM says where it is', async () => {
  const { readable, writable } = new TransformStream();
  const transport = { readable, writable };
  const login = { transport, tls: 'none', user: 'me', password: 'x', auth: 'scram-sha-256' };
  await assert.rejects(Pop3.connect(login), { code: 'POP3_ERR_USAGE_ARGUMENT', message: /popmail-wasm\/extra/ });
});

test('what both read is the same, and messages that are there gain the rest', async () => {
  const vectors = mimeVectors();
  const messages = vectors.map(({ raw }) => parse(raw));
  const small = messages.map(read);
  await initExtra();
  let compared = 0;
  for (const [index, { name, expect, raw }] of vectors.entries()) {
    assert.deepEqual(messages[index].toJSON(), expect.email, name);
    if (name !== LABELS && !expect.defects.some((code) => RARE.has(code) || code === OLD)) {
      assert.deepEqual(small[index], read(parse(raw)), name);
      compared++;
    }
  }
  assert.ok(compared > vectors.length / 2, `${compared} of ${vectors.length}`);
});
