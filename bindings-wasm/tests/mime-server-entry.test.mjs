/** The server's entry: a second module, used together with the first one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import init, { Pop3 } from '../dist/node.js';
import initServer, { MemoryMaildrop, Server } from '../dist/server-node.js';

test('the server needs its own init', async () => {
  await init();
  assert.throws(() => new MemoryMaildrop(), { name: 'Pop3Error', code: 'POP3_ERR_USAGE_STATE' });
  await initServer();
});

test('a client and a server in one process, without a network', async () => {
  await Promise.all([init(), initServer()]);
  const maildrop = new MemoryMaildrop(['Subject: one\r\n\r\nfirst\r\n', 'Subject: two\r\n\r\n.dot\r\n']);
  const server = new Server({ allowCleartext: true, accounts: { me: { password: 'secret', maildrop } } });
  const [up, down] = [new TransformStream(), new TransformStream()];
  const served = server.accept({ readable: up.readable, writable: down.writable });
  const transport = { readable: down.readable, writable: up.writable };
  const box = await Pop3.connect({ transport, tls: 'none', allowCleartext: true, user: 'me', password: 'secret' });
  const read = [];
  for await (const { number, message } of box) read.push([number, message.subject, message.text]);
  await box.quit();
  assert.deepEqual(read, [
    [1, 'one', 'first\r\n'],
    [2, 'two', '.dot\r\n'],
  ]);
  assert.equal(await served, 'quit');
});
