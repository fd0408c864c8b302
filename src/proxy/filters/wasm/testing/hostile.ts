/** For the tests of hostile modules: who attacks, who must not notice, and what is counted. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, type RequestListener } from 'node:http'
import { createServer, type Http2Server } from 'node:http2'
import { join } from 'node:path'
import { after, before, mock } from 'node:test'
import { messageOf } from '../../../../errors.ts'
import { ATTACKS, type Attack, pairsOf } from '../../../../wasm/testing/attacks.ts'
import { guest } from '../../../../wasm/testing/wat-guest.ts'
import type { ProxyHandle } from '../../../index.ts'
import { eventually, FILTERS, get, httpListener, portOf, upstream } from '../../../testing.ts'

/** Lower than the defaults, so that many attacks fit into a test; kept under load all the same. */
const LIMITS = '{"callbackFuel":5000000,"startFuel":50000000,"hostCallBudget":20000,"memoryPages":64}'

/** The PluginConfig of a module, as YAML; its file is written to `folder`. */
export function pluginConfig(folder: string, name: string, code: Uint8Array): string {
  const file = join(folder, `${name}.wasm`)
  writeFileSync(file, code)
  const vm = `vm_id: ${name}, code: { local: { filename: "${file}" } }, environment_variables: { key_values: { ISTIO_META_WASM_HOST: '${LIMITS}' } }`
  const reload = 'failure_policy: FAIL_RELOAD, reload_config: { backoff: { base_interval: 0.02s } }'
  return `{ name: ${name}, ${reload}, vm_config: { ${vm} } }`
}

/** A Wasm filter of an HTTP chain, as YAML; its module is written into `folder`. */
export function httpFilter(folder: string, name: string, code: Uint8Array): string {
  return `{ name: ${name}, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: ${pluginConfig(folder, name, code)} } }`
}

/** The listener of the load: its extension marks each request. */
export function bystander(folder: string): string {
  const code = guest(`(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $proxy_add_header_map_value (i32.const 0) (s "x-good") (s "1"))) (i32.const 0))`)
  return httpListener({ filters: [httpFilter(folder, 'good', code)] })
}

/** A cluster that has time to be connected to: the upstream shares a busy machine. */
export function slowly(cluster: string): string {
  return cluster.replace('connect_timeout: 1s', 'connect_timeout: 20s')
}

/** Requests from a few connections, one after the other, until it is stopped. */
export class Load {
  readonly #statuses = new Map<string, number>()
  readonly #agent = new Agent({ keepAlive: true })
  readonly #running: Promise<void>[]
  #stopping = false

  constructor(port: number) {
    this.#running = Array.from({ length: 4 }, () => this.#run(port))
  }

