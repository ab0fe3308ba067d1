/**
 * The result shapes of mailparser (`simpleParser`) and of postal-mime (`PostalMime`), over the engine
 * that `init` of `popmail-wasm` (or of its other entries) has loaded.
 *
 * @example
 * ```js
 * import init from 'popmail-wasm'
 * import { PostalMime } from 'popmail-wasm/compat'
 *
 * await init()
 * const email = await PostalMime.parse(raw)
 * ```
 */

import { postalMimeOver, simpleParserOver } from './compat.js';
import { parse } from './message.js';

/** Parses a message into the shape that mailparser's function of this name gives, without checksums. */
export const simpleParser = simpleParserOver(parse);

/** Parses a message into the shape that postal-mime's class of this name gives. */
export const PostalMime = postalMimeOver(parse);

export type {
  AddressObject,
  EmailAddress,
  HeaderValue,
  MailAttachment,
  MailSource,
  ParsedMail,
  PostalAddress,
  PostalAttachment,
  PostalEmail,
  PostalMimeOptions,
  SimpleParserOptions,
  StructuredHeader,
} from './compat.js';
