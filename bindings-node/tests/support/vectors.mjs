// Drives the dialogues of tests/vectors/pop3 through an engine, native or WebAssembly: whole,
// octet by octet, and split at seeded places.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { Random } from './random.mjs';

const VECTORS = new URL('../../../tests/vectors/pop3/', import.meta.url);

/** Defines one test for each dialogue of a client. */
export function clientVectors({ ClientEngine }) {
  const random = new Random();
  const names = vectors('client');
  test(`there are client vectors (POPMAIL_SEED=${random.seed})`, () => assert.ok(names.length >= 50));
  for (const name of names) {
    const vector = read('client', name);
    test(name, () => {
      for (const pieces of [whole, single, cutter(random), cutter(random), cutter(random)]) {
        driveClient(ClientEngine, vector, pieces);
      }
    });
  }
}

/** Defines one test for each dialogue of a server. */
export function serverVectors({ ServerEngine, MemoryStore, scramKeys }) {
  const random = new Random();
  const names = vectors('server');
  test(`there are server vectors (POPMAIL_SEED=${random.seed})`, () => assert.ok(names.length >= 20));
  for (const name of names) {
    const vector = read('server', name);
    test(name, async () => {
      const ways = { whole, bytes: single, random: cutter(random), pipelined: whole };
      for (const [way, pieces] of Object.entries(ways)) {
        if (vector.drive?.includes(way) ?? true) {
          await driveServer({ ServerEngine, MemoryStore, scramKeys }, vector, pieces, way === 'pipelined');
        }
      }
    });
  }
}

// Clients.

function driveClient(ClientEngine, vector, pieces) {
  const { config } = vector;
  const engine = new ClientEngine({
    tls: config.tls,
    allowCleartext: config.allow_cleartext ?? false,
    pipelining: config.pipelining ?? true,
    strict: config.strict ?? false,
    trace: config.trace ?? false,
    reconnect: config.reconnect ?? false,
    timeout: 60_000,
    limits: given({
      statusLine: config.status_line,
      listingEntries: config.listing_entries,
      bufferedContent: config.buffered_content,
    }),
  });
  let events = [];
  const handles = [];
  const drain = () => {
    let event;
    while ((event = engine.nextEvent() ?? undefined) !== undefined) {
      const described = describe(event, (handle) => handles.indexOf(handle) + 1);
      const last = events.at(-1);
      if ('chunks' in described && last?.chunks === described.chunks) {
        last.content += described.content;
      } else {
        events.push(described);
      }
    }
  };
  for (const step of vector.steps) {
    const [[kind, value]] = Object.entries(step);
    switch (kind) {
      case 'server':
        for (const piece of pieces(Buffer.from(value, 'latin1'))) {
          engine.receive(piece);
        }
        break;
      case 'client':
        assert.equal(latin1(engine.takeOutput() ?? new Uint8Array()), value);
        break;
      case 'command':
        try {
          handles.push(run(engine, ...value));
        } catch (error) {
          events.push({ usage_error: error.code });
        }
        break;
      case 'tls_established':
        engine.tlsEstablished();
        break;
      case 'eof':
        engine.receiveEof();
        break;
      case 'silence':
        engine.handleTimeout(1_000_000);
        engine.handleTimeout(1_000_000 + value * 1_000);
        break;
      case 'state':
        assert.equal(engine.state, value);
        break;
      case 'events':
        drain();
        assert.deepEqual(events, value);
        events = [];
        break;
      default:
        assert.fail(`unknown step ${kind}`);
    }
  }
  drain();
  assert.deepEqual(events, []);
}

function run(engine, name, ...args) {
  const chunks = args.at(-1) === 'chunks';
  switch (name) {
    case 'login': {
      const [user, password, auth, options = {}] = args;
      const { token, initial_response, binding, ...rest } = options;
      return engine.login(user, password === null ? undefined : Buffer.from(password), auth, {
        ...rest,
        ...given({
          token: token && Buffer.from(token),
          initialResponse: initial_response,
          channelBinding: binding && { name: 'tls-exporter', data: Buffer.from(binding) },
        }),
      });
    }
    case 'auth_plain':
      return engine.authPlain(args[0], Buffer.from(args[1]));
    case 'apop':
      return engine.apop(args[0], Buffer.from(args[1]));
    case 'pass':
      return engine.pass(Buffer.from(args[0]));
    case 'retr':
      return engine.retr(args[0], chunks);
    case 'top':
      return engine.top(args[0], args[1], chunks);
    default:
      return engine[name](...args);
  }
}

