/** What wasm-bindgen makes of `src`, as `wasm.ts` uses it. */
declare module 'popmail-glue' {
  export default function init(input: { module_or_path: unknown }): Promise<unknown>;
  export function initSync(input: { module: unknown }): unknown;
  export function __wbg_reset_state(): void;

  export function index(raw: Uint8Array): Uint32Array<ArrayBuffer>;
  export function lineEnds(raw: Uint8Array): Uint8Array;
  export function content(body: Uint8Array, encoding: number): Uint8Array;
  export function contentSize(body: Uint8Array, encoding: number): number;
  export function text(body: Uint8Array, encoding: number, charset: number): string;
  export function hostText(body: Uint8Array, encoding: number, label: string): string | undefined;
  export function hostLabel(charset: number): string | undefined;
  export function htmlAsText(body: Uint8Array, encoding: number, charset: number): string;
  export function field(value: Uint8Array, what: number): string;
  export function views(raw: Uint8Array, first: number, count: number, what: number): string;
  export function safeFilename(name: string, contentType: string, index: number): string;

  export const ClientEngine: new (
    config: import('./engine-pop3.js').ClientConfig,
  ) => import('./engine-pop3.js').ClientEngine;
  export const Prefetch: new () => import('./engine-pop3.js').Prefetch;
  export function apopDigest(greeting: Uint8Array, secret: Uint8Array): string | undefined;
}

/** The module with all there is: that of `popmail-glue` and more. */
declare module 'popmail-extra-glue' {
  export default function init(input: { module_or_path: unknown }): Promise<unknown>;
  export function initSync(input: { module: unknown }): unknown;
  export function __wbg_reset_state(): void;

  export function index(raw: Uint8Array): Uint32Array<ArrayBuffer>;
  export function lineEnds(raw: Uint8Array): Uint8Array;
  export function content(body: Uint8Array, encoding: number): Uint8Array;
  export function contentSize(body: Uint8Array, encoding: number): number;
  export function text(body: Uint8Array, encoding: number, charset: number): string;
  export function hostText(body: Uint8Array, encoding: number, label: string): string | undefined;
  export function hostLabel(charset: number): string | undefined;
  export function htmlAsText(body: Uint8Array, encoding: number, charset: number): string;
  export function field(value: Uint8Array, what: number): string;
  export function textInPieces(body: Uint8Array, encoding: number, charset: number): void;
  export function viewInPieces(raw: Uint8Array, message: number, what: number, options?: Uint32Array): boolean;
  export function views(raw: Uint8Array, first: number, count: number, what: number): string;
  export function indexWith(raw: Uint8Array, options: Uint32Array): Uint32Array<ArrayBuffer>;
  export function viewsWith(raw: Uint8Array, first: number, count: number, what: number, options: Uint32Array): string;
  export function crlf(raw: Uint8Array): Uint8Array;
  export function safeFilename(name: string, contentType: string, index: number): string;

  export const ClientEngine: new (
    config: import('./engine-pop3.js').ClientConfig,
  ) => import('./engine-pop3.js').ClientEngine;
  export const Prefetch: new () => import('./engine-pop3.js').Prefetch;
  export function apopDigest(greeting: Uint8Array, secret: Uint8Array): string | undefined;

  type Sync = import('./engine-sync.js').SyncPlatform;
  export const SyncPlanner: Sync['SyncPlanner'];
  export function syncReceipts(journal: string): string[];
  export const syncWithoutUid: Sync['syncWithoutUid'];
  export function syncFingerprint(header: Uint8Array, octets: number): string;
}

/** The module of the server session. */
declare module 'popmail-server-glue' {
  export default function init(input: { module_or_path: unknown }): Promise<unknown>;
  export function initSync(input: { module: unknown }): unknown;
  export function __wbg_reset_state(): void;

  type Platform = import('./engine-pop3.js').ServerPlatform;
  export const ServerEngine: Platform['ServerEngine'];
  export const MemoryStore: Platform['MemoryStore'];
  export const scramKeys: Platform['scramKeys'];
}

/** `popmail.wasm` in base64. */
declare module 'popmail-base64' {
  const encoded: string;
  export default encoded;
}
