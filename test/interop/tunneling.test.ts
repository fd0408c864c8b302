/** tcp_proxy through a tunnel, by CONNECT and POST over either protocol, beside Envoy: what the upstream is asked, and what the client gets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import { eventually } from '../../src/proxy/testing.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { closed, within } from '../within.ts'

const peer = await envoy()
const T = 'type.googleapis.com/envoy.extensions'

interface Case {
  readonly http2: boolean
  /** Of `tunneling_config`. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly more?: Readonly<Record<string, unknown>>
  /** What the upstream answers; 200 carries the bytes back. */
  readonly status?: number
  /** Without a tunnel. */
  readonly plain?: boolean
  /** The client does not end. */
  readonly silent?: boolean
  /** Nobody is there. */
  readonly down?: boolean
  /** The client ends its side behind what it says, and the upstream says more. */
  readonly halfClose?: boolean
  /** Why Envoy's client gets something else. */
  readonly differs?: string
}

const add = (key: string, value: string) => ({ header: { key, value } })
const CASES: Readonly<Record<string, Case>> = {
  'connect-1': { http2: false },
  'connect-2': { http2: true },
  'connect-201': { http2: true, status: 201, differs: 'RFC 9110 9.3.6: any answer of 2xx opens the tunnel' },
  'connect-1-refused': { http2: false, status: 407 },
  'connect-2-refused': { http2: true, status: 403 },
  'connect-2-retried': { http2: true, status: 503, more: { max_connect_attempts: 3 } },
  'connect-1-retried': { http2: false, status: 503, more: { max_connect_attempts: 2 } },
  'post-1': { http2: false, config: { use_post: true } },
  'post-2': { http2: true, config: { use_post: true, post_path: '/a/b?c', headers_to_add: [add('x', 'y')] } },
  'post-2-refused': { http2: true, config: { use_post: true }, status: 500 },
  headers: {
    http2: false,
    config: {
      hostname: 'h-%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%:7',
      headers_to_add: [
        add('a', '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'),
        add('b', '1'),
        add('b', '2'),
        add('c', '%PROTOCOL%'),
      ],
    },
  },
  'half-1': { http2: false, halfClose: true, differs: 'a tunnel of HTTP/1.1 that the client ends is over for Envoy' },
  'half-2': { http2: true, halfClose: true },
  'half-post': { http2: true, halfClose: true, config: { use_post: true } },
  'down-1': { http2: false, down: true, more: { max_connect_attempts: 2 } },
  'down-2': { http2: true, down: true },
  plain: { http2: false, plain: true },
  'plain-long': { http2: false, plain: true, more: { max_downstream_connection_duration: '0.2s' }, silent: true },
  'plain-down': { http2: false, plain: true, down: true, more: { max_connect_attempts: 2 } },
}

describe('tunnels of tcp_proxy', { skip: peer.skip }, () => {
  for (const [name, one] of Object.entries(CASES))
    test(name, async () => {
      const dir = mkdtempSync(join(tmpdir(), 'sluice-tunnel-'))
      const upstream = new Upstream(one)
      try {
        const port = await upstream.listen()
        const run = async (proxy: RunningProxy, log: string) => {
          try {
            const got = await speak(proxy.ports.get('l') ?? 0, one.halfClose === true, one.silent === true)
            await eventually(() => readFileSync(log, 'utf8') !== '')
            return {
              got,
              log: readFileSync(log, 'utf8').replaceAll(/\d{5}/g, 'port').replace(REFUSED, 'refused'),
              asked: upstream.asked.splice(0),
            }
          } finally {
            await proxy.stop()
          }
        }
        const [first, second] = [join(dir, 'envoy.log'), join(dir, 'sluice.log')]
        const theirs = await run(await startEnvoy(peer.path, bootstrapOf(one, port, first), dir), first)
        const ours = await run(await startSluice(bootstrapOf(one, port, second)), second)
        if (one.differs === undefined) assert.deepEqual(ours, theirs)
        else assert.notDeepEqual(ours, theirs)
        const refused = one.down === true || (one.status ?? 200) > 299
        assert.equal(ours.got, refused ? '' : one.halfClose === true ? 'hello bye' : 'hello')
      } finally {
        upstream.close()
        rmSync(dir, { recursive: true, force: true })
      }
    })
})

