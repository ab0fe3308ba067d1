// Drives the vectors of tests/vectors/legacy and the reader of mbox files, native or WebAssembly.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const VECTORS = new URL('../../../tests/vectors/legacy/', import.meta.url);
const LINE = 'From ann@example.com Mon May  4 09:30:00 2026\n';
const bytes = (text) => new TextEncoder().encode(text);

/** Defines one test for each vector, and those of the rest. */
export function legacyVectors({ embeddedFiles, joinPartial, parse, readMbox, readTnef }) {
  const names = readdirSync(VECTORS);
  test('there are vectors of old formats', () => assert.ok(names.length >= 14));

  for (const name of names) {
    test(`old formats: ${name}`, () => {
      const { input, expect } = JSON.parse(readFileSync(new URL(name, VECTORS), 'utf8'));
      const message = parse(Uint8Array.from(Buffer.from(input.base64, 'base64')));
      const described = (file) => ({
        format: file.format,
        name: file.name,
        content_type: file.contentType,
        content_id: file.contentId,
        size: file.content.length,
        sha256: createHash('sha256').update(file.content).digest('hex'),
        defects: file.defects,
        part: file.part,
      });
      assert.deepEqual(embeddedFiles(message).map(described), expect.files);
      const opened = message.parts.filter((part) => !part.isMultipart).map((part) => readTnef(part)).filter(Boolean);
      assert.equal(opened.length, expect.tnef === undefined ? 0 : 1);
      for (const tnef of opened) {
        const { subject, messageClass, text, html, defects } = tnef;
        const { attributes, message_class, ...rest } = expect.tnef;
        assert.deepEqual({ subject, text, html, defects }, rest);
        assert.equal(messageClass, message_class);
        for (const [key, value] of Object.entries(attributes)) {
          const found = tnef.attributes.get(key);
          assert.equal(found instanceof Date ? found.toISOString().replace('.000Z', 'Z') : found, value, key);
        }
      }
    });
  }

  test('files of one part are numbered as the message numbers them', () => {
    const raw = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\nbegin 644 ../a\r\n#86)C\r\n`\r\nend\r\n--b--';
    const message = parse(bytes(raw));
    const [file] = embeddedFiles(message.parts[2]);
    assert.deepEqual([file.part, file.safeFilename, new TextDecoder().decode(file.content)], [2, 'a', 'abc']);
    assert.deepEqual(embeddedFiles(message.parts[1]), []);
  });

  test('pieces of a message are put together', () => {
    const piece = (number, total, body) =>
      bytes(`From: ann@example.com\r\nContent-Type: message/partial; id="a@x"; number=${number}${total}\r\n\r\n${body}`);
    const pieces = [piece(2, '; total=2', 'two\r\n'), piece(1, '', 'Subject: whole\r\n\r\none\r\n')];
    const whole = parse(joinPartial([parse(pieces[0]), pieces[1]]));
    assert.deepEqual([whole.subject, whole.text], ['whole', 'one\r\ntwo\r\n']);
    const refused = { name: 'Pop3Error', code: 'POP3_ERR_USAGE_ARGUMENT' };
    assert.throws(() => joinPartial(pieces.slice(0, 1)), { ...refused, message: /1 missing/ });
    assert.throws(() => joinPartial([]), refused);
    assert.throws(() => joinPartial(['x']), refused);
  });

  test('an mbox file is a sequence of messages', () => {
    const letters = Array.from({ length: 600 }, (_, number) => `${LINE}Subject: letter ${number}\n\nhello\n\n`);
    const box = readMbox(bytes(letters.join('')));
    assert.equal(box.at(3).subject, 'letter 3');
    assert.equal(box.at(-1).subject, 'letter 599');
    assert.equal(box.length, 600);
    assert.equal(box.envelope(0), LINE.trim());
    assert.equal(box.at(600), undefined);
    assert.equal(box.at(-601), undefined);
    assert.equal(box.at(0.5), undefined);
    assert.deepEqual(
      Array.from(box, (message) => message.subject),
      letters.map((_, number) => `letter ${number}`),
    );
    assert.equal(readMbox(new Uint8Array()).length, 0);
    assert.throws(() => readMbox(bytes('Subject: x\n')), { code: 'POP3_ERR_USAGE_ARGUMENT' });
    assert.throws(() => readMbox(bytes(''), { format: 'mbx' }), { code: 'POP3_ERR_USAGE_ARGUMENT' });
    assert.throws(() => readMbox('file'), { code: 'POP3_ERR_USAGE_ARGUMENT' });
  });

  test('each variant of mbox unquotes in its way', () => {
    const file = bytes(`${LINE}Subject: x\n\n>From x\n>>From y\n\n`);
    const texts = { auto: 'From x\n>From y\n', mboxrd: 'From x\n>From y\n', mboxo: 'From x\n>>From y\n', mboxcl2: '>From x\n>>From y\n' };
    for (const [format, text] of Object.entries(texts)) {
      assert.equal(readMbox(file, { format }).at(0).text, text);
    }
    const body = `\n${LINE}Subject: no message\n\n`;
    const told = bytes(`${LINE}Content-Length: ${body.length}\n\n${body}${LINE}Subject: b\n\n`);
    assert.equal(readMbox(told).length, 2);
    assert.equal(readMbox(told).at(0).text, body);
    assert.equal(readMbox(told, { format: 'mboxrd' }).length, 3);
  });

  test('whatever stands in a file or a body, reading it comes to an end', () => {
    let state = 4155;
    const below = (end) => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % 65_536 % end;
    const pieces = [LINE, 'From ', '>From ', '\n', '\r\n', 'Content-Length: 7\n', 'Content-Length: 9999999999999999\n', '\0', '\xff',
      '=ybegin line=128 size=3 name=a\n', '=yend size=3\n', 'begin 644 a\n', 'end\n', '`\n', 'number=2', ';'];
    const damaged = (octets) => {
      let text = Buffer.from(octets).toString('latin1');
      for (let change = below(5); change >= 0; change--) {
        const at = below(text.length + 1);
        text = text.slice(0, at) + pieces[below(pieces.length)] + text.slice(at + below(40));
      }
      return Uint8Array.from(Buffer.from(text, 'latin1'));
    };
    const inputs = names.map((name) => {
      const { input } = JSON.parse(readFileSync(new URL(name, VECTORS), 'utf8'));
      return Buffer.from(input.base64, 'base64');
    });
    const box = bytes(Array.from({ length: 4 }, (_, at) => `${LINE}Subject: ${at}\nContent-Length: 6\n\n>From \n\n`).join(''));
    const piece = bytes('Content-Type: message/partial; id="a"; number=1; total=1\r\n\r\nSubject: x\r\n\r\ny\r\n');
    const refused = (error) => error.code === 'POP3_ERR_USAGE_ARGUMENT';
    let read = 0;
    for (let round = 0; round < 200; round++) {
      const file = damaged(box);
      for (const format of ['auto', 'mboxo', 'mboxrd', 'mboxcl', 'mboxcl2']) {
        try {
          const messages = readMbox(file, { format });
          const found = [...messages];
          assert.equal(found.length, messages.length);
          read += found.length;
          found.forEach((message, at) => assert.ok(messages.envelope(at).startsWith('From ') && message.preview.length >= 0));
        } catch (error) {
          assert.ok(refused(error), error.stack);
        }
      }
      const message = parse(damaged(inputs[below(inputs.length)]));
      for (const { safeFilename, content } of embeddedFiles(message)) {
        assert.ok(!safeFilename.includes('/') && content.length >= 0);
      }
      message.parts.filter((part) => !part.isMultipart).forEach((part) => readTnef(part));
      try {
        read += joinPartial([damaged(piece)]).length;
      } catch (error) {
        assert.ok(refused(error), error.stack);
      }
    }
    assert.ok(read > 500);
  });
}
