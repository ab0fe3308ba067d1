// Messages for the tests, the same in each run, and awkward on the wire.

import { createHash } from 'node:crypto';

const HEAD = Buffer.from('From: a@example.com\r\nSubject: awkward\r\n\r\n');

/** Small messages that a careless client or server would change, join or cut. */
export function awkwardMessages() {
  const octets = [];
  for (let octet = 1; octet < 256; octet += 1) {
    if (octet < 10 || octet > 13) {
      octets.push(octet);
    }
  }
  const body = (text) => Buffer.concat([HEAD, Buffer.from(text, 'latin1')]);
  return [
    HEAD,
    body('.\r\n'),
    body('..\r\n.\r\n.first\r\n'),
    body('\r\n\r\n.\r\n\r\n'),
    body(`a line of 70,000 octets: ${'x'.repeat(70_000)}\r\n`),
    body(`${Buffer.from(octets).toString('latin1')}\r\n`),
    body('a lone \r carriage return\r\n'),
    body('+OK not a reply\r\n-ERR neither\r\n'),
  ];
}

/** Ordinary small messages, each different from the others. */
export function plainMessages(count, octets = 3_000) {
  return Array.from({ length: count }, (_, at) => {
    const number = at + 1;
    const head = `From: sender${number}@example.com\r\nTo: me@example.com\r\nSubject: message ${number}\r\n\r\n`;
    const line = `${createHash('sha256').update(String(number)).digest('hex')}\r\n`;
    return Buffer.from(head + line.repeat(Math.ceil(octets / line.length)));
  });
}

/** One message of at least so many octets, whose lines begin with a dot now and then. */
export function largeMessage(octets) {
  const line = `${createHash('sha256').update('large').digest('hex')}\r\n`;
  const block = Buffer.from(Array.from({ length: 1_000 }, (_, at) => (at % 7 === 6 ? '.' : '') + line).join(''));
  const count = Math.floor(octets / block.length) + 1;
  return Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), ...Array(count).fill(block)]);
}
