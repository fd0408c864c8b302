import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'

type Method = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

const HEAD = { ':status': 200, 'content-type': 'application/grpc', 'x-initial': 'i1' }
const DONE = { 'grpc-status': '0', 'x-trailing': 't1' }
const DENIED = { 'grpc-status': '7', 'grpc-message': 'not you' }

/** What a call's method is named after. */
const METHODS: Readonly<Record<string, Method>> = {
  /** Each message, until the client has ended. */
  Echo: (stream) => echo(stream, 1),
  /** Each message twice. */
  Many: (stream) => echo(stream, 2),
  /** Messages in two pieces, the first of which ends within the prefix. */
  Pieces: (stream) => {
    begin(stream, DONE)
    const bytes = Buffer.concat([framed('first'), framed(''), framed('last')])
    stream.write(bytes.subarray(0, 3))
    setTimeout(() => stream.end(bytes.subarray(3)), 30)
  },
  Fail: (stream) => stream.respond({ ...HEAD, ...DENIED }, { endStream: true, sendDate: false } as object),
  /** A message, and then it has failed. */
  Late: (stream) => {
    begin(stream, DENIED)
    stream.end(framed('late'))
  },
  Nothing: (stream) => {
    begin(stream, DONE)
    stream.end()
  },
  /** It does not wait for the end of the request. */
  Early: (stream) => {
    begin(stream, DONE)
    stream.end(framed('early'))
  },
  Hang: () => {},
  Reset: (stream) => {
    begin(stream, DONE)
    stream.close(2)
  },
  NoStatus: (stream) => {
    begin(stream, { 'x-trailing': 't1' })
    stream.end(framed('half'))
  },
  NoTrailers: (stream) => {
    stream.respond(HEAD)
    stream.end(framed('half'))
  },
  OddStatus: (stream) => {
    begin(stream, { 'grpc-status': 'x', 'grpc-message': 'a%20b%zz' })
    stream.end(framed('odd'))
  },
  /** Not of gRPC. */
  Plain: (stream) => {
    stream.respond({ ':status': 503, 'content-type': 'text/plain' })
    stream.end('no')
  },
  NotThere: (stream) => stream.respond({ ':status': 404 }, { endStream: true }),
  Compressed: (stream) => {
    begin(stream, DONE)
    stream.end(Buffer.concat([Buffer.from([1, 0, 0, 0, 2]), Buffer.from('ab')]))
  },
  /** What it was asked with. */
  Headers: (stream, headers) => {
    begin(stream, DONE)
    const names = Object.keys(headers).sort()
    stream.end(framed(names.map((name) => `${name}=${String(headers[name])}`).join(' ')))
  },
}

/** A gRPC service behind the proxies under test. */
export function grpcService(): Http2Server {
  const server = createServer()
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const name = /[^/]*$/.exec(String(headers[':path']))?.[0] ?? ''
    const method = METHODS[name]
    if (method === undefined) stream.close(7)
    else method(stream, headers)
  })
  return server
}

function echo(stream: ServerHttp2Stream, times: number): void {
  begin(stream, DONE)
  stream.on('data', (chunk: Buffer) => {
    for (let i = 0; i < times; i++) stream.write(chunk)
  })
  stream.on('end', () => stream.end())
}

function begin(stream: ServerHttp2Stream, trailers: Readonly<Record<string, string>>): void {
  stream.respond(HEAD, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
}

function framed(text: string): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(text.length, 1)
  return Buffer.concat([prefix, Buffer.from(text, 'latin1')])
}
