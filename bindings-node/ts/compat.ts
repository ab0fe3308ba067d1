/**
 * The result shapes of mailparser (`simpleParser`) and of postal-mime (`PostalMime`), over this engine.
 *
 * @example
 * ```js
 * import { PostalMime, simpleParser } from 'popmail/compat'
 *
 * const mail = await simpleParser(raw)
 * const email = await PostalMime.parse(raw)
 * ```
 */

import { createHash } from 'node:crypto';

import { postalMimeOver, simpleParserOver } from '../../bindings-wasm/ts/compat.js';
import { parse } from './index.js';

/** Parses a message into the shape that mailparser's function of this name gives. */
export const simpleParser = simpleParserOver(parse, (content) => createHash('md5').update(content).digest('hex'));

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
} from '../../bindings-wasm/ts/compat.js';
