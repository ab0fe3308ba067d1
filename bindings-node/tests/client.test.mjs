// The scenarios of the face, over the native engine.

import * as popmail from '../dist/index.js';
import { robustness } from './support/robustness.mjs';
import { scenarios } from './support/scenarios.mjs';

scenarios(popmail);
robustness(popmail);
