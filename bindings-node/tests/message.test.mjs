// Every message of tests/vectors/mime through the native engine: the driver is that of bindings-wasm.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mimeVectors } from '../../bindings-wasm/tests/mime-files.mjs';
import { checkLongTexts, checkMimeVector } from '../../bindings-wasm/tests/mime-vectors.mjs';
import { checkScanner } from '../../bindings-wasm/tests/scanner.mjs';
import { Scanner, parse } from '../dist/index.js';

const vectors = mimeVectors();

test('there are messages', () => assert.ok(vectors.length >= 60));

for (const vector of vectors) {
  test(vector.name, () =>
    checkMimeVector(parse, vector, (name, actual, expected) => {
      // A Buffer is a Uint8Array, and is compared as one.
      const plain = (value) => (Buffer.isBuffer(value) ? new Uint8Array(value) : value);
      assert.deepEqual(plain(actual), plain(expected), name);
    }),
  );
}

test('long texts are read as they are in pieces', () => checkLongTexts(parse, (name, actual, expected) => assert.equal(actual, expected, name)));

for (const [name, end] of [['CRLF', '\r\n'], ['LF', '\n'], ['CR', '\r']]) {
  test(`ranges are places in the bytes that came in, with ${name}`, () => {
    const lines = ['Content-Type: multipart/mixed; boundary=b', '', '--b', 'words', '--b', '', 'more', '--b--', ''];
    const raw = Buffer.from(lines.join(end));
    const ranges = parse(raw).parts.map(({ range }) => range);
    assert.deepEqual(ranges[0], [0, raw.length]);
    assert.deepEqual(ranges.slice(1).map(([start, stop]) => raw.toString('latin1', start, stop)), ['words', `${end}more`]);
  });
}

for (const { name, raw } of vectors.filter(({ name }) => name.startsWith('sample-'))) {
  test(`the structure of ${name} is known while it arrives`, () => {
    const plain = (value) => (Buffer.isBuffer(value) ? new Uint8Array(value) : value);
    checkScanner({ Scanner, parse }, raw, (what, actual, expected) => assert.deepEqual(plain(actual), plain(expected), what));
  });
}

test('a sender in a group keeps it', () => {
  const { sender } = parse('Sender: none:;, office: Ann <ann@example.com>, ben@example.com;\r\n\r\n');
  assert.deepEqual(sender, { name: 'Ann', address: 'ann@example.com', group: 'office' });
});

test('many messages are read at once, small and large ones in turn', () => {
  const raws = Array.from({ length: 1000 }, (_, number) => {
    const fields = `X-Field: ${number}\r\n`.repeat(number % 50 === 0 ? 4000 : number % 7);
    const addresses = Array.from({ length: number % 11 }, (_, at) => `to${at}-${number}@example.com`);
    return `Subject: Größe – ${number}\r\nTo: ${addresses.join(', ')}\r\n${fields}\r\ntext ${number}`;
  });
  const messages = raws.map((raw) => parse(raw));
  for (const [number, message] of messages.entries()) {
    assert.equal(message.subject, `Größe – ${number}`);
    assert.deepEqual(message.to.map(({ address }) => address), Array.from({ length: number % 11 }, (_, at) => `to${at}-${number}@example.com`));
    assert.equal(message.headers.length, 2 + (number % 50 === 0 ? 4000 : number % 7));
    assert.equal(message.text, `text ${number}`);
  }
});
