// Parse a message and read all of it, in Chromium: the WebAssembly package beside its peer, as a
// Markdown table.
//
//   node chromium.mjs [--quick] [--only=TEXT] [--json=FILE]

import { existsSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';
import { FOLDER, ROOT, peer, writeCorpus } from './corpus.mjs';
import { CAREFUL, QUICK, table } from './measure.mjs';

const CHROMIUM = '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PAGE = `<!doctype html>
<script type="importmap">{ "imports": { "postal-mime": "/benchmarks/js/node_modules/postal-mime/dist/esm/postal-mime.js" } }</script>
<script type="module" src="/benchmarks/js/page.mjs"></script>`;

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string', default: '' }, json: { type: 'string' } },
});
const corpus = Object.entries(writeCorpus()).filter(([name]) => name.includes(values.only));
const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
try {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error));
  // Files of the checkout in place of a server.
  await page.route('**/*', (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/') return route.fulfill({ contentType: 'text/html', body: PAGE });
    const path = `${ROOT}${pathname.slice(1)}`;
    return existsSync(path) ? route.fulfill({ path }) : route.fulfill({ status: 404 });
  });
  await page.goto('http://localhost/');
  await page.waitForFunction(() => 'measure' in globalThis);
  const classes = {};
  for (const [name, files] of corpus) {
    const paths = files.map((file) => `/${FOLDER}${file}`);
    classes[name] = await page.evaluate(([paths, care]) => globalThis.measure(paths, care), [paths, values.quick ? QUICK : CAREFUL]);
  }
  console.log(`Chromium ${browser.version()}, ${peer('postal-mime')}; ${cpus().length} cores, ${process.arch}\n`);
  console.log(table('Chromium: parse and read all of it, per message', classes, ['wasm']));
  if (values.json) writeFileSync(values.json, JSON.stringify(classes));
} finally {
  await browser.close();
}
