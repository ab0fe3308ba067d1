/** What the third module has for `engine-tools.ts`. */
declare module 'popmail-extra-glue' {
  type Tools = import('./engine-tools.js').ToolsEngine;
  export const Composer: Tools['Composer'];
  export const Scanner: Tools['Scanner'];
  export const embeddedFiles: Tools['embeddedFiles'];
  export const readTnef: Tools['readTnef'];
  export const joinPartial: Tools['joinPartial'];
  export const scanMbox: Tools['scanMbox'];
  export const unquote: Tools['unquote'];
}
