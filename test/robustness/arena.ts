/** A proxy with a misbehaving upstream, whose descriptors, streams and contexts are counted before and after. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProxyHandle } from '../../src/proxy/index.ts'
import {
  cluster,
  eventually,
  FILTERS,
  get,
  httpListener,
  portOf,
  type Running,
  rawUpstream,
  testProxy,
} from '../../src/proxy/testing.ts'
import { countingGuest } from '../../src/wasm/testing/counting-guest.ts'

/** What the upstream does once it has the head of a request for that path. */
export type Behaviour = (socket: Socket, head: string) => void

/** Numbers that must be what they were when nothing is going on. */
type Counts = Readonly<Record<string, number>>

type Upstream = Running & { readonly sockets: Set<Socket> }

export class Arena {
  readonly port: number
  readonly #proxy: ProxyHandle
  readonly #upstream: Upstream
  /** For the other requests. */
  readonly #quiet: Upstream
  readonly #folder: string
  readonly #steady: Steady
  #before: Counts = {}

  private constructor(proxy: ProxyHandle, upstream: Upstream, quiet: Upstream, folder: string) {
    this.#proxy = proxy
    this.#quiet = quiet
    this.#upstream = upstream
    this.#folder = folder
    this.port = portOf(proxy)
    this.#steady = new Steady(this.port)
  }

  static async start(wasm: boolean, behaviours: Readonly<Record<string, Behaviour>>): Promise<Arena> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-robustness-'))
    const upstream = await rawUpstream((socket) => serve(socket, behaviours))
    const steady = await rawUpstream((socket) => serve(socket, {}))
    const module = join(folder, 'counting.wasm')
    writeFileSync(module, countingGuest())
    const filter = `{ name: counting, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: counting, vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${module}" } } } } } }`
    const hcm = 'codec_type: AUTO\nrequest_headers_timeout: 0.5s\nrequest_timeout: 2s\ndelayed_close_timeout: 0.1s'
    const routes = [
      '{ match: { prefix: /steady }, route: { cluster: steady } }',
      '{ match: { prefix: /huge }, route: { cluster: up, timeout: 0s } }',
      '{ match: { prefix: / }, route: { cluster: up, timeout: 1s } }',
    ]
    const listener = httpListener({ hcm, routes: `[${routes.join(', ')}]`, filters: wasm ? [filter] : [] })
    const proxy = await testProxy([listener], [cluster(upstream.port), cluster(steady.port, '', 'steady')])
    const arena = new Arena(proxy, upstream, steady, folder)
    await eventually(() => arena.#steady.answered > 0, 'the first answers')
    await eventually(async () => {
      arena.#before = await arena.#count()
      return arena.#before['connections'] === 0
    }, 'rest')
    return arena
  }

  /** Nothing is left of what was done so far, and what else was asked meanwhile was answered. */
  async settled(): Promise<void> {
    let now: Counts = {}
    try {
      await eventually(async () => {
        now = await this.#count()
        return JSON.stringify(now) === JSON.stringify(this.#before)
      }, 'counts as before')
    } catch {
      assert.deepEqual(now, this.#before)
    }
    assert.deepEqual([...this.#steady.wrong], [])
    assert.ok(this.#steady.answered > 0)
  }

  async close(): Promise<void> {
    await this.#steady.stop()
    await this.#proxy.close(0)
    await this.#upstream.close()
    await this.#quiet.close()
    rmSync(this.#folder, { recursive: true })
  }

  /** All upstream connections are ended first: how many wait in the pool depends on what came before. */
  async #count(): Promise<Counts> {
    return this.#steady.paused(async () => {
      for (const socket of this.#upstream.sockets) socket.destroy()
      const [{ gauges }] = await this.#proxy.workers.query<{ gauges: Record<string, number> }>('stats')
      const [[up]] =
        await this.#proxy.workers.query<{ connections: number; pending: number; requests: number }[]>('clusters')
      const { connections, pending, requests } = up
      const counts: Record<string, number> = {
        sockets: openSockets(),
        connections,
        pending,
        requests,
      }
      for (const name of Object.keys(gauges).sort()) counts[name] = gauges[name]
      return counts
    })
  }
}

/** Connections of this process; threads that come and go have other descriptors, and a listener opens sockets as connections come. */
function openSockets(): number {
  const listening = listeningInodes()
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      const inode = /^socket:\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
      return inode !== undefined && !listening.has(inode)
    } catch {
      return false
    }
  }).length
}

/** Of sockets in the state LISTEN (proc_pid_net(5)). */
function listeningInodes(): Set<string> {
  const lines = readFileSync('/proc/self/net/tcp', 'latin1').split('\n')
  const fields = lines.map((line) => line.trim().split(/\s+/))
  return new Set(fields.filter(([, , , state]) => state === '0A').map((line) => line[9]))
}

/** The other requests, one after the other. */
class Steady {
  readonly wrong: string[] = []
  answered = 0
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #done: Promise<void>
  #under: Promise<unknown> = Promise.resolve()
  #stopping = false

  constructor(port: number) {
    this.#done = this.#run(port)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#done
    this.#agent.destroy()
  }

  /** Runs something while none of these requests is under way. */
  async paused<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#under
    const ours = before.then(run)
    this.#under = ours.catch(() => undefined)
    return ours
  }

  async #run(port: number): Promise<void> {
    while (!this.#stopping) {
      const before = this.#under
      this.#under = before.then(async () => {
        const seen = await get(port, '/steady', { agent: this.#agent }).then(
          ({ status, body }) => `${status} ${body}`,
          (error: Error) => error.message,
        )
        if (seen === '200 ok') this.answered++
        else this.wrong.push(seen)
      })
      await this.#under
      await sleep(5)
    }
  }
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

function serve(socket: Socket, behaviours: Readonly<Record<string, Behaviour>>): void {
  let text = ''
  const onData = (chunk: Buffer) => {
    text += chunk.latin1Slice()
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = text.slice(0, end + 4)
    const path = /^\S+ \/([^/? ]*)/.exec(head)?.[1] ?? ''
    text = text.slice(end + 4)
    if (path === 'ok' || path === 'steady') socket.write(OK)
    else {
      socket.off('data', onData)
      if (text !== '') socket.unshift(Buffer.from(text, 'latin1'))
      behaviours[path](socket, head)
    }
  }
  socket.on('data', onData)
}

/** A client that speaks bytes and sees how it ends. */
export class Raw {
  readonly socket: Socket
  text = ''
  bytes = 0
  ended = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
      if (this.text.length < 2000) this.text += chunk.latin1Slice()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
    })
  }

  static async connect(port: number, first?: string): Promise<Raw> {
    const socket = connect(port, '127.0.0.1')
    const raw = new Raw(socket)
    await once(socket, 'connect')
    if (first !== undefined) socket.write(first, 'latin1')
    return raw
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3}) /.exec(this.text)?.[1] ?? 0)
  }

  /** All that comes until the proxy closes. */
  async toEnd(): Promise<this> {
    await eventually(() => this.ended, 'the end of the connection')
    return this
  }
}

/** Runs `one` for each, a few at a time. */
export async function each<T>(items: readonly T[], atOnce: number, one: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await one(item)
    }),
  )
}
