// POP3 through WebAssembly in Node: every dialogue through the engines, every scenario through the
// built package. The same as in bindings-node/tests.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

import { robustness } from '../../bindings-node/tests/support/robustness.mjs';
import { scenarios } from '../../bindings-node/tests/support/scenarios.mjs';
import { security } from '../../bindings-node/tests/support/security.mjs';
import { syncScenarios } from '../../bindings-node/tests/support/sync-scenarios.mjs';
import { syncVectors } from '../../bindings-node/tests/support/sync-vectors.mjs';
import { clientVectors, serverVectors } from '../../bindings-node/tests/support/vectors.mjs';
import initExtra, * as extra from '../dist/extra-node.js';
import init, * as popmail from '../dist/node.js';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'popmail-wasm-'));

/** The engine as the package bundles it, without the face. */
async function engine(name) {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [path(`../../target/wasm/${name}/glue.js`)],
    bundle: true,
    format: 'esm',
    outfile,
    alias: { 'popmail-host': path('../ts/host.ts') },
    logLevel: 'warning',
  });
  const glue = await import(pathToFileURL(outfile));
  glue.initSync({ module: readFileSync(path(`../dist/${name}.wasm`)) });
  return glue;
}

const client = await engine('popmail-extra');
const server = await engine('popmail-server');
rmSync(folder, { recursive: true });
await Promise.all([init(), initExtra()]);

clientVectors(client);
serverVectors(server);
scenarios(popmail);
robustness(popmail);
security(popmail);
syncVectors(client);
syncScenarios({ ...popmail, ...extra });