function describe(event, at) {
  switch (event.type) {
    case 'greetingReceived':
      return { greeting: latin1(event.line) };
    case 'tlsReady':
      return { tls_ready: at(event.handle) };
    case 'reconnectRequested':
      return { reconnect: at(event.handle) };
    case 'loginFinished':
      return { login_finished: at(event.handle) };
    case 'commandFinished':
      return { finished: at(event.handle), line: latin1(event.line) };
    case 'commandFailed': {
      const { code, response, detail } = event.error;
      const failed = { failed: at(event.handle), code, response: response ? latin1(response) : null };
      return { ...failed, ...given({ detail: detail ?? undefined }) };
    }
    case 'capabilitiesReceived':
      return { capabilities: at(event.handle), all: event.capabilities.parameters };
    case 'statReceived':
      return { stat: at(event.handle), count: event.count, octets: event.octets };
    case 'listReceived':
      return { list: at(event.handle), entries: Array.from(event.numbers, (number, i) => [number, event.sizes[i]]) };
    case 'uidlReceived': {
      const uid = (i) => event.uids.slice(event.ends[i - 1] ?? 0, event.ends[i]);
      return { uidl: at(event.handle), entries: Array.from(event.numbers, (number, i) => [number, uid(i)]) };
    }
    case 'contentReceived':
      return { chunks: at(event.handle), content: latin1(event.chunk) };
    case 'contentFinished':
      return { content_finished: at(event.handle), octets: event.octets, content: latin1(event.content) };
    case 'languagesReceived':
      return { languages: at(event.handle), all: event.languages.map(({ tag, name }) => [tag, name]) };
    case 'lineTraced':
      return { [event.direction]: event.line };
    case 'deviationObserved':
      return { deviation: event.deviation, octets: latin1(event.octets) };
    case 'connectionClosed':
      return { closed: event.error?.code ?? null };
    default:
      return assert.fail(`unknown event ${event.type}`);
  }
}

// Servers.

async function driveServer(engines, vector, pieces, pipelined) {
  const host = new Host(engines, vector);
  await host.run();
  let expected = Buffer.alloc(0);
  let held = Buffer.alloc(0);
  let closed = null;
  const feed = async () => {
    for (const piece of pieces(held)) {
      host.server.receive(piece);
      await host.run();
    }
    held = Buffer.alloc(0);
  };
  const compare = () => assert.equal(latin1(Buffer.concat(host.wire)), latin1(expected));
  for (const step of vector.dialogue) {
    const [[kind, value]] = Object.entries(step);
    if (kind !== 'server' && !(pipelined && kind === 'client')) {
      await feed();
      compare();
    }
    switch (kind) {
      case 'client':
        held = Buffer.concat([held, octets(value)]);
        break;
      case 'server':
        expected = Buffer.concat([expected, octets(value)]);
        break;
      case 'tls':
        assert.ok(host.wantsTls);
        host.wantsTls = false;
        host.server.tlsEstablished();
        await host.run();
        break;
      case 'eof':
        host.server.receiveEof();
        await host.run();
        break;
      case 'closed':
        closed = value;
        break;
      default:
        assert.fail(`unknown step ${kind}`);
    }
    if (kind === 'client' && !pipelined) {
      await feed();
    }
  }
  await feed();
  compare();
  assert.equal(host.closed, closed);
  for (const [user, { messages, remaining }] of Object.entries(vector.accounts)) {
    const left = remaining?.map((number) => messages[number - 1]) ?? messages;
    assert.deepEqual(host.left(user), left.map((message) => latin1(octets(message))));
  }
}

/** The loop of a host, without a network. */
class Host {
  constructor({ ServerEngine, MemoryStore, scramKeys }, { config, accounts }) {
    this.scramKeys = scramKeys;
    this.server = new ServerEngine({
      tls: config.tls ?? 'implicit',
      allowCleartext: config.allow_cleartext ?? false,
      greeting: config.greeting ?? '',
      ...given({
        apopStamp: config.apop_stamp,
        implementation: config.implementation,
        mechanisms: config.mechanisms,
        seed: config.seed && Buffer.from(config.seed),
        utf8: config.utf8,
        lang: config.lang,
        last: config.last,
        xclient: config.xclient,
        expire: config.expire === 'never' ? Infinity : config.expire,
        loginDelay: config.login_delay,
        faults: config.faults && camel(config.faults),
      }),
      limits: given({
        failedLoginDelay: 0,
        badCommandDelay: 0,
        commandsBeforeLogin: config.limits?.commands_before_login,
        badCommands: config.limits?.bad_commands,
        badCommandsBeforeLogin: config.limits?.bad_commands_before_login,
        failedLogins: config.limits?.failed_logins,
      }),
    });
    this.accounts = accounts;
    this.stores = new Map();
    for (const [user, { messages }] of Object.entries(accounts)) {
      const store = new MemoryStore();
      messages.forEach((message) => store.append(octets(message)));
      store.refresh();
      this.stores.set(user, store);
    }
    this.wire = [];
    this.wantsTls = false;
    this.closed = null;
  }

