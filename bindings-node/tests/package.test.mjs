// The package as users get it: packed, installed in an empty folder, used from there.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { HERE, install } from './support/install.mjs';

const BIN = join(HERE, 'node_modules/.bin');


const SESSION = `
  const maildrop = new MemoryMaildrop(['Subject: Hi\\r\\n\\r\\nHello.\\r\\n']);
  const server = await createServer({ accounts: { me: { password: 'x', maildrop } }, allowCleartext: true });
  const { host, port } = server;
  const box = await Pop3.connect({ host, port, user: 'me', password: 'x', tls: 'none', allowCleartext: true });
  for await (const mail of box) {
    console.log(mail.message.subject, parse(mail.raw).text);
  }
  await box.quit();
  await server.close();
`;

const TYPES = `
import { connect as connectTcp } from 'node:net';
import { AbortError, Maildir, MemoryMaildrop, Message, Pop3, Pop3Error, SyncState, createServer, parse } from 'popmail';
import type { Account, Capabilities, ConnectOptions, Language, ListEntry, Pop3ErrorCode, RemoteMessage, Stat } from 'popmail';
import type { Expire, NewMessage, Summary, SyncRules, SyncStore } from 'popmail';

export async function fetchAll(options: ConnectOptions): Promise<string[]> {
  await using box = await Pop3.connect(options);
  const subjects: string[] = [];
  for await (const mail of box.fetch([1, 2], { signal: AbortSignal.timeout(30_000) })) {
    const message: Message = mail.message;
    subjects.push(message.subject ?? '');
    mail.delete();
  }
  const { count, octets }: Stat = await box.stat();
  const all: ListEntry[] = await box.list();
  const one: ListEntry = await box.list(1);
  const languages: Language[] = await box.lang();
  const welcome: string = await box.lang('de');
  const stream: ReadableStream<Uint8Array> = box.retrStream(1);
  const capabilities: Capabilities | undefined = box.capabilities;
  const parameters: readonly string[] | undefined = capabilities?.['X-ODD'];
  const expire: Expire | undefined = capabilities?.expire;
  const mechanisms: readonly string[] = capabilities?.sasl ?? [];
  for await (const summary of box.summaries([1], { retr: true })) {
    const { subject, date }: Summary = summary;
    subjects.push(String([subject, date, parameters, expire?.days, mechanisms]));
  }
  await box.quit();
  return [...subjects, String([count, octets, all, one, languages, welcome, stream, capabilities])];
}

export async function fetchNew(box: Pop3, store: SyncStore): Promise<void> {
  const rules: SyncRules = { deleteAfter: 0.5, larger: 'headers', maxSize: 1_000 };
  await using state = await SyncState.open(store, { mailbox: 'me', arrived: async () => true });
  for await (const mail of box.fetchNew(state, rules)) {
    const one: NewMessage = mail;
    await one.done();
    await one.delete();
  }
  // @ts-expect-error There is no such rule.
  box.fetchNew(state, { keep: 1 });
}

export function isRefusal(error: unknown): boolean {
  const code: Pop3ErrorCode = 'POP3_ERR_AUTHENTICATION';
  // @ts-expect-error There is no such code.
  const wrong: Pop3ErrorCode = 'POP3_ERR_OTHER';
  return !(error instanceof AbortError) && error instanceof Pop3Error && [code, wrong].includes(error.code);
}

const account: Account = { password: 'x', maildrop: new Maildir('Mail') };
await createServer({ accounts: { me: account, you: { password: 'y', maildrop: new MemoryMaildrop() } } });
const mail: RemoteMessage | Message = parse('a: b');
await Pop3.connect({ host: 'h', user: 'me', password: 'x', tlsOptions: { minVersion: 'TLSv1.3' } });
await Pop3.connect({ host: 'h', user: 'me', token: async () => 't', auth: 'xoauth2', trace: console.log });
await Pop3.connect({ host: 'h', user: 'me', password: 'x', socket: () => connectTcp(995, 'proxy'), onDeviation: console.log });
// @ts-expect-error There is no such mechanism.
await Pop3.connect({ host: 'h', user: 'me', password: 'x', auth: 'md5' });
// @ts-expect-error There is no such option.
await Pop3.connect({ host: 'h', user: 'me', password: 'x', tokens: mail });
// @ts-expect-error Neither a host nor a transport.
await Pop3.connect({ user: 'me', password: 'x' });
`;

let folder;
let tarball;
before(() => {
  ({ folder, tarball } = install());
});
after(() => rmSync(folder, { recursive: true }));

function runs(name, source) {
  writeFileSync(join(folder, name), source);
  const said = execFileSync(process.execPath, ['--trace-warnings', name], { cwd: folder, encoding: 'utf8' });
  assert.equal(said, 'Hi Hello.\r\n\n');
}

test('as an ES module', () => {
  runs('main.mjs', `import { MemoryMaildrop, Pop3, createServer, parse } from 'popmail';\n${SESSION}`);
});

test('as a CommonJS module', () => {
  runs('main.cjs', `const { MemoryMaildrop, Pop3, createServer, parse } = require('popmail');\n(async () => {${SESSION}})();`);
});

for (const [resolution, module] of Object.entries({ bundler: 'esnext', nodenext: 'nodenext' })) {
  for (const name of ['types.mts', 'types.cts']) {
    test(`in strict TypeScript, moduleResolution ${resolution}, ${name}`, () => {
      // CommonJS knows no await at the top.
      const source = name.endsWith('.cts') ? TYPES.replaceAll(/^await (.*)$/gm, 'void $1') : TYPES;
      writeFileSync(join(folder, name), source);
      const options = ['--strict', '--noEmit', '--exactOptionalPropertyTypes', '--target', 'es2022', '--types', 'node'];
      const kind = ['--moduleResolution', resolution, '--module', module];
      // With the types of a page and without them.
      for (const libraries of ['es2022,dom', 'es2022']) {
        const args = ['--preserveSymlinks', '--lib', libraries, ...options, ...kind, name];
        execFileSync(join(BIN, 'tsc'), args, { cwd: folder, stdio: 'inherit' });
      }
    });
  }
}

test('attw and publint have no complaint', () => {
  execFileSync(join(BIN, 'attw'), [tarball], { cwd: HERE, stdio: 'pipe' });
  const said = execFileSync(join(BIN, 'publint'), ['--strict', tarball], { cwd: HERE, encoding: 'utf8' });
  assert.match(said, /All good!/);
});
