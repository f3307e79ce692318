// SPDX-License-Identifier: BSL-1.0
// Node as a client: `node node_client.js CASE PORT CA [OPTIONS AS JSON]`. Ends with status 0 and one line of JSON, or says
// why not.
"use strict";
const { createHash, randomBytes } = require("node:crypto");
const { once } = require("node:events");
const fs = require("node:fs");
const https = require("node:https");
const tls = require("node:tls");

const [name, port, ca, json] = process.argv.slice(2);
const options = json ? JSON.parse(json) : {};
const common = {
  host: "127.0.0.1", port: Number(port), servername: "localhost", ca: fs.readFileSync(ca),
  minVersion: options.version, maxVersion: options.version,
  cert: options.cert && fs.readFileSync(options.cert), key: options.key && fs.readFileSync(options.key),
};
const sha256 = (data) => createHash("sha256").update(data).digest("hex");

const sockets = new Set(); // that requests were made on
function request(agent, method, path, body) {
  return new Promise((resolve, reject) => {
    const asked = https.request({ ...common, agent, method, path, headers: body ? { "Content-Length": body.length } : {} }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ status: answer.statusCode, body: Buffer.concat(parts) }));
      answer.on("error", reject);
    });
    asked.on("error", reject);
    asked.on("socket", (socket) => sockets.add(socket));
    asked.end(body);
  });
}

async function read(socket) {
  const parts = [];
  for await (const part of socket) parts.push(part);
  return Buffer.concat(parts);
}

const cases = {
  // 300 requests, 100 at a time, over connections that are kept.
  async keep_alive() {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 100 });
    const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => request(agent, "GET", `/download/${10000 + i}`)));
    agent.destroy();
    return { connections: sockets.size, bodies: answers.map(({ body }) => sha256(body)) };
  },
  async large() {
    const body = randomBytes(options.size);
    const up = await request(undefined, "POST", "/echo", body);
    const down = await request(undefined, "GET", `/stream/${options.size}`);
    return { echoed: up.body.equals(body), down: sha256(down.body) };
  },
  // Says what it has to say, sends close_notify, and then reads the answer.
  async half_close() {
    const socket = tls.connect({ ...common, allowHalfOpen: true });
    await once(socket, "secureConnect");
    const body = randomBytes(options.size);
    socket.end(body);
    return { answer: (await read(socket)).toString(), sent: sha256(body) };
  },
  async resumption() {
    const first = tls.connect(common);
    let session;
    first.on("session", (s) => { session = s; });
    await read(first);
    const second = tls.connect({ ...common, session });
    await once(second, "secureConnect");
    const result = { reused: second.isSessionReused(), authorized: second.authorized };
    await read(second);
    return result;
  },
  async plain() {
    const socket = tls.connect(common);
    await once(socket, "secureConnect");
    const protocol = socket.getProtocol();
    const data = await read(socket);
    return { data: data.toString(), protocol, authorized: socket.authorized };
  },
  // Ends without close_notify after it has got an answer.
  async abrupt() {
    const socket = tls.connect(common);
    await once(socket, "secureConnect");
    socket.write("hello");
    await once(socket, "data");
    socket.destroy();
    return {};
  },
  // A WebSocket by hand (RFC 6455), since not every Node has one: text, and large binary messages, masked as clients must.
  async web_socket() {
    const key = randomBytes(16).toString("base64");
    const asked = https.request({ ...common, path: "/", headers: { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": 13 } });
    asked.end();
    const [answer, socket, head] = await once(asked, "upgrade");
    const wanted = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    if (answer.headers["sec-websocket-accept"] !== wanted) throw new Error("wrong Sec-WebSocket-Accept");
    let received = head;
    const reader = socket[Symbol.asyncIterator]();
    const take = async (n) => {
      while (received.length < n) {
        const { value, done } = await reader.next();
        if (done) throw new Error("the end came early");
        received = Buffer.concat([received, value]);
      }
      const bytes = received.subarray(0, n);
      received = received.subarray(n);
      return bytes;
    };
    const send = (opcode, data) => {
      const mask = randomBytes(4);
      const header = Buffer.alloc(10);
      header[0] = 0x80 | opcode;
      header[1] = 0x80 | 127;
      header.writeBigUInt64BE(BigInt(data.length), 2);
      const masked = Buffer.from(data);
      for (let i = 0; i < masked.length; ++i) masked[i] ^= mask[i % 4];
      // RFC 6455 section 5.2: the shortest form of the length.
      const short = data.length < 126 ? Buffer.from([0x80 | opcode, 0x80 | data.length])
        : data.length < 65536 ? Buffer.from([0x80 | opcode, 0x80 | 126, data.length >> 8, data.length & 255]) : header;
      socket.write(Buffer.concat([short, mask, masked]));
    };
    const receive = async () => {
      const parts = [];
      for (let last = false; !last;) {
        const [first, second] = await take(2);
        last = (first & 0x80) !== 0;
        const length = second < 126 ? second : second === 126 ? (await take(2)).readUInt16BE() : Number((await take(8)).readBigUInt64BE());
        parts.push(await take(length));
      }
      return Buffer.concat(parts);
    };
    for (const size of [5, 125, 126, 65535, 65536, options.size]) {
      const data = randomBytes(size);
      send(2, data);
      if (!(await receive()).equals(data)) throw new Error(`a message of ${size} bytes came back different`);
    }
    send(8, Buffer.from([3, 232]));
    if ((await receive()).readUInt16BE() !== 1000) throw new Error("no close with 1000");
    return { closed: true };
  },
};

cases[name]().then(
  (result) => console.log(JSON.stringify(result)),
  (error) => {
    console.log(JSON.stringify({ error: `${error.code ?? ""} ${error.message}` }));
    process.exitCode = 1;
  });
