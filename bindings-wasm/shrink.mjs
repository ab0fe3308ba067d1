// Makes a module smaller than the compiler can: what is linked into it and never used, and tables
// that can be told in fewer octets.
//
//   encoder tables    of base64: read by nothing, cleared
//   charset tables    2 kB for each single-byte charset; 256 octets tell them, and the module's own
//                     start function makes them from these before anything else runs
//   field parsers     of mail-parser: the core has it read Content-Type and Content-Disposition alone
//   charset labels    of mail-parser: the core has them itself, in less room
//
// Cleared memory takes no room in the file. What is not as it is described here ends the build; the
// tests run the module that comes out.

import { readFileSync, writeFileSync } from 'node:fs';

import binaryen from 'binaryen';

/** Writes a smaller module in the place of what wasm-bindgen wrote. */
export function shrink(file) {
  binaryen.setDebugInfo(true); // The names are needed until the end: wasm-opt drops them.
  const bytes = readFileSync(file);
  clearEncoderTables(bytes);
  clearLabels(bytes); // Before other tables become what may be taken for addresses.
  const tables = packCharsetTables(bytes);
  const hasMime = tables.length > 0;
  const module = binaryen.readBinary(bytes);
  if (hasMime) {
    parseContentTypesAlone(module);
    takeLabelsForUtf8(module);
    addUnpacking(module, tables);
  }
  if (!module.validate()) {
    throw new Error(`${file}: the smaller module is not valid`);
  }
  writeFileSync(file, module.emitBinary());
  module.dispose();
}

/**
 * Clears the tables from which `encodify` encodes base64: 8 kB for each alphabet that are linked with
 * the tables for decoding. A build that encodes with it keeps them.
 */
function clearEncoderTables(wasm) {
  if (/encodify\S*::base64::encode/.test(wasm.toString('latin1'))) {
    return;
  }
  const symbols = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  for (const last of ['+/', '-_', '+,']) {
    const alphabet = [...symbols, ...last];
    const table = Buffer.from(alphabet.flatMap((first) => alphabet.map((second) => first + second)).join(''));
    for (const at of places(wasm, table)) {
      wasm.fill(0, at, at + table.length);
    }
  }
}

const HALF = 128;
const ENTRY = 4;
/** A charset's characters as code points, then their UTF-8: three octets and how many of them count. */
const CHARS = 256 * ENTRY;
const TABLE = 2 * CHARS;

/**
 * Keeps of each charset table how far its upper half is from the code points that are the octets
 * themselves, as 16-bit numbers where the table stands. Returns the addresses of the tables.
 */
function packCharsetTables(wasm) {
  const ascii = Buffer.alloc(HALF * ENTRY);
  for (let code = 0; code < HALF; code++) {
    ascii.writeUInt32LE(code, code * ENTRY);
  }
  const module = binaryen.readBinary(wasm);
  const addresses = addressesOf(module, ascii);
  module.dispose();
  for (const at of places(wasm, ascii)) {
    const chars = Array.from({ length: 256 }, (_, code) => wasm.readUInt32LE(at + code * ENTRY));
    if (!wasm.subarray(at + CHARS, at + TABLE).equals(Buffer.concat(chars.map(encoded)))) {
      throw new Error('a charset table is laid out in a way that is not known here');
    }
    wasm.fill(0, at, at + TABLE);
    for (let code = HALF; code < 256; code++) {
      wasm.writeUInt16LE((chars[code] - code) & 0xffff, at + (code - HALF) * 2);
    }
  }
  return addresses;
}

function places(octets, piece) {
  const found = [];
  for (let at = octets.indexOf(piece); at !== -1; at = octets.indexOf(piece, at + 1)) {
    found.push(at);
  }
  return found;
}

function encoded(code) {
  const octets = Buffer.from(String.fromCodePoint(code));
  return Buffer.concat([octets, Buffer.alloc(ENTRY - 1 - octets.length), Buffer.of(octets.length)]);
}