  /** Ends it; all requests must have had their answer. */
  async stop(): Promise<void> {
    // On a busy machine an attack can be over before a second request was answered.
    await eventually(() => (this.#statuses.get('200') ?? 0) > 4 || this.#statuses.size > 1)
    this.#stopping = true
    await Promise.all(this.#running)
    this.#agent.destroy()
    assert.deepEqual([...this.#statuses.keys()], ['200'])
  }

  async #run(port: number): Promise<void> {
    while (!this.#stopping) {
      const seen = await get(port, '/', { agent: this.#agent }).then(
        ({ status, body }) =>
          status === 200 && !body.includes('"x-good":"1"') ? 'changed' : status === 200 ? '200' : `${status} ${body}`,
        (error: Error) => error.message,
      )
      this.#statuses.set(seen, (this.#statuses.get(seen) ?? 0) + 1)
      // The load shares its machine with the upstream and the attacker.
      await new Promise((resolve) => setTimeout(resolve, 8))
    }
  }
}

/** One module that attacks, by the name of its plugin. */
interface Victim {
  readonly name: string
  /** Its VM must die of it. */
  readonly mortal: boolean
  /** Makes the attack happen; nothing, where it happens by itself. */
  readonly attack: () => Promise<unknown>
  /** Uses it again: it must serve. */
  readonly calm: () => Promise<unknown>
}

/** A victim for each attack at each place; `Victim.name` is that of its plugin and of its listener. */
export function victims(
  places: readonly string[],
  make: (place: string, attack: Attack, name: string) => Pick<Victim, 'attack' | 'calm'>,
): Victim[] {
  return places.flatMap((place) =>
    Object.entries(ATTACKS).map(([title, attack]) => {
      const name = `${place}.${title.replaceAll(/\W+/g, '-')}`
      return { name, mortal: attack.cause !== undefined, ...make(place, attack, name) }
    }),
  )
}

/** How often each plugin had this event. */
async function events(proxy: ProxyHandle, event: string): Promise<ReadonlyMap<string, number>> {
  const admin = Number(proxy.adminAddress?.split(':')[1])
  const { body } = await get(admin, `/stats?filter=${event}`)
  return new Map([...body.matchAll(/^wasm\.(\S+)\.\w+: (\d+)$/gm)].map(([, name, n]) => [name, Number(n)]))
}

/** All strike while the load runs; then all must serve again, and nothing of the load may be lost. */
export async function strike(proxy: ProxyHandle, all: readonly Victim[]): Promise<void> {
  const mortal = all.filter((one) => one.mortal).map(({ name }) => name)
  const load = new Load(portOf(proxy))
  try {
    // What becomes of the attacked request itself, an answer or a broken one, is the attack's.
    for (const { attack } of all) await attack().catch(() => {})
    let living = mortal
    const gone = async () => {
      const dead = await events(proxy, 'vm_failure')
      living = mortal.filter((name) => (dead.get(name) ?? 0) === 0)
      return living.length === 0
    }
    await eventually(gone, 'deaths', 30_000).catch(() => assert.deepEqual(living, [], 'these did not die'))
    // The pause is 20 ms and up to half more.
    await new Promise((resolve) => setTimeout(resolve, 60))
    for (const { name, calm } of all) await calm().catch((cause) => assert.fail(`${name}: ${messageOf(cause)}`))
    const reloaded = await events(proxy, 'vm_reload_success')
    assert.deepEqual(
      mortal.filter((name) => (reloaded.get(name) ?? 0) === 0),
      [],
      'these did not come back',
    )
  } finally {
    await load.stop()
  }
}

/** What a module does so that a callback comes; its queue's id is at $slot9. */
const CAUSES: Readonly<Record<string, string>> = {
  proxy_on_queue_ready: '(drop (call $proxy_enqueue_shared_queue (i32.load $slot9) (i32.const 0) (i32.const 1)))',
  proxy_on_http_call_response: `(drop (call $proxy_http_call (s "httpbin") (s "${pairsOf()}") (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 1000) $slot8))`,
}
const GRPC = `(drop (call $proxy_grpc_stream (s "grpc") (s "a.B") (s "C") (i32.const 0) (i32.const 0) $slot8))
  (drop (call $proxy_grpc_send (i32.load $slot8) (s "hello") (i32.const 1)))`

/** What the module has to do beforehand so that the callback `place` comes, as WAT; '' where traffic is enough. */
export function causeOf(place: string): string {
  return place.includes('grpc') ? GRPC : (CAUSES[place] ?? '')
}

/** What is needed for CAUSES, in proxy_on_configure. */
export const QUEUE = '(drop (call $proxy_register_shared_queue (s "ready") $slot9))'

/** Answers every stream with metadata, its own message, and trailers. */
export async function grpcServer(): Promise<Http2Server> {
  const server = createServer()
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.pipe(stream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** For a cluster: `http2_protocol_options: {}` and its like. */
export const OPTIONS = (protocol: string) => `typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: { ${protocol} }`

/** The attack in this callback once the module is armed: the word at 8. */
export function callback(name: string, type: string, { code }: Attack, before = ''): string {
  const attack = `(if (i32.load (i32.const 8)) (then ${code}))`
  return `(func (export "${name}") ${type} ${before} ${attack} ${type.includes('result') ? '(i32.const 0)' : ''})`
}

/** An upstream for the load that keeps idle connections: one that closes them loses requests in any proxy. */
export async function patient(handler?: RequestListener): ReturnType<typeof upstream> {
  const up = await upstream(handler)
  up.server.keepAliveTimeout = 0
  return up
}

/** For a whole file: the floods are written, to nowhere. */
export function muteFloods(): void {
  before(() => {
    mock.method(process.stderr, 'write', (...args: unknown[]) => {
      const done = args.at(-1)
      if (typeof done === 'function') done()
      return true
    })
  })
  after(() => mock.restoreAll())
}
