/** METADATA frames through our proxy and Envoy, with raw frames in front and behind, and an extension between that counts entries. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { HpackDecoder } from '../../../src/proxy/http2/hpack/decoder.ts'
import { rawUpstream } from '../../../src/proxy/testing.ts'
import { guest } from '../../../src/wasm/testing/wat-guest.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../../parity/proxies.ts'
import { envoy } from '../../peers/index.ts'
import { within } from '../../within.ts'
import { bootstrap, cluster, HTTP2_LISTENER, HTTP2_UPSTREAM, listener } from '../bootstrap.ts'
import { data, END_STREAM, type Frame, FrameReader, frame, headers, PREFACE, settings, Type } from './frames.ts'
import { block, literal } from './hpack.ts'

const METADATA = 0x4d
const END_METADATA = 4
const entry = (name: string, value: string) => literal('never', name, value)
const metadata = (stream: number, content: Buffer | string, flags = END_METADATA) =>
  frame(METADATA, flags, stream, content)

/** Lets entries be counted: how many the last request's METADATA had is a header of the response. */
const COUNTER = guest(`
  (global $count (mut i32) (i32.const 0))
  (func (export "proxy_on_request_metadata") (param i32 i32) (result i32)
    (global.set $count (i32.add (global.get $count) (local.get 1)))
    (i32.const 1))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.add (i32.const 48) (global.get $count)))
    (global.set $count (i32.const 0))
    (drop (call $proxy_add_header_map_value (i32.const 2) (s "x-entries") (i32.const 512) (i32.const 1)))
    (i32.const 0))`)

/** What a peer has sent of one stream, in words. */
class Story {
  readonly parts: string[] = []
  path = ''
  /** Of the connection. */
  readonly #decoder: HpackDecoder
  #metadata = Buffer.alloc(0)

  constructor(decoder: HpackDecoder) {
    this.#decoder = decoder
  }

  take({ type, flags, stream, payload }: Frame): boolean {
    const end = (flags & END_STREAM) !== 0 && type !== METADATA
    if (type === Type.HEADERS) {
      const fields = this.#fields(this.#decoder, payload)
      this.path = fields.find((field) => field.startsWith(':path='))?.slice(6) ?? ''
      const wanted = fields.filter((field) => /^(:status|x-entries)=/.test(field))
      this.parts.push(`headers ${wanted.join(' ')}`.trim())
    } else if (type === METADATA) {
      this.#metadata = Buffer.concat([this.#metadata, payload])
      if ((flags & END_METADATA) !== 0) {
        this.parts.push(`metadata ${this.#fields(new HpackDecoder(4096), this.#metadata).sort().join(' ')}`)
        this.#metadata = Buffer.alloc(0)
      }
    } else if (type === Type.DATA && payload.length > 0) this.parts.push(`data ${payload.length}`)
    else if (type === Type.RST_STREAM) this.parts.push('reset')
    if (end && stream > 0) this.parts.push('end')
    return end || type === Type.RST_STREAM
  }

  #fields(decoder: HpackDecoder, bytes: Buffer): string[] {
    const fields: string[] = []
    decoder.decode(bytes, 0, bytes.length, {
      onField: ({ name, value }) => fields.push(`${name.name}=${value.length > 20 ? value.length : value}`),
    })
    return fields
  }
}

function frames(socket: Socket, skip: number, take: (frame: Frame) => void): void {
  const reader = new FrameReader()
  let left = skip
  socket.on('data', (chunk) => {
    const cut = Math.min(left, chunk.length)
    left -= cut
    for (const one of reader.read(chunk.subarray(cut))) {
      if (one.type === Type.SETTINGS && one.flags === 0) socket.write(settings([], 1))
      else if (one.stream > 0) take(one)
    }
  })
}

interface Told {
  readonly client: string
  readonly upstream: string
}

const post = (path: string) =>
  headers(
    1,
    block([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', path],
      [':authority', 'a'],
    ]),
    0,
  )
const LONG = entry('long', 'x'.repeat(30_000))

