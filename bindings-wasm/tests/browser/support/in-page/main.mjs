// The drivers of the vectors and of the scenarios, over the engine that the package carries, in a page.

import init, * as popmail from 'popmail-wasm';
import initExtra, * as extra from 'popmail-wasm-extra';
import * as engine from 'popmail-extra-engine';
import { robustness } from '../../../../../bindings-node/tests/support/robustness.mjs';
import { scenarios } from '../../../../../bindings-node/tests/support/scenarios.mjs';
import { security } from '../../../../../bindings-node/tests/support/security.mjs';
import { syncScenarios } from '../../../../../bindings-node/tests/support/sync-scenarios.mjs';
import { syncVectors } from '../../../../../bindings-node/tests/support/sync-vectors.mjs';
import { clientVectors } from '../../../../../bindings-node/tests/support/vectors.mjs';
import { mimeVectors } from './mime.mjs';
import { tests } from './test.mjs';

const GROUPS = {
  mime: () => mimeVectors(popmail.parse),
  client: () => clientVectors(engine),
  scenarios: () => scenarios(popmail),
  robustness: () => robustness(popmail),
  security: () => security(popmail),
  sync: () => {
    syncVectors(engine);
    syncScenarios({ ...popmail, ...extra });
  },
};

/** Runs the tests of one group. Returns the names of those that passed, and the failures in words. */
globalThis.runGroup = async (group) => {
  await init('/bindings-wasm/dist/popmail.wasm');
  await initExtra('/bindings-wasm/dist/popmail-extra.wasm');
  await engine.default({ module_or_path: '/bindings-wasm/dist/popmail-extra.wasm' });
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
