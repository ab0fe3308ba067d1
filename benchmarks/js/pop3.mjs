// Fetch a mailbox and keep every message, in Node: popmail beside its peer.
//
//   node pop3.mjs HOST PORT USER PASSWORD [CERTIFICATE]
//
// With the file of a certificate authority it is TLS from the first octet. Each line on the input, the
// name of a peer, is one session from connect to QUIT; the answer is the seconds that it took and the
// SHA-256 of what came, counted afterwards. node-pop3 leaves doubled dots and drops the last line's end:
// that is made good before its octets are counted. It waits forever where the end of a message comes in
// two reads; then, after five seconds, the answer is `stuck` and the program is over.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import Pop3Command from 'node-pop3';
import { Pop3 } from '../../bindings-node/dist/index.js';

const [host, port, user, password, certificate] = process.argv.slice(2);
const secured = certificate !== undefined;
const place = { host, port: Number(port), user, password, tlsOptions: secured ? { ca: readFileSync(certificate) } : {} };

/** Ends the program if this one answer does not come. */
async function inTime(message) {
  const timer = setTimeout(() => {
    console.log('stuck');
    process.exit();
  }, 5000);
  try {
    return await message;
  } finally {
    clearTimeout(timer);
  }
}

const peers = {
  async popmail() {
    const security = secured ? {} : { tls: 'none', allowCleartext: true };
    const box = await Pop3.connect({ ...place, ...security, auth: 'plain', initialResponse: true });
    const messages = [];
    for await (const mail of box) messages.push(mail.raw);
    await box.quit();
    return messages;
  },
  async 'node-pop3'() {
    const client = new Pop3Command({ ...place, tls: secured, servername: 'localhost' });
    const count = Number((await inTime(client.STAT())).split(' ')[0]);
    const messages = [];
    for (let number = 1; number <= count; number++) messages.push(await inTime(client.RETR(number)));
    await inTime(client.QUIT());
    return messages;
  },
};

const mended = (message) => {
  if (typeof message !== 'string') return message;
  const undotted = `\r\n${message}`.replaceAll('\r\n..', '\r\n.').slice(2);
  return undotted.endsWith('\r\n') ? undotted : `${undotted}\r\n`;
};

console.log('ready');
for await (const peer of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const messages = await peers[peer]();
  const seconds = (performance.now() - start) / 1000;
  const hash = createHash('sha256');
  for (const message of messages) hash.update(mended(message));
  console.log(`${seconds} ${hash.digest('hex')}`);
}
