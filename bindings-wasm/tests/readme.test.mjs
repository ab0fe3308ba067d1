// The examples of the README, one after the other, against the server session of the package.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import initServer, { MemoryMaildrop, Server } from '../dist/server-node.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
// Inside the package, which may name itself.
const programs = [];
after(() => programs.forEach((program) => rmSync(program)));

test('every example of the README runs', async () => {
  await initServer();
  const blocks = Array.from(readFileSync(here('../README.md'), 'utf8').matchAll(/```js\n(.*?)```/gs), ([, block]) => block);
  assert.equal(blocks.length, 4);
  const maildrop = new MemoryMaildrop(['Subject: Hi\r\n\r\nHello\r\n']);
  const server = new Server({ accounts: { me: { password: '…', maildrop } }, allowCleartext: true });
  globalThis.localStorage ??= {};
  const run = async (source) => {
    const [up, down] = [new TransformStream(), new TransformStream()];
    const isSession = source.includes('Pop3.connect');
    const serving = isSession && server.accept({ readable: up.readable, writable: down.writable }, 'none');
    const said = [];
    globalThis.example = { readable: down.readable, writable: up.writable, log: (...words) => said.push(words.join(' ')) };
    const program = here(`./.example-${programs.length}.mjs`);
    programs.push(program);
    const given = 'const { readable, writable, log } = globalThis.example; const console = { log };\n';
    writeFileSync(program, given + source);
    await import(program);
    await serving;
    return said;
  };
  const [decode, complete, fetch, fetchNew] = blocks;
  assert.deepEqual(await run(decode), ['café Hello\r\n']);
  assert.equal((await run(complete)).length, 1);
  assert.deepEqual(await run(fetch), ['1 22 Hi']);
  assert.deepEqual(await run(fetchNew), ['Hi']);
  assert.deepEqual(await run(fetchNew), []);
  await server.close();
});
