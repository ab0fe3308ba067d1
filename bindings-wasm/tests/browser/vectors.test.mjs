// The vectors and the scenarios that every package must meet, with the WebAssembly engine, inside Chromium.
//
// The drivers are those of the other packages, bundled for a page: nothing is written twice.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { build } from 'esbuild';
import { mimeVectors } from '../mime-files.mjs';
import { openPage, startChromium } from './support/chromium.mjs';
import { HERE, ROOT, WASM } from './support/places.mjs';
import { serveFolder } from './support/static.mjs';

const seed = process.env.POPMAIL_SEED ?? String(Date.now());
const inPage = (name) => `${HERE}support/in-page/${name}.mjs`;

const { outputFiles } = await build({
  entryPoints: [inPage('main')],
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  sourcemap: 'inline',
  logLevel: 'warning',
  inject: [inPage('globals')],
  define: { global: 'globalThis' },
  alias: {
    'node:assert/strict': inPage('assert'),
    'node:fs': inPage('fs'),
    'node:test': inPage('test'),
    'popmail-wasm': `${WASM}dist/index.js`,
    'popmail-wasm-extra': `${WASM}dist/extra.js`,
    'popmail-extra-engine': `${ROOT}target/wasm/popmail-extra/glue.js`,
    'popmail-host': `${WASM}ts/host.ts`,
  },
});

const mime = mimeVectors().map(({ raw, ...rest }) => ({ ...rest, base64: Buffer.from(raw).toString('base64') }));
const address = await serveFolder(
  ROOT,
  {},
  {
    '/page.html': '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    '/page.js': outputFiles[0].text,
    '/mime-vectors.json': JSON.stringify(mime),
    '/tests/vectors/pop3/client/listing.json': JSON.stringify(readdirSync(`${ROOT}tests/vectors/pop3/client`)),
    '/tests/vectors/sync/listing.json': JSON.stringify(readdirSync(`${ROOT}tests/vectors/sync`)),
  },
);
const browser = await startChromium();

for (const [group, atLeast] of Object.entries({ mime: 60, client: 50, scenarios: 35, robustness: 9, security: 16, sync: 45 })) {
  test(`${group}_in_chromium`, async () => {
    const { page, context, complaints } = await openPage(browser, `${address}page.html?seed=${seed}`);
    await page.waitForFunction(() => 'runGroup' in globalThis).catch(() => assert.fail(complaints.join('\n')));
    const { passed, failed } = await page.evaluate((name) => globalThis.runGroup(name), group);
    console.log(`# ${group}: ${passed.length} passed, seed ${seed}`);
    assert.deepEqual(failed, []);
    assert.ok(passed.length >= atLeast, `expected at least ${atLeast} tests, got ${passed.length}`);
    // Among them rejections that nobody took.
    assert.deepEqual(complaints, []);
    await context.close();
  });
}
