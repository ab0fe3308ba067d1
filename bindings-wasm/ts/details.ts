/**
 * What a message says beyond its text: mailing list, way, thread, reports, calendars, signatures.
 *
 * The engine finds all of it and writes it as JSON of these shapes.
 */

/** What a guess of a charset rests on: a byte order mark, bytes valid in hardly anything else, `<meta>`, statistics. */
export type Evidence = 'mark' | 'content' | 'meta' | 'statistics';

/** What a span of text is. */
export type SpanKind = 'text' | 'attribution' | 'quote' | 'forward' | 'signature';

/** A name and a value. */
export interface NamedText {
  readonly name: string;
  readonly value: string;
}

/** A piece of a text, whole lines. */
export interface Span {
  /**
   * `text`, `attribution` (the lines that introduce a quote), `quote`, `forward` (a whole message
   * quoted without `>`) or `signature`.
   */
  readonly kind: SpanKind;
  /** How deep it is quoted: the number of `>`. */
  readonly depth: number;
  /** Where it starts, in UTF-16 units. */
  readonly start: number;
  /** Where it ends, in UTF-16 units. */
  readonly end: number;
}

/** A charset that was guessed, since the label was missing, unknown or wrong. */
export interface CharsetGuess {
  /** The number of the part. */
  readonly part: number;
  /** The name of the header field; `null` for the text of the part. */
  readonly header: string | null;
  /** The label of the charset, in lower case. */
  readonly charset: string;
  /**
   * What the guess rests on: a byte order mark, bytes that are valid in hardly anything else, a
   * `<meta>` element, or statistics.
   */
  readonly evidence: Evidence;
  /** Whether nothing else was nearly as likely. */
  readonly confident: boolean;
}

/** What the `List-` fields say (RFC 2369, RFC 2919, RFC 8058). */
export interface MailingList {
  /** The identifier of the list without angle brackets. */
  readonly id: string | null;
  /** The name of the list. */
  readonly name: string | null;
  /** Where to write to the list; URLs in the order of preference. */
  readonly post: readonly string[];
  /** Whether the list takes no messages. */
  readonly isClosed: boolean;
  /** Where to leave the list. */
  readonly unsubscribe: readonly string[];
  /**
   * The `https` URL that a POST of `List-Unsubscribe=One-Click` unsubscribes with at once. The DKIM
   * signature of the message must cover both fields: check that before.
   */
  readonly oneClick: string | null;
  /** Where to join the list. */
  readonly subscribe: readonly string[];
  /** Where to find help. */
  readonly help: readonly string[];
  /** Where to reach who runs the list. */
  readonly owner: readonly string[];
  /** Where old messages are. */
  readonly archive: readonly string[];
}

/** One `Received` field (RFC 5321 section 4.4): true only as far as its server is trusted. */
export interface Received {
  /** Who sent, as it called itself. */
  readonly from: string | null;
  /** What the server wrote about it: mostly name and address. */
  readonly fromComment: string | null;
  /** The network address of the sender. */
  readonly fromIp: string | null;
  /** The server that received. */
  readonly by: string | null;
  /** The link. */
  readonly via: string | null;
  /** The protocol: `ESMTPS`. */
  readonly with: string | null;
  /** The server's name for the message. */
  readonly id: string | null;
  /** The recipient without angle brackets. */
  readonly for: string | null;
  /** When, in RFC 3339 form. */
  readonly date: string | null;
}

/** What one method found (RFC 8601). */
export interface AuthenticationResult {
  /** The method in lower case: `spf`, `dkim`, `dmarc`… */
  readonly method: string;
  /** The result in lower case: `pass`, `fail`, `none`… */
  readonly result: string;
  /** Why, where given. */
  readonly reason: string | null;
  /** What was looked at: `(smtp.mailfrom)`. */
  readonly properties: readonly NamedText[];
}

/** One `Authentication-Results` field: anybody may have written it but a server that you trust. */
export interface AuthenticationResults {
  /** The server that says so. */
  readonly server: string;
  /** What it found; empty where it did not look. */
  readonly results: readonly AuthenticationResult[];
}

/** How the delivery to one recipient went (RFC 3464). */
export interface DeliveryStatus {
  /** The address that delivery was tried to. */
  readonly finalRecipient: string | null;
  /** The address that the sender wrote. */
  readonly originalRecipient: string | null;
  /** `failed`, `delayed`, `delivered`, `relayed` or `expanded`. */
  readonly action: string | null;
  /** The status (RFC 3463): `5.1.1`. */
  readonly status: string | null;
  /** The server that answered. */
  readonly remoteMta: string | null;
  /** What it answered. */
  readonly diagnostic: string | null;
  /** When it was tried last. */
  readonly lastAttempt: string | null;
  /** Until when it will be tried again. */
  readonly willRetryUntil: string | null;
}