/** Where in memory the tables are that start with `head`. */
function addressesOf(module, head) {
  const addresses = [];
  for (let index = 0; index < module.getNumDataSegments(); index++) {
    const { offset, data } = module.getDataSegmentInfo(module.getDataSegmentByIndex(index));
    addresses.push(...places(Buffer.from(data), head).map((at) => offset + at));
  }
  return addresses;
}

/** Adds the start function that makes the charset tables. */
function addUnpacking(m, addresses) {
  const { i32 } = binaryen;
  const step = addresses.length > 1 ? addresses[1] - addresses[0] : TABLE;
  if (addresses.some((address, index) => address !== addresses[0] + index * step)) {
    throw new Error('the charset tables are not evenly spaced');
  }
  const [table, code, char] = [0, 1, 2];
  const get = (local) => m.local.get(local, i32);
  const int = (value) => m.i32.const(value);
  const plus = (left, right) => m.i32.add(left, right);
  const entry = () => plus(get(table), m.i32.shl(get(code), int(2)));
  /** Octets of UTF-8 from low to high, then how many. */
  const word = (count, ...octets) =>
    octets.reduce((sum, octet, at) => m.i32.or(sum, m.i32.shl(octet, int(8 * at))), int(count << 24));
  const bits = (shift) => m.i32.and(m.i32.shr_u(get(char), int(shift)), int(0x3f));
  const lead = (mark, shift) => m.i32.or(int(mark), m.i32.shr_u(get(char), int(shift)));
  const tail = (shift) => m.i32.or(int(0x80), bits(shift));
  const utf8 = m.if(
    m.i32.lt_u(get(char), int(0x80)),
    word(1, get(char)),
    m.if(
      m.i32.lt_u(get(char), int(0x800)),
      word(2, lead(0xc0, 6), tail(0)),
      word(3, lead(0xe0, 12), tail(6), tail(0)),
    ),
  );
  const difference = m.i32.load16_s(0, 2, plus(get(table), m.i32.shl(m.i32.sub(get(code), int(HALF)), int(1))));
  const upper = m.i32.ge_u(get(code), int(HALF));
  // From the last code to the first: the differences are read before their place is written.
  const codes = m.loop(
    'codes',
    m.block(null, [
      m.local.set(code, m.i32.sub(get(code), int(1))),
      m.local.set(char, m.i32.and(plus(get(code), m.if(upper, difference, int(0))), int(0xffff))),
      m.i32.store(0, ENTRY, entry(), get(char)),
      m.i32.store(CHARS, ENTRY, entry(), utf8),
      m.br('codes', get(code)),
    ]),
  );
  const body = m.block(null, [
    m.local.set(table, int(addresses[0])),
    m.loop(
      'tables',
      m.block(null, [
        m.local.set(code, int(256)),
        codes,
        m.local.set(table, plus(get(table), int(step))),
        m.br('tables', m.i32.lt_u(get(table), int(addresses[0] + addresses.length * step))),
      ]),
    ),
  ]);
  m.setStart(m.addFunction('unpack_charsets', binaryen.none, binaryen.none, [i32, i32, i32], body));
}

/**
 * `HeaderForm::parse_field` is told the form of a field. Those that the core has no use for (every
 * field but two is ignored or raw: `core/src/mime/store.rs`) are never asked for, and go.
 */
function parseContentTypesAlone(m) {
  const [RAW, CONTENT_TYPE] = [0, 6];
  const RESULT_THEN_FORM = 1;
  for (const ref of functions(m)) {
    const { name, params, results, vars, body } = binaryen.getFunctionInfo(ref);
    if (/\bmail_parser\S*::fields::HeaderForm>?::parse_field$/.test(name) && binaryen.expandType(params).length === 5) {
      const as = (suffix, form) => {
        const constant = m.local.set(RESULT_THEN_FORM, m.i32.const(form));
        m.addFunction(name + suffix, params, results, vars, m.block(null, [constant, m.copyExpression(body)], results));
        const given = [0, 1, 2, 3, 4].map((local) => m.local.get(local, binaryen.i32));
        return m.call(name + suffix, given, results);
      };
      const isContentType = m.i32.eq(m.local.get(RESULT_THEN_FORM, binaryen.i32), m.i32.const(CONTENT_TYPE));
      const parse = m.if(isContentType, as('.content_type', CONTENT_TYPE), as('.raw', RAW));
      binaryen.Function.setBody(ref, parse);
      return;
    }
  }
  throw new Error('the parser of fields is not where it was');
}