/** In the words of either proxy. */
const REFUSED = /(delayed_connect_error:_Connection_refused|connect_ECONNREFUSED_127.0.0.1:port)/

/** Says hello, and gives back all that comes until the connection ends. */
async function speak(port: number, halfClose: boolean, silent: boolean): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let got = ''
  socket.on('error', () => {})
  socket.on('data', (data) => {
    got += data
    if (got === 'hello' && !halfClose && !silent) socket.end()
  })
  socket.on('end', () => socket.end())
  socket.write('hello')
  if (halfClose) socket.end()
  await within('the end of a tunnel', closed(socket), () => `heard: ${got}`)
  return got
}

class Upstream {
  readonly asked: unknown[] = []
  readonly #one: Case
  readonly #server: Server
  readonly #open = new Set<Duplex>()

  constructor(one: Case) {
    this.#one = one
    this.#server =
      one.plain === true
        ? createServer((socket) => this.#echo(socket, socket))
        : one.http2
          ? this.#http2()
          : this.#http1()
    this.#server.on('connection', (socket) => this.#open.add(socket))
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    const { port } = this.#server.address() as AddressInfo
    if (this.#one.down === true) this.close()
    return port
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
  }

  #note(headers: IncomingHttpHeaders, first: string): void {
    const all = Object.entries(headers).filter(([name]) => name !== 'date')
    this.asked.push([first, ...all.map(([name, value]) => `${name}: ${value}`).sort()])
  }

  #http1(): Server {
    const { status = 200 } = this.#one
    const server = createHttp((request, response) => {
      this.#note(request.headers, `${request.method} ${request.url}`)
      response.writeHead(status)
      response.flushHeaders()
      this.#echo(request, response)
    })
    server.on('connect', (request, socket) => {
      this.#note(request.headers, `${request.method} ${request.url}`)
      socket.on('error', () => {})
      if (status > 299) socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\nno`)
      else {
        socket.write(`HTTP/1.1 ${status} Yes\r\n\r\n`)
        this.#echo(socket, socket)
      }
    })
    return server
  }

  #http2(): Server {
    const { status = 200 } = this.#one
    const server = createHttp2()
    server.on('session', (session) => session.on('error', () => {}))
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      this.#note(headers, '')
      stream.on('error', () => {})
      stream.respond({ ':status': status })
      if (status > 299) stream.end('no')
      else this.#echo(stream, stream)
    })
    return server as unknown as Server
  }

  #echo(from: NodeJS.ReadableStream, to: NodeJS.WritableStream): void {
    from.on('data', (data) => to.write(data))
    from.on('end', () => to.end(this.#one.halfClose === true ? ' bye' : ''))
  }
}

function bootstrapOf(one: Case, port: number, log: string): unknown {
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } })
  const http2 = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${T}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  }
  const tcp = {
    '@type': `${T}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 't',
    cluster: 'up',
    ...(one.plain === true ? {} : { tunneling_config: { hostname: 'there.example:443', ...one.config } }),
    ...one.more,
    access_log: [
      {
        name: 'log',
        typed_config: {
          '@type': `${T}.access_loggers.file.v3.FileAccessLog`,
          path: log,
          log_format: {
            text_format_source: {
              inline_string:
                '%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% %ACCESS_LOG_TYPE% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n',
            },
          },
        },
      },
    ],
  }
  return {
    admin: { address: address(0) },
    static_resources: {
      listeners: [
        { name: 'l', address: address(0), filter_chains: [{ filters: [{ name: 'tcp', typed_config: tcp }] }] },
      ],
      clusters: [
        {
          name: 'up',
          load_assignment: {
            cluster_name: 'up',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
          },
          ...(one.http2 ? { typed_extension_protocol_options: http2 } : {}),
        },
      ],
    },
  }
}
