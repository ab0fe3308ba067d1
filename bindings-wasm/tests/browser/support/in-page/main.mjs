// The drivers of the vectors and of the scenarios, over the engine that the package carries, in a page.

import init, * as popmail from 'popmail-wasm';
import * as engine from 'popmail-engine';
import { robustness } from '../../../../../bindings-node/tests/support/robustness.mjs';
import { scenarios } from '../../../../../bindings-node/tests/support/scenarios.mjs';
import { clientVectors } from '../../../../../bindings-node/tests/support/vectors.mjs';
import { mimeVectors } from './mime.mjs';
import { tests } from './test.mjs';

const GROUPS = {
  mime: () => mimeVectors(popmail.parse),
  client: () => clientVectors(engine),
  scenarios: () => scenarios(popmail),
  robustness: () => robustness(popmail),
};

/** Runs the tests of one group. Returns the names of those that passed, and the failures in words. */
globalThis.runGroup = async (group) => {
  await init('/bindings-wasm/dist/popmail.wasm');
  await engine.default({ module_or_path: '/bindings-wasm/dist/popmail.wasm' });
  tests.length = 0;
  await GROUPS[group]();
  const passed = [];
  const failed = [];
  for (const { name, run } of tests) {
    try {
      await run();
      passed.push(name);
    } catch (error) {
      failed.push(`${name}: ${error.stack}`);
    }
  }
  return { passed, failed };
};
