// A server that says what a test tells it to, to the letter, and the sessions with it.

export const GREETING = '+OK ready\r\n';
export const PIPELINED = [
  GREETING,
  '+OK\r\nUSER\r\nPIPELINING\r\nUIDL\r\n.\r\n',
  '+OK\r\n+OK in\r\n',
  '+OK\r\nPIPELINING\r\n.\r\n',
];
export const THREE = '+OK\r\n1 5\r\n2 5\r\n3 5\r\n.\r\n+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n';
/** A reply that never comes. */
export const SILENCE = Symbol('silence');

/** A transport whose server says these things, one a read, whatever it is asked; functions are called, and then it is silent. */
export class Script {
  written = '';
  closed = false;
  reads = 0;
  #wake;

  constructor(replies) {
    this.replies = replies.map((reply) => (typeof reply === 'string' ? Buffer.from(reply, 'latin1') : reply));
  }

  read() {
    this.reads += 1;
    const reply = this.replies.shift();
    if (reply === SILENCE || typeof reply === 'function') {
      const silence = new Promise((resolve) => {
        this.#wake = resolve;
      });
      if (reply !== SILENCE) {
        setTimeout(reply);
      }
      return silence;
    }
    if (reply instanceof Error) {
      throw reply;
    }
    // Asynchronous now and then, as sockets are.
    return this.reads % 2 === 0 ? reply : Promise.resolve(reply);
  }

  write(octets) {
    this.written += Buffer.from(octets).toString('latin1');
  }

  close() {
    this.closed = true;
    this.#wake?.();
  }
}

/** The same server as Web Streams. */
export function streams(script) {
  return {
    readable: new ReadableStream(
      {
        async pull(controller) {
          const octets = await script.read();
          if (octets === undefined) {
            controller.close();
          } else {
            controller.enqueue(new Uint8Array(octets));
          }
        },
        cancel: () => script.close(),
      },
      { highWaterMark: 0 },
    ),
    writable: new WritableStream({ write: (octets) => script.write(octets), abort: () => script.close() }),
  };
}

/** A session that is logged in, and its server, which has still to say these things. */
export async function loggedIn(Pop3, replies, options = {}) {
  const script = new Script([...PIPELINED, ...replies]);
  const box = await Pop3.connect({ ...CLEAR, transport: script, ...options });
  script.written = '';
  return { box, script };
}

/** What a session in the clear needs. */
export const CLEAR = { host: 'pop.example.com', user: 'me', password: 'secret', tls: 'none', allowCleartext: true };

export function text(octets) {
  return Buffer.from(octets).toString('latin1');
}

/** What a stream gives, as text. */
export async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return text(Buffer.concat(chunks));
}
