// Every dialogue of tests/vectors/pop3 through the native engines.

import { createRequire } from 'node:module';

import { clientVectors, serverVectors } from './support/vectors.mjs';

const native = createRequire(import.meta.url)('../native.cjs');

clientVectors(native);
serverVectors(native);
