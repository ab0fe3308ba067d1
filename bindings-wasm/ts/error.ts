/** Errors: one class, told apart by `code`; the codes are those of `tests/registry/errors.json`. */

import type { EngineError } from './event.js';

/** Whether the connection is over after an error of this code. */
const FATAL = {
  POP3_ERR_COMMAND: false,
  POP3_ERR_AUTHENTICATION: false,
  POP3_ERR_MECHANISM_UNAVAILABLE: false,
  POP3_ERR_GREETING_REFUSED: true,
  POP3_ERR_MALFORMED_REPLY: true,
  POP3_ERR_UNSOLICITED_REPLY: true,
  POP3_ERR_STLS_INJECTION: true,
  POP3_ERR_CONNECTION_LOST: true,
  POP3_ERR_CONNECT: true,
  POP3_ERR_TLS: true,
  POP3_ERR_TIMEOUT: true,
  POP3_ERR_LIMIT_STATUS_LINE: true,
  POP3_ERR_LIMIT_LISTING_LINE: true,
  POP3_ERR_LIMIT_LISTING_ENTRIES: true,
  POP3_ERR_LIMIT_CAPABILITIES: true,
  POP3_ERR_LIMIT_CHALLENGE: true,
  POP3_ERR_LIMIT_ROUNDS: true,
  POP3_ERR_LIMIT_CONTENT: true,
  POP3_ERR_INSECURE_CLEARTEXT: false,
  POP3_ERR_INSECURE_STLS: false,
  POP3_ERR_USAGE_ARGUMENT: false,
  POP3_ERR_USAGE_STATE: false,
  POP3_ERR_USAGE_CLOSED: true,
  POP3_ERR_INTERNAL: true,
} as const;

/** The stable name of a kind of error. */
export type Pop3ErrorCode = keyof typeof FATAL;

/** What a refusal means for the next try. */
export type Verdict = 'retry_after' | 'fatal' | 'bad_credentials' | 'unknown';

/** What a `Pop3Error` carries beside its message. */
export interface Pop3ErrorDetails {
  response?: Uint8Array | undefined;
  responseCode?: string | undefined;
  verdict?: Verdict | undefined;
  guessedVerdict?: Verdict | undefined;
  detail?: string | undefined;
  cause?: unknown;
}

/**
 * What went wrong, with a stable `code`.
 *
 * `POP3_ERR_COMMAND` and its kin are the server's refusals, after which the
 * session goes on unless `fatal`; `POP3_ERR_USAGE_…` is the caller's order or
 * arguments, where nothing was sent.
 */
export class Pop3Error extends Error {
  static {
    this.prototype.name = 'Pop3Error';
  }

  /** Every code, and whether the connection is over after it. */
  static readonly codes: Readonly<Record<Pop3ErrorCode, boolean>> = FATAL;

  /** The stable name, such as `POP3_ERR_AUTHENTICATION`. */
  readonly code: Pop3ErrorCode;
  /** True if the connection cannot be used after it. */
  readonly fatal: boolean;
  /** The server's line without its line end, if one caused it. */
  readonly response: Uint8Array | undefined;
  /** What stood in brackets in it, such as `IN-USE` (RFC 2449 section 8). */
  readonly responseCode: string | undefined;
  /** What that means for the next try. */
  readonly verdict: Verdict | undefined;
  /** The same guessed from the words of a reply without a response code, for servers that have none; a guess. */
  readonly guessedVerdict: Verdict | undefined;
  /**
   * What the server told besides its reply: for a refused token the JSON of OAuth (RFC 7628
   * section 3.2.2).
   */
  readonly detail: string | undefined;

  constructor(code: Pop3ErrorCode, message: string, details: Pop3ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.fatal = FATAL[code];
    this.response = details.response;
    this.responseCode = details.responseCode;
    this.verdict = details.verdict;
    this.guessedVerdict = details.guessedVerdict;
    this.detail = details.detail;
  }
}

/**
 * An `AbortSignal` said so: the connection is closed and nothing is deleted.
 *
 * `cause` is the reason of the signal.
 */
export class AbortError extends Error {
  static {
    this.prototype.name = 'AbortError';
  }

  readonly code = 'ABORT_ERR';

  constructor(message: string, reason: unknown) {
    super(message, { cause: reason });
  }
}

/** The error of an argument that cannot be. */
export function argument(message: string): Pop3Error {
  return new Pop3Error('POP3_ERR_USAGE_ARGUMENT', message);
}

/** An error of the core as users see it. */
export function fromEngine(error: EngineError, cause?: unknown): Pop3Error {
  const code = isCode(error.code) ? error.code : 'POP3_ERR_INTERNAL';
  return new Pop3Error(code, error.message, {
    response: error.response ?? undefined,
    responseCode: error.responseCode ?? undefined,
    verdict: (error.verdict ?? undefined) as Verdict | undefined,
    guessedVerdict: (error.guessedVerdict ?? undefined) as Verdict | undefined,
    detail: error.detail ?? undefined,
    cause,
  });
}

/** Calls the engine; what it throws becomes a `Pop3Error`. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (isCode(code) && !(error instanceof Pop3Error)) {
      throw new Pop3Error(code, String(message));
    }
    throw error;
  }
}

/** Limits without those that are left out; what is no whole number is refused. */
export function checkedLimits<Names extends string>(
  limits: Partial<Record<Names, number>>,
  names: readonly Names[],
): Partial<Record<Names, number>> {
  const checked: Partial<Record<Names, number>> = {};
  for (const [name, value] of Object.entries(limits) as [Names, number | undefined][]) {
    if (!names.includes(name)) {
      throw argument(`unknown limit ${JSON.stringify(name)}`);
    }
    if (value !== undefined) {
      if (value !== Infinity && (!Number.isSafeInteger(value) || value < 0)) {
        throw argument(`${name} must be a whole number, 0 or more, got ${shown(value)}`);
      }
      checked[name] = value;
    }
  }
  return checked;
}

/** A value in a message. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** One line that a user understands. */
export function reasonOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

function isCode(code: unknown): code is Pop3ErrorCode {
  return typeof code === 'string' && Object.hasOwn(FATAL, code);
}
