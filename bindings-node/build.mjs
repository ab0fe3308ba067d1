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
  // The others use what `index` exports, so that there is one of each class.
  for (const entry of ['index', 'testing', 'compat']) {
    const external = [...options.external, ...(entry === 'index' ? [] : ['./index.js'])];
    const entryPoints = [`ts/${entry}.ts`];
    await build({ ...options, external, entryPoints, format: 'esm', outfile: `dist/${entry}.js` });
    await build({ ...options, external, entryPoints, format: 'cjs', outfile: `dist/${entry}.cjs` });
    // One file, so that both module systems can have their own copy.
    const outside = entry === 'index' ? /^node:|native\.cjs$/ : /^node:|native\.cjs$|index\.js$/;
    const bundle = await rollup({ input: `ts/${entry}.ts`, plugins: [dts()], external: outside });
    await bundle.write({ file: `dist/${entry}.d.ts`, format: 'es' });
    await bundle.close();
    const reference = '/// <reference types="node" />\n/// <reference lib="esnext.disposable" />\n';
    const types = reference + readFileSync(`dist/${entry}.d.ts`, 'utf8').replace(/^\/\/\/.*\n/gm, '');
    writeFileSync(`dist/${entry}.d.ts`, types);
    writeFileSync(`dist/${entry}.d.cts`, types.replaceAll('./index.js', './index.cjs'));
  }
  for (const file of ['dist/testing.cjs', 'dist/compat.cjs']) {
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('./index.js', './index.cjs'));
  }
}
