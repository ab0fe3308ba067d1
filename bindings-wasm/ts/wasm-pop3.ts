/** The POP3 half of a WebAssembly module as the face takes it: the same over each module that has it. */

import type * as Glue from 'popmail-glue';

import type { Platform } from './engine-pop3.js';
import { parse } from './message.js';

type Pop3Glue = Pick<typeof Glue, 'ClientEngine' | 'apopDigest'>;

/** The POP3 client that a WebAssembly module is. */
export function pop3Platform(glue: Pop3Glue, guarded: <T>(call: () => T) => T): Platform {
  return {
    ClientEngine: glue.ClientEngine,
    apopDigest: (greeting, secret) => guarded(() => glue.apopDigest(greeting, secret)),
    parse,
  };
}
