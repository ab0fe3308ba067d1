// Serves the sample mail on loopback over TLS, and fetches and decodes it: `npm run demo`.

import { readFileSync, readdirSync } from 'node:fs';

import { MemoryMaildrop, Pop3, createServer } from 'popmail';

import { certificate } from './tests/support/certificates.mjs';

const mail = new URL('../examples/mail/', import.meta.url);
const names = readdirSync(mail).filter((name) => name.endsWith('.eml'));
const maildrop = new MemoryMaildrop(names.sort().map((name) => readFileSync(new URL(name, mail))));
const tls = certificate();
const server = await createServer({ accounts: { demo: { password: 'demo', maildrop } }, tls });
const { host, port } = server;
console.log(`a POP3 server with ${maildrop.count} messages, over TLS on ${host} port ${port}`);

const before = performance.now();
const box = await Pop3.connect({ host, port, user: 'demo', password: 'demo', tlsOptions: { ca: tls.cert } });
for await (const { number, octets, message } of box) {
  const files = message.attachments.map((part) => `${part.safeFilename} (${part.content.length} bytes)`);
  const from = message.from[0]?.name ?? message.from[0]?.address ?? '?';
  console.log(`${String(number).padStart(3)} ${String(octets).padStart(8)}  ${from}: ${message.subject ?? ''} ${files.join(', ')}`);
}
await box.quit();
console.log(`fetched and decoded in ${(performance.now() - before).toFixed(0)} ms`);
await server.close();
