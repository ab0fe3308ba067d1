/** Composing, the files of old formats and mailbox files in WebAssembly. */

import * as glue from 'popmail-extra-glue';

import type { ToolsEngine } from './engine-tools.js';

/** The functions of the third module, each called through `guarded`. */
export function toolsEngine(guarded: <T>(call: () => T) => T): ToolsEngine {
  return {
    Composer: glue.Composer,
    Scanner: glue.Scanner,
    embeddedFiles: (raw) => guarded(() => glue.embeddedFiles(raw)),
    readTnef: (stream) => guarded(() => glue.readTnef(stream)),
    joinPartial: (pieces) => guarded(() => glue.joinPartial(pieces)),
    scanMbox: (file, format, from, most) => guarded(() => glue.scanMbox(file, format, from, most)),
    unquote: (content, quoting) => guarded(() => glue.unquote(content, quoting)),
    // Each call copies the file into the module: one call is enough.
    scanAtOnce: 2 ** 31,
  };
}