const DECODE = /\bmail_parser\S*::decoders::charsets::decode_append$/;
const DECODE_UTF_8 = /\bmail_parser\S*::decoders::charsets::utf8::decode_append$/;

/**
 * `charsets::decode_append` looks a label up, for parameters in a charset. What it makes of those in
 * others than UTF-8 nobody reads (`core/src/mime/parameters.rs`): it takes all for that.
 */
function takeLabelsForUtf8(m) {
  const all = functions(m).map((ref) => [ref, binaryen.getFunctionInfo(ref)]);
  const [utf8] = all.find(([, { name }]) => DECODE_UTF_8.test(name)) ?? [];
  const [decode] = all.find(([, { name }]) => DECODE.test(name)) ?? [];
  const parameters = (ref) => binaryen.expandType(binaryen.getFunctionInfo(ref).params).length;
  if (utf8 === undefined || decode === undefined || parameters(utf8) !== 3 || parameters(decode) !== 5) {
    throw new Error('the decoder of parameters is not where it was');
  }
  const given = [2, 3, 4].map((local) => m.local.get(local, binaryen.i32)); // Behind the label.
  binaryen.Function.setBody(decode, m.call(binaryen.getFunctionInfo(utf8).name, given, binaryen.none));
}

/** Clears the tables of labels: the data to which only that function refers. */
function clearLabels(wasm) {
  const module = binaryen.readBinary(wasm);
  const segments = Array.from({ length: module.getNumDataSegments() }, (_, index) =>
    module.getDataSegmentInfo(module.getDataSegmentByIndex(index)),
  );
  const [first] = segments;
  const end = Math.max(...segments.map(({ offset, data }) => offset + data.byteLength));
  const isData = (number) => number >= first.offset && number < end;
  const theirs = new Set();
  const others = new Set();
  for (const ref of functions(module)) {
    const { name, body } = binaryen.getFunctionInfo(ref);
    const found = DECODE.test(name) ? theirs : others;
    for (const [, number] of binaryen.emitText(body).matchAll(/(?:i32\.const |offset=)(\d+)/g)) {
      if (isData(Number(number))) {
        found.add(Number(number));
      }
    }
  }
  const bounds = [...new Set([...theirs, ...others, end])].sort((a, b) => a - b);
  const regions = [...theirs].filter((start) => !others.has(start)).map((start) => [start, bounds[bounds.indexOf(start) + 1]]);
  const regionOf = (address) => regions.findIndex(([start, next]) => address >= start && address < next);
  // What looks like an address and a length in other data may be these: what lies behind is kept.
  for (const { offset, data } of segments) {
    const view = new DataView(data);
    for (let at = 0; at + 8 <= data.byteLength; at += 4) {
      const [address, length] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      const region = regions[regionOf(address)];
      if (region !== undefined && address + length <= end && regionOf(offset + at) === -1) {
        region[1] = address;
      }
    }
  }
  const place = placeOf(wasm, segments);
  for (const [start, next] of regions.filter(([start, next]) => next > start)) {
    wasm.fill(0, place(start), place(next - 1) + 1);
  }
  module.dispose();
}

/** Where in the file an address is. */
function placeOf(wasm, segments) {
  const starts = segments.map(({ offset, data }) => [offset, data.byteLength, wasm.indexOf(Buffer.from(data))]);
  return (address) => {
    const found = starts.find(([offset, length]) => address >= offset && address < offset + length);
    return found[2] + address - found[0];
  };
}

function functions(m) {
  return Array.from({ length: m.getNumFunctions() }, (_, index) => m.getFunctionByIndex(index));
}
