// The adapters beside the packages whose shapes they have, on the sample mail.
//
// Agreed differences, each on purpose:
// * mailparser: HTML made into text is our own; characters beyond ASCII stay themselves in `textAsHtml`, links
//   there stay text; fields without a meaning of their own are decoded (it leaves encoded words in them); of two
//   fields with one name the first counts; no `priority` where nothing says one; text without charset is guessed.
// * postal-mime: the line end before a delimiter is no text and no content (it adds one to each text part and to
//   attachments of text and messages, and drops their CRs); a forwarded message is always an attachment (it joins those without
//   disposition to the text); no HTML is made of text beside other HTML, nor text beside HTML.

import assert from 'node:assert/strict';
import { createReadStream, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { simpleParser as theirs } from 'mailparser';
import TheirPostalMime from 'postal-mime';

import { PostalMime, simpleParser } from 'popmail/compat';

const FOLDER = new URL('../../examples/mail/', import.meta.url);
const SAMPLES = readdirSync(FOLDER).filter((name) => name.endsWith('.eml'));
const read = (name) => readFileSync(new URL(name, FOLDER));
const tidy = (text) => (typeof text === 'string' ? text.replace(/\r\n/g, '\n').trim() : text);

/** A message of mailparser without what is different on purpose. */
function comparable(mail) {
  const headers = Object.fromEntries(mail.headers);
  return {
    ...mail,
    // Text that was made of HTML alone is each one's own.
    text: mail.html !== false && !/text\/plain/.test(mail.raw) ? undefined : tidy(mail.text),
    textAsHtml: undefined,
    html: tidy(mail.html),
    priority: undefined,
    raw: undefined,
    headers: Object.fromEntries(Object.entries(headers).filter(([key]) => !['received', 'priority'].includes(key))),
    attachments: mail.attachments.map((one) => ({ ...one, content: Buffer.from(one.content).toString('base64') })),
  };
}

for (const name of SAMPLES) {
  test(`simpleParser gives what mailparser gives: ${name}`, async () => {
    const raw = read(name);
    const [found, expected] = await Promise.all([simpleParser(raw), theirs(raw)]);
    for (const mail of [found, expected]) {
      mail.raw = raw.toString('latin1');
    }
    assert.deepEqual(comparable(found), comparable(expected));
  });

  test(`PostalMime gives what postal-mime gives: ${name}`, async () => {
    const raw = read(name);
    const [found, expected] = await Promise.all([PostalMime.parse(raw), TheirPostalMime.parse(raw)]);
    for (const email of [found, expected]) {
      email.text = /text\/plain|^(?![\s\S]*content-type)/i.test(raw.toString('latin1')) ? tidy(email.text) : undefined;
      email.html = /text\/html/i.test(raw.toString('latin1')) ? tidy(email.html) : undefined;
      for (const attachment of email.attachments) {
        const content = Buffer.from(attachment.content);
        attachment.content = /^(text|message)\//.test(attachment.mimeType) ? tidy(content.toString()) : content.toString('base64');
      }
    }
    assert.deepEqual(found, expected);
  });
}

test('options of simpleParser', async () => {
  const raw = read('03-inline-image.eml');
  assert.match((await simpleParser(raw)).html, /src="data:image\/png;base64,/);
  assert.match((await simpleParser(raw, { keepCidLinks: true })).html, /src="cid:/);
  assert.equal((await simpleParser(raw, { skipTextToHtml: true })).textAsHtml, undefined);
  assert.equal((await simpleParser('Content-Type: text/html\r\n\r\n<p>x', { skipHtmlToText: true })).text, undefined);
});

test('sources of simpleParser, and its callback', async () => {
  const raw = read('01-plain-text.eml');
  const { subject } = await simpleParser(raw);
  const stream = createReadStream(new URL('01-plain-text.eml', FOLDER));
  for (const source of [raw.toString('latin1'), new Blob([raw]), new Response(raw).body, stream, raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)]) {
    assert.equal((await simpleParser(source)).subject, subject);
  }
  const mail = await new Promise((resolve, reject) => {
    simpleParser(raw, (error, found) => (error ? reject(error) : resolve(found)));
  });
  assert.equal(mail.subject, subject);
  const error = await new Promise((resolve) => simpleParser(7, {}, resolve));
  assert.ok(error instanceof TypeError);
});

test('encodings of attachments', async () => {
  const raw = read('04-complete.eml');
  for (const attachmentEncoding of ['base64', 'utf8']) {
    const [found, expected] = await Promise.all(
      [PostalMime, TheirPostalMime].map((Class) => Class.parse(raw, { attachmentEncoding })),
    );
    assert.equal(found.attachments[1].content, expected.attachments[1].content);
    assert.equal(found.attachments[1].encoding, expected.attachments[1].encoding);
  }
  const large = `Content-Type: application/pdf\r\n\r\n${'x'.repeat(1 << 20)}`;
  const [{ content }] = (await new PostalMime({ attachmentEncoding: 'base64' }).parse(large)).attachments;
  assert.equal(Buffer.from(content, 'base64').length, 1 << 20);
});

test('lists, groups and repeated fields', async () => {
  const raw = [
    'From: a@example.com',
    'To: team: b@example.com, "C, D" <c@example.com>;, e@example.com',
    'List-Id: The list <list.example.com>',
    'List-Unsubscribe: <mailto:leave@example.com>, <https://example.com/leave>',
    'X-Two: one',
    'X-Two: two',
    '',
    'x',
  ].join('\r\n');
  const [found, expected] = await Promise.all([simpleParser(raw), theirs(raw)]);
  assert.deepEqual(found.to, expected.to);
  assert.deepEqual(found.headers.get('list'), expected.headers.get('list'));
  assert.deepEqual(found.headers.get('x-two'), expected.headers.get('x-two'));
  const email = await PostalMime.parse(raw);
  assert.deepEqual(email.to, (await TheirPostalMime.parse(raw)).to);
});

test('both module systems have the adapters', () => {
  const { PostalMime: Class, simpleParser: parser } = createRequire(import.meta.url)('popmail/compat');
  assert.equal(typeof parser, 'function');
  assert.equal(typeof Class.parse, 'function');
});