const CASES: readonly { what: string; listener: string; send: readonly Buffer[]; told: Told; path?: string }[] = [
  {
    what: 'a map of a request arrives, and the extension hears how many entries it has',
    listener: 'on',
    send: [metadata(1, Buffer.concat([entry('a', 'b'), entry('C', 'd')])), data(1, 'body', END_STREAM)],
    told: {
      client: 'headers :status=200 x-entries=2, data 5, end',
      upstream: 'headers, metadata C=d a=b, data 4, end',
    },
  },
  {
    what: 'a map over several frames',
    listener: 'on',
    send: [metadata(1, LONG.subarray(0, 16_000), 0), metadata(1, LONG.subarray(16_000)), data(1, '', END_STREAM)],
    told: { client: 'headers :status=200 x-entries=1, data 5, end', upstream: 'headers, metadata long=30000, end' },
  },
  {
    what: 'an entry that comes twice keeps its first value',
    listener: 'on',
    send: [metadata(1, Buffer.concat([entry('a', 'b'), entry('a', 'c')])), data(1, '', END_STREAM)],
    told: { client: 'headers :status=200 x-entries=1, data 5, end', upstream: 'headers, metadata a=b, end' },
  },
  {
    what: 'an empty map goes no further',
    listener: 'on',
    send: [metadata(1, ''), data(1, '', END_STREAM)],
    told: { client: 'headers :status=200 x-entries=0, data 5, end', upstream: 'headers, end' },
  },
  {
    what: 'maps of a response, in front of its headers, behind them, and in front of its end',
    listener: 'on',
    path: '/tell',
    send: [data(1, '', END_STREAM)],
    told: {
      client:
        'metadata when=early, headers :status=200 x-entries=0, metadata when=then, data 5, metadata when=late, end',
      upstream: 'headers, end',
    },
  },
  {
    what: 'a map waits for headers that a filter holds',
    listener: 'slow',
    send: [metadata(1, entry('a', 'b')), data(1, 'body', END_STREAM)],
    told: {
      client: 'headers :status=200 x-entries=1, data 5, end',
      upstream: 'headers, metadata a=b, data 4, end',
    },
  },
  {
    what: 'without the option METADATA is an unknown frame',
    listener: 'off',
    send: [metadata(1, Buffer.from('ffffff', 'hex')), data(1, '', END_STREAM)],
    told: { client: 'headers :status=200 x-entries=0, data 5, end', upstream: 'headers, end' },
  },
  {
    what: 'what is no HPACK ends the connection',
    listener: 'on',
    send: [metadata(1, Buffer.from('ffffffffff', 'hex'))],
    told: { client: 'gone', upstream: 'headers, reset' },
  },
  {
    what: 'more than a stream may send ends the connection',
    listener: 'on',
    send: Array.from({ length: 70 }, () => metadata(1, Buffer.alloc(16_384), 0)),
    told: { client: 'gone', upstream: 'headers, reset' },
  },
]

const peer = await envoy()

describe('METADATA through a proxy', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-metadata-'))
  after(() => rmSync(dir, { recursive: true, force: true }))

  for (const [name, skip, start] of [
    ['Sluice', false, startSluice],
    ['Envoy', peer.skip, (config: unknown) => startEnvoy(peer.skip === false ? peer.path : '', config, dir)],
  ] as const) {
    describe(name, { skip }, () => {
      let proxy: RunningProxy
      let upstream: Awaited<ReturnType<typeof startUpstream>>

      before(async () => {
        upstream = await startUpstream()
        proxy = await start(configuration(upstream.port, dir))
      })

      after(async () => {
        await proxy?.stop()
        await upstream?.close()
      })

      for (const { what, listener, send, path = '/', told } of CASES) {
        test(what, async () => {
          const mark = upstream.stories.length
          const client = await ask(proxy.ports.get(listener) as number, [post(path), ...send])
          const story = await upstream.story(mark)
          assert.deepEqual({ client, upstream: story }, told)
        })
      }
    })
  }
})

