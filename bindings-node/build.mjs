// Builds the package: the native module, the JavaScript in both module systems, the types.
//
//   node build.mjs           all of it
//   node build.mjs native    the native module alone
//   node build.mjs face      the JavaScript and the types alone

import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
process.chdir(here);
const [only] = process.argv.slice(2);

if (only !== 'face') {
  // Where rustc is older than the workspace names, cargo is told not to mind.
  const cargo = ['--', '--ignore-rust-version'];
  execFileSync(
    'node_modules/.bin/napi',
    ['build', '--release', '--platform', '--js', 'native.cjs', '--dts', 'native.d.cts', ...cargo],
    { stdio: 'inherit' },
  );
  // Its types are stated in ts/native.ts.
  rmSync('native.d.cts', { force: true });
}

if (only !== 'native') {
  const [{ build }, { rollup }, { dts }] = await Promise.all([
    import('esbuild'),
    import('rollup'),
    import('rollup-plugin-dts'),
  ]);
  rmSync('dist', { recursive: true, force: true });
  mkdirSync('dist');
  // What `json()` and `details` are, for programs that check it.
  cpSync('../schema', 'dist/schema', { recursive: true });
  for (const license of ['LICENSE-APACHE', 'LICENSE-MIT']) {
    copyFileSync(`../${license}`, license);
  }
  const options = {
    entryPoints: ['ts/index.ts'],
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: ['../native.cjs'],
    logLevel: 'warning',
  };
  await build({ ...options, format: 'esm', outfile: 'dist/index.js' });
  await build({ ...options, format: 'cjs', outfile: 'dist/index.cjs' });
  // One file, so that both module systems can have their own copy.
  const bundle = await rollup({ input: 'ts/index.ts', plugins: [dts()], external: /^node:|native\.cjs$/ });
  await bundle.write({ file: 'dist/index.d.ts', format: 'es' });
  await bundle.close();
  const reference = '/// <reference types="node" />\n/// <reference lib="esnext.disposable" />\n';
  const types = reference + readFileSync('dist/index.d.ts', 'utf8').replace(/^\/\/\/.*\n/gm, '');
  writeFileSync('dist/index.d.ts', types);
  writeFileSync('dist/index.d.cts', types);
}
