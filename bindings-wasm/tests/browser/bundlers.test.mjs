// The package as users get it: packed, installed in an empty place, built by Vite and by esbuild, run in Chromium.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import { openPage, startChromium } from './support/chromium.mjs';
import { SCRATCH, WASM } from './support/places.mjs';
import { serveFolder } from './support/static.mjs';

const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
const APP = `${SCRATCH}app/`;

const app = (entry) => `
import init, { apopDigest, parse } from '${entry}'
await init()
const { subject, attachments } = parse('Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\\r\\nContent-Type: application/pdf; name="../a.pdf"\\r\\n\\r\\nx')
globalThis.outcome = { subject, name: attachments[0].safeFilename, digest: apopDigest('+OK <1896.697170952@dbc.mtview.ca.us>', 'tanstaaf') }
`;
const EXPECTED = { subject: 'Grüße', name: 'a.pdf', digest: 'c4c9334bac560ecc979e58001b3e22fb' };
const HTML = (script) => `<!doctype html><script type="module" src="${script}"></script>`;

const browser = await startChromium();

rmSync(APP, { recursive: true, force: true });
mkdirSync(APP, { recursive: true });
const [{ filename }] = JSON.parse(npm(WASM, 'pack', '--json', '--ignore-scripts', '--pack-destination', APP));
writeFileSync(`${APP}package.json`, '{ "name": "app", "private": true, "type": "module" }');
npm(APP, 'install', '--no-audit', '--no-fund', `./${filename}`);
writeFileSync(`${APP}main.js`, app('popmail-wasm'));
writeFileSync(`${APP}inline.js`, app('popmail-wasm/inline'));
writeFileSync(`${APP}index.html`, HTML('/main.js'));

function npm(folder, ...args) {
  return execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

async function outcomeOf(folder) {
  const address = await serveFolder(folder, { 'Content-Security-Policy': STRICT });
  const { page, context, complaints } = await openPage(browser, address);
  await page.waitForFunction(() => globalThis.outcome !== undefined).catch(() => assert.fail(complaints.join('\n')));
  const outcome = await page.evaluate(() => globalThis.outcome);
  await context.close();
  return outcome;
}

test('vite_builds_an_app_from_the_tarball', async () => {
  await vite({
    root: APP,
    logLevel: 'warn',
    configFile: false,
    build: { target: 'es2022', outDir: 'vite', assetsInlineLimit: 0 },
  });
  assert.deepEqual(await outcomeOf(`${APP}vite`), EXPECTED);
});

test('esbuild_builds_an_app_from_the_tarball', async () => {
  const out = `${APP}esbuild/`;
  await esbuild({
    entryPoints: [`${APP}main.js`],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    outdir: out,
    logLevel: 'warning',
  });
  // esbuild leaves `new URL(…, import.meta.url)` as it is: the file goes beside the bundle.
  copyFileSync(`${APP}node_modules/popmail-wasm/dist/popmail.wasm`, `${out}popmail.wasm`);
  writeFileSync(`${out}index.html`, HTML('/main.js'));
  assert.deepEqual(await outcomeOf(out), EXPECTED);
});

test('esbuild_builds_one_file_from_the_inline_entry', async () => {
  const out = `${APP}inline/`;
  await esbuild({
    entryPoints: [`${APP}inline.js`],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    outdir: out,
    logLevel: 'warning',
  });
  writeFileSync(`${out}index.html`, HTML('/inline.js'));
  assert.deepEqual(await outcomeOf(out), EXPECTED);
});
