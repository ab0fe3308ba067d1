// Runs the tests in Chromium, after the set-up that they need: `npm test`.
//
// Fails, naming the Debian package, where Chromium or websockify is missing.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { needPrograms } from './support/need.mjs';
import { HERE, PAGE, ROOT, WASM } from './support/places.mjs';

const run = (folder, program, ...args) => execFileSync(program, args, { cwd: folder, stdio: 'inherit' });

try {
  needPrograms();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

const files = process.argv.slice(2);
try {
  if (!existsSync(`${HERE}node_modules`)) run(HERE, 'npm', 'ci');
  if (!existsSync(`${WASM}dist/index.js`)) {
    if (!existsSync(`${WASM}node_modules`)) run(WASM, 'npm', 'ci');
    run(WASM, 'npm', 'run', 'build');
  }
  // The POP3 server that the page fetches from is the Python package's.
  if (!existsSync(`${ROOT}.venv/stamps/native`)) run(ROOT, 'make', '.venv/stamps/native');
  if (!existsSync(`${PAGE}node_modules`)) run(PAGE, 'npm', 'ci');
  run(PAGE, 'npm', 'run', 'build');
  const all = readdirSync(HERE).filter((name) => name.endsWith('.test.mjs'));
  run(
    HERE,
    process.execPath,
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${10 * 60_000}`,
    '--test-concurrency=1',
    ...(files.length > 0 ? files : all),
  );
} catch {
  // What failed has said why.
  process.exit(1);
}