/** A delivery status notification (RFC 3464). */
export interface DeliveryReport {
  /** The server that reports. */
  readonly reportingMta: string | null;
  /** The identifier that the sender gave the transaction. */
  readonly originalEnvelopeId: string | null;
  /** When the message came to that server. */
  readonly arrivalDate: string | null;
  /** One entry for each recipient. */
  readonly recipients: readonly DeliveryStatus[];
}

/** A disposition notification (RFC 8098). */
export interface DispositionReport {
  /** The program that reports. */
  readonly reportingUa: string | null;
  /** The address that the message was for. */
  readonly finalRecipient: string | null;
  /** The address that the sender wrote. */
  readonly originalRecipient: string | null;
  /** `manual-action` or `automatic-action`. */
  readonly actionMode: string | null;
  /** `mdn-sent-manually` or `mdn-sent-automatically`. */
  readonly sendingMode: string | null;
  /** `displayed`, `deleted`, `dispatched` or `processed`. */
  readonly disposition: string | null;
  /** `error`, and what else follows the disposition. */
  readonly modifiers: readonly string[];
}

/** A feedback report (RFC 5965). */
export interface FeedbackReport {
  /** `abuse`, `fraud`, `virus`, `auth-failure`, `not-spam` or `other`. */
  readonly feedbackType: string | null;
  /** The program that reports. */
  readonly userAgent: string | null;
  /** The envelope's sender. */
  readonly originalMailFrom: string | null;
  /** The envelope's recipients. */
  readonly originalRcptTo: readonly string[];
  /** The network address that the message came from. */
  readonly sourceIp: string | null;
  /** The domains that the reporter holds responsible. */
  readonly reportedDomains: readonly string[];
  /** The URIs that it complains of. */
  readonly reportedUris: readonly string[];
  /** When the message came. */
  readonly arrivalDate: string | null;
}

/** A report that a machine wrote; forged easily. */
export interface Report {
  /** What is reported; the field of that name holds it. */
  readonly kind: 'delivery-status' | 'disposition-notification' | 'feedback-report';
  /** The number of the part that holds the report. */
  readonly part: number;
  /** The number of the part with the message reported on, or with its header fields. */
  readonly original: number | null;
  /** The identifier of that message. */
  readonly originalMessageId: string | null;
  /** How the delivery went. */
  readonly delivery: DeliveryReport | null;
  /** What the recipient did with the message. */
  readonly disposition: DispositionReport | null;
  /** What the recipient thinks of the message. */
  readonly feedback: FeedbackReport | null;
  /** Every field of the report, names as written. */
  readonly fields: readonly NamedText[];
}

/** A part with calendar data (RFC 5546): enough to offer an answer. */
export interface CalendarPart {
  /** The number of the part. */
  readonly part: number;
  /** `REQUEST`, `REPLY`, `CANCEL`, `PUBLISH`… */
  readonly method: string | null;
  /** The kind of the first component: `VEVENT`, `VTODO`… */
  readonly component: string | null;
  /** The identifier of the first component. */
  readonly uid: string | null;
  /** The title of the first component. */
  readonly summary: string | null;
}

/** A signed or encrypted part. Nothing is verified: that it is listed says nothing of who wrote it. */
export interface Protection {
  /** The number of the part: a multipart, or the one that holds the format. */
  readonly part: number;
  /** The format. */
  readonly format: 'pgp' | 'smime' | 'other';
  /** What was done to the content. */
  readonly kind: 'signed' | 'signed-opaque' | 'encrypted' | 'compressed' | 'keys';
  /** The protocol parameter or the type. */
  readonly protocol: string;
  /**
   * The number of the part that is signed (`Part.signedContent` of `part` is the bytes), or that
   * holds the encrypted data.
   */
  readonly content: number | null;
  /** The number of the part with the signature. */
  readonly signature: number | null;
  /** The digest that the signature is over, as written: `pgp-sha512`. */
  readonly digest: string | null;
  /** Whether the format stands inside a text. */
  readonly isInline: boolean;
}

/** What a message says beyond its text. */
export interface Details {
  /** The subject without what replies and lists put around it (RFC 5256 section 2.1). */
  readonly baseSubject: string;
  /** Whether the subject shows a reply or a forward. */
  readonly isReplyOrForward: boolean;
  /** The mailing list, where a field tells of one. */
  readonly mailingList: MailingList | null;
  /** The servers that the message came through, the last one first. */
  readonly received: readonly Received[];
  /** What servers say of the sender, the last one first. */
  readonly authenticationResults: readonly AuthenticationResults[];
  /** The delivery, disposition or feedback report that the message is. */
  readonly report: Report | null;
  /** The parts that hold calendar data. */
  readonly calendars: readonly CalendarPart[];
  /** Signed and encrypted parts. */
  readonly protections: readonly Protection[];
  /** The charsets that were guessed. */
  readonly charsetGuesses: readonly CharsetGuess[];
}