function configuration(port: number, dir: string): unknown {
  const file = join(dir, 'counter.wasm')
  writeFileSync(file, COUNTER)
  const filters = [
    {
      name: 'counter',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
        config: {
          name: 'counter',
          vm_config: { runtime: 'envoy.wasm.runtime.v8', code: { local: { filename: file } } },
        },
      },
    },
    {
      name: 'envoy.filters.http.router',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
    },
  ]
  const delay = {
    name: 'envoy.filters.http.fault',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
      delay: { fixed_delay: '0.2s', percentage: { numerator: 100 } },
    },
  }
  const listenerOf = (name: string, allow: boolean, first: readonly unknown[] = []) =>
    listener(name, [{ match: { prefix: '/' }, route: { cluster: allow ? 'on' : 'off' } }], {
      ...HTTP2_LISTENER,
      http2_protocol_options: { ...HTTP2_LISTENER.http2_protocol_options, allow_metadata: allow },
      http_filters: [...first, ...filters],
    })
  const upstream = structuredClone(HTTP2_UPSTREAM)
  const options = upstream.typed_extension_protocol_options['envoy.extensions.upstreams.http.v3.HttpProtocolOptions']
  options.explicit_http_config = { http2_protocol_options: { allow_metadata: true } }
  return bootstrap(
    [listenerOf('on', true), listenerOf('off', false), listenerOf('slow', true, [delay])],
    [cluster('on', port, upstream), cluster('off', port, HTTP2_UPSTREAM)],
  )
}

/** Answers each request with five bytes, and `/tell` with METADATA around them. */
async function startUpstream() {
  const stories: { text: Promise<string> }[] = []
  const waiting: (() => void)[] = []
  const raw = await rawUpstream((socket) => {
    const decoder = new HpackDecoder(4096)
    const open = new Map<number, { story: Story; done: (text: string) => void }>()
    socket.write(settings([]))
    frames(socket, PREFACE.length, (one) => {
      let stream = open.get(one.stream)
      if (stream === undefined) {
        let done: (text: string) => void = () => {}
        stories.push({ text: new Promise((resolve) => (done = resolve)) })
        for (const wake of waiting.splice(0)) wake()
        stream = { story: new Story(decoder), done }
        open.set(one.stream, stream)
      }
      if (!stream.story.take(one)) return
      stream.done(stream.story.parts.join(', '))
      if (one.type === Type.RST_STREAM) return
      const tell = (when: string) =>
        stream.story.path === '/tell' ? metadata(one.stream, entry('when', when)) : Buffer.alloc(0)
      const head = headers(one.stream, block([[':status', '200']]), 0)
      socket.write(Buffer.concat([tell('early'), head, tell('then'), data(one.stream, 'hello')]))
      socket.write(Buffer.concat([tell('late'), data(one.stream, '', END_STREAM)]))
    })
  })
  return {
    port: raw.port,
    stories,
    async story(index: number): Promise<string> {
      const come = async () => {
        while (stories.length <= index) await new Promise<void>((resolve) => waiting.push(resolve))
        return stories[index].text
      }
      return within(`request ${index} upstream`, come())
    },
    close: () => raw.close(),
  }
}

/** One connection with one request; `gone` where the proxy ends it without an answer. */
async function ask(port: number, send: readonly Buffer[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const story = new Story(new HpackDecoder(4096))
  socket.on('error', () => {})
  const ended = new Promise<string>((resolve) => {
    frames(socket, 0, (one) => {
      if (story.take(one)) resolve(story.parts.join(', '))
    })
    socket.on('close', () => resolve('gone'))
  })
  await within(`a connection to ${port}`, once(socket, 'connect'))
  socket.write(Buffer.concat([PREFACE, settings([]), send[0]]))
  // The request has to be upstream before what follows, which may end it.
  await new Promise((resolve) => setTimeout(resolve, 50))
  for (const bytes of send.slice(1)) socket.write(bytes)
  const text = await within('an answer, or the end of the connection', ended)
  socket.destroy()
  return text
}
