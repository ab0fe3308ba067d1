/** One WebAssembly instance behind what wasm-bindgen generates: started by `init`, guarded against its own end. */

import { Pop3Error } from './error.js';

/** Where a WebAssembly module comes from: its bytes, a response, an address, or the module itself. */
export type InitInput =
  | BufferSource
  | Response
  | Promise<Response>
  | Request
  | URL
  | string
  | WebAssembly.Module;

/** What wasm-bindgen generates for every module. */
interface Glue {
  default(input: { module_or_path: unknown }): Promise<unknown>;
  initSync(input: { module: unknown }): unknown;
  __wbg_reset_state(): void;
}

/** What a module provides to the face while it works. */
interface Provided {
  /** The face may use the engine. */
  ready(): void;
  /** It may not: each use calls this. */
  dead(fail: () => never): void;
  /** Classes whose methods may find the engine broken. */
  classes: readonly { prototype: object }[];
}

export class Instance {
  readonly #glue: Glue;
  readonly #provided: Provided;
  #started: Promise<void> | undefined;
  #hasModule = false;

  constructor(glue: Glue, provided: Provided) {
    this.#glue = glue;
    this.#provided = provided;
  }

  /** Starts the engine once; after its end, a new one. `open` says what to start when nobody did. */
  start(open: () => InitInput | Promise<InitInput>): Promise<void> {
    this.#started ??= this.#load(open).catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  /** Starts the engine at once, where its module is at hand. */
  startSync(module: WebAssembly.Module | BufferSource): void {
    if (this.#started !== undefined && this.#hasModule) {
      return;
    }
    if (this.#hasModule) {
      this.#glue.__wbg_reset_state();
    } else {
      this.#glue.initSync({ module });
    }
    this.#ready();
    this.#started = Promise.resolve();
  }

  async #load(open: () => InitInput | Promise<InitInput>): Promise<void> {
    if (this.#hasModule) {
      // It ended: the module is here, its instance is not worth keeping.
      this.#glue.__wbg_reset_state();
    } else {
      await this.#glue.default({ module_or_path: await open() });
    }
    this.#ready();
  }

  #ready(): void {
    if (!this.#hasModule) {
      this.#hasModule = true;
      this.#guardClasses();
    }
    this.#provided.ready();
  }

  /** Calls the engine. What it never throws by itself means that it broke: it is not used again. */
  guarded<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
        throw this.#end(error);
      }
      throw error;
    }
  }

  #end(cause: unknown): Pop3Error {
    this.#started = undefined;
    this.#provided.dead(() => {
      throw new Pop3Error('POP3_ERR_INTERNAL', 'the engine broke down earlier: call init() for a new one', { cause });
    });
    return new Pop3Error('POP3_ERR_INTERNAL', 'the engine broke down: call init() for a new one', { cause });
  }

  #guardClasses(): void {
    const guarded = <T>(call: () => T): T => this.guarded(call);
    for (const { prototype } of this.#provided.classes) {
      for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
        const { get, value } = property as PropertyDescriptor & { value?: unknown };
        if (get !== undefined) {
          property.get = function (this: unknown) {
            return guarded(() => get.call(this) as unknown);
          };
        } else if (name !== 'constructor' && typeof value === 'function') {
          property.value = function (this: unknown, ...given: unknown[]) {
            return guarded(() => Reflect.apply(value, this, given) as unknown);
          };
        }
        Object.defineProperty(prototype, name, property);
      }
    }
  }
}

/** An object each of whose properties fails. */
export function failing<T extends object>(fail: () => never): T {
  return new Proxy({} as T, { get: fail });
}
