// The package as it is built, without a bundler: in a page, in a worker, in one file, under a strict policy.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, startChromium } from './support/chromium.mjs';
import { WASM } from './support/places.mjs';
import { serveFolder } from './support/static.mjs';

const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

const READ = `
const raw = new TextEncoder().encode('Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\\r\\nContent-Type: text/plain; charset=iso-2022-jp\\r\\n\\r\\n\\x1b$B3+:E\\x1b(B')
const read = () => { const { subject, text } = parse(raw); return { subject, text } }
const told = async (run) => { try { return await run() } catch (error) { return error.code ?? String(error) } }
`;
const EXPECTED = { subject: 'Grüße', text: '開催' };

const browser = await startChromium();

/** Runs a module in a page of its own and returns what it puts into `globalThis.outcome`. */
async function run(module, { policy = STRICT, more = {} } = {}) {
  const address = await serveFolder(
    WASM,
    { 'Content-Security-Policy': policy },
    { '/page.html': '<!doctype html><script type="module" src="/page.js"></script>', '/page.js': module, ...more },
  );
  const { page, context, complaints } = await openPage(browser, `${address}page.html`);
  await page.waitForFunction(() => globalThis.outcome !== undefined).catch(() => assert.fail(complaints.join('\n')));
  const outcome = await page.evaluate(() => globalThis.outcome);
  await context.close();
  return outcome;
}

test('plain_module_reads_mail', async () => {
  const outcome = await run(`import init, { parse } from '/dist/index.js'\n${READ}
    await init()
    globalThis.outcome = read()`);
  assert.deepEqual(outcome, EXPECTED);
});

test('worker_reads_mail', async () => {
  const worker = `import init, { parse } from '/dist/index.js'\n${READ}
    onmessage = async () => { await init(); postMessage(read()) }`;
  const outcome = await run(
    `const worker = new Worker('/worker.js', { type: 'module' })
    worker.onmessage = ({ data }) => { globalThis.outcome = data }
    worker.onerror = ({ message }) => { globalThis.outcome = message }
    worker.postMessage('go')`,
    { more: { '/worker.js': worker } },
  );
  assert.deepEqual(outcome, EXPECTED);
});

test('inline_entry_fetches_nothing', async () => {
  const outcome = await run(
    `import init, { parse } from '/dist/inline.js'\n${READ}
    await init()
    globalThis.outcome = read()`,
    { policy: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'" },
  );
  assert.deepEqual(outcome, EXPECTED);
});

test('init_takes_bytes_response_address_and_module_and_may_be_repeated', async () => {
  const ways = {
    bytes: `await (await fetch('/dist/popmail.wasm')).arrayBuffer()`,
    response: `fetch('/dist/popmail.wasm')`,
    text: `'/dist/popmail.wasm'`,
    address: `new URL('/dist/popmail.wasm', location)`,
    module: `await WebAssembly.compileStreaming(fetch('/dist/popmail.wasm'))`,
    nothing: 'undefined',
  };
  for (const [name, input] of Object.entries(ways)) {
    const outcome = await run(`import init, { parse } from '/dist/index.js'\n${READ}
      await Promise.all([init(${input}), init()])
      await init()
      globalThis.outcome = read()`);
    assert.deepEqual(outcome, EXPECTED, name);
  }
});

test('use_before_init_and_a_missing_file_are_told', async () => {
  const outcome = await run(`import init, { parse, Pop3, Pop3Error } from '/dist/index.js'\n${READ}
    const early = await told(read)
    const missing = await told(() => init('/dist/no-such.wasm'))
    await init()
    globalThis.outcome = { early, missing: typeof missing, after: read() }`);
  assert.equal(outcome.early, 'POP3_ERR_USAGE_STATE');
  assert.equal(outcome.missing, 'string');
  assert.deepEqual(outcome.after, EXPECTED);
});