  async run() {
    for (;;) {
      const wrote = this.flush();
      const event = this.server.nextEvent() ?? undefined;
      if (event !== undefined) {
        await this.handle(event);
      } else if (!wrote) {
        return;
      }
    }
  }

  flush() {
    const output = this.server.takeOutput() ?? undefined;
    if (output !== undefined) {
      this.wire.push(output);
    }
    return output !== undefined;
  }

  async handle(event) {
    const { server } = this;
    switch (event.type) {
      case 'authenticate': {
        const password = this.accounts[event.user]?.password;
        // A token is right if it is the password.
        const token = server.token() ?? undefined;
        const right = token === undefined ? server.verify(Buffer.from(password ?? 'nobody has this')) : token === password;
        return right && password !== undefined ? server.acceptLogin() : server.refuseLogin('bad_credentials');
      }
      case 'keysWanted': {
        const password = this.accounts[event.user]?.password;
        const keys = await this.scramKeys(Buffer.from(password ?? 'nobody has this'), event.salt, event.iterations);
        return server.provideKeys(password === undefined ? undefined : keys);
      }
      case 'openMaildrop':
        return this.accounts[event.user].in_use
          ? server.refuseLogin('in_use')
          : server.maildropOpened(this.stores.get(event.user).entries());
      case 'retrieve':
        return this.retrieve(event.number);
      case 'commit': {
        const user = server.user();
        if (this.accounts[user].commit_fails) {
          return server.commitFailed('sys_temp');
        }
        this.stores.get(user).commit(event.deleted);
        return server.committed();
      }
      case 'tlsReady':
        this.wantsTls = true;
        return;
      case 'loginFailed':
      case 'commandRefused':
      case 'clientForwarded':
        return;
      case 'connectionClosed':
        assert.equal(this.closed, null);
        this.closed = event.reason;
        return;
      default:
        assert.fail(`unknown event ${event.type}`);
    }
  }

  retrieve(number) {
    const { server } = this;
    const user = server.user();
    const message = this.stores.get(user).read(number);
    const failsAfter = this.accounts[user].messages[number - 1]?.fails_after;
    const readable = message.subarray(0, failsAfter);
    for (let at = 0; at < readable.length && !server.contentIsComplete(); at += 5) {
      while (!server.wantsContent() && !server.contentIsComplete()) {
        assert.ok(this.flush());
        if (server.state === 'failed') {
          return; // a fault that was asked for
        }
      }
      server.sendContent(readable.subarray(at, at + 5));
      if (server.state === 'failed') {
        return;
      }
    }
    if (failsAfter === undefined) {
      server.finishContent();
    } else {
      server.failContent();
    }
  }

  left(user) {
    const store = this.stores.get(user);
    store.refresh();
    return store.entries().map((_, at) => latin1(store.read(at + 1)));
  }
}

// Both.

function vectors(role) {
  return readdirSync(new URL(`${role}/`, VECTORS))
    .filter((name) => name.endsWith('.json'))
    .sort();
}

function read(role, name) {
  return JSON.parse(readFileSync(new URL(`${role}/${name}`, VECTORS), 'utf8'));
}

/** Text, or `{text}`, or `{base64}`, or `{repeat: [text, times]}`. */
function octets(value) {
  if (typeof value === 'string' || typeof value.text === 'string') {
    return Buffer.from(value.text ?? value);
  }
  if (value.base64 !== undefined) {
    return Buffer.from(value.base64, 'base64');
  }
  return Buffer.from(value.repeat[0].repeat(value.repeat[1]));
}

function given(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function latin1(octets) {
  return Buffer.from(octets).toString('latin1');
}

function* whole(octets) {
  if (octets.length > 0) {
    yield octets;
  }
}

function* single(octets) {
  for (let at = 0; at < octets.length; at += 1) {
    yield octets.subarray(at, at + 1);
  }
}

function cutter(random) {
  return function* cut(octets) {
    for (let at = 0; at < octets.length; ) {
      const count = 1 + random.below(7);
      yield octets.subarray(at, at + count);
      at += count;
    }
  };
}

/** Names as JavaScript has them; octets where octets are due. */
function camel(object) {
  const entries = Object.entries(object).map(([name, value]) => [
    name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()),
    name === 'stls_residue' ? octets(value) : value,
  ]);
  return Object.fromEntries(entries);
}
