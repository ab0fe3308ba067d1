// Where things are in the checkout.

import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export const ROOT = at('../../../../');
export const WASM = at('../../../');
export const HERE = at('../');
export const SAMPLES = `${ROOT}examples/mail/`;
export const PAGE = `${ROOT}examples/browser/`;
export const MIME_VECTORS = `${ROOT}tests/vectors/mime/`;
export const SCREENSHOTS = `${ROOT}target/screenshots/`;
export const SCRATCH = `${ROOT}target/browser-tests/`;
