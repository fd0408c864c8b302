/** A management server that says what it is told to say, be it right or wrong, and notes what it hears. */
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf'
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt'
import {
  type DiscoveryRequest,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { registry } from '../../../src/proxy/index.ts'
import type { AdsAcceptor, AdsServerStream } from '../../../src/xds/index.ts'
import { type Entry, HOST, type Kind, type Step } from './trial.ts'
import { KINDS, TYPES, WHOLE } from './types.ts'

/** What a client asks for of one type, and what it answered last. */
interface Subscription {
  names: readonly string[]
  nonce: string
  answered: boolean
  refusal: string | undefined
  version: string
  /** Of a request that answers nothing that was said on this stream. */
  wrongNonce: boolean
}

interface Held {
  readonly version: string
  readonly entries: readonly Entry[]
}

const QUIET_MS = 25
const PATIENCE_MS = 300

export class ScriptedServer implements AdsAcceptor {
  readonly #host: string
  readonly #held = new Map<Kind, Held>()
  #subscriptions = new Map<Kind, Subscription>()
  #stream: AdsServerStream | undefined
  #versions = 0
  #nonces = 0
  #heard = 0
  /** What was said up to here is of former trials. */
  #cleared = 0

  /** `host`: the address of the proxy's listeners. */
  constructor(host: string) {
    this.#host = host
    for (const kind of WHOLE) this.#held.set(kind, { version: '0', entries: [] })
  }

  accept(stream: AdsServerStream): void {
    this.#stream = stream
    this.#subscriptions = new Map()
    this.#heard = performance.now()
    stream.onMessage((request) => this.#hear(request))
    stream.onClose(() => {
      if (this.#stream === stream) this.#stream = undefined
    })
  }

  acceptDelta(): void {
    throw new Error('not asked for')
  }

  /** Nothing is under way. Of what is left without an answer nobody can tell but by the time. */
  get isQuiet(): boolean {
    if (this.#stream === undefined || this.#subscriptions.size === 0) return false
    const silence = performance.now() - this.#heard
    return silence > (this.#unanswered().length === 0 ? QUIET_MS : PATIENCE_MS)
  }

  /** Who has given up all names of a type may leave its last response without an answer. */
  #unanswered(): Kind[] {
    return KINDS.filter((kind) => {
      const { answered = false, names = [] } = this.#subscriptions.get(kind) ?? {}
      return !answered && (names.length > 0 || WHOLE.has(kind))
    })
  }

  run(step: Step): void {
    this.#heard = performance.now()
    switch (step.do) {
      case 'all':
        for (const one of step.of) this.run(one)
        break
      case 'set': {
        const before = this.#held.get(step.kind)?.version
        const version = step.sameVersion === true && before !== undefined ? before : String(++this.#versions)
        this.#held.set(step.kind, { version, entries: step.entries })
        this.#push(step.kind)
        break
      }
      case 'say': {
        const names = this.#subscriptions.get(step.kind)?.names ?? []
        const said =
          WHOLE.has(step.kind) || names.includes(step.bad ?? '')
            ? step.entries
            : step.entries.filter(({ name }) => name !== step.bad)
        this.#say(step.kind, String(++this.#versions), said)
        break
      }
      case 'again':
        this.#push(step.kind)
        break
      case 'cut':
        this.#stream?.close()
    }
  }

  /** Has nothing any more, and says so of what a client has all of. */
  clear(): void {
    // Envoy takes no clusters while one that it has waits for endpoints.
    const asked = this.#subscriptions.get('eds')?.names ?? []
    const nothing = asked.map((name) => ({ name, body: { cluster_name: name } }))
    if (nothing.length > 0) this.#say('eds', 'cleared', nothing)
    this.#held.clear()
    this.#cleared = this.#nonces
    for (const kind of ['lds', 'cds'] as const) this.run({ do: 'set', kind, entries: [] })
  }

  /** All that was said is well. */
  get isTaken(): boolean {
    return [...WHOLE].every((kind) => this.#subscriptions.get(kind)?.refusal === undefined)
  }

  /** What the client has said, by fact. */
  facts(): Map<string, string> {
    const facts = new Map<string, string>()
    for (const kind of KINDS) {
      const found = this.#subscriptions.get(kind)
      // Who has given up all names of a type may have said so, or not yet asked for any.
      const names = [...(found?.names ?? [])].sort().join(' ')
      facts.set(`xds.${kind}.names`, names)
      if (found === undefined || Number(found.nonce) <= this.#cleared || (names === '' && !WHOLE.has(kind))) continue
      const { answered, refusal, version, wrongNonce } = found
      facts.set(`xds.${kind}.version`, version)
      facts.set(`xds.${kind}.answer`, !answered ? 'none' : refusal === undefined ? 'ACK' : 'NACK')
      if (refusal !== undefined && WHOLE.has(kind)) facts.set(`xds.${kind}.blamed`, this.#blamed(kind, refusal))
      if (wrongNonce) facts.set(`xds.${kind}.nonce`, 'wrong')
    }
    return facts
  }

  /** What it refuses, in its words. */
  refusals(): string[] {
    return [...this.#subscriptions].flatMap(([kind, { refusal }]) =>
      refusal === undefined ? [] : [`${kind}: ${refusal}`],
    )
  }

  /** Which of the resources a refusal names. */
  #blamed(kind: Kind, refusal: string): string {
    const { entries = [] } = this.#held.get(kind) ?? {}
    return [...new Set(entries.map(({ name }) => name))]
      .filter((name) => name !== '' && refusal.includes(`${name}: `))
      .sort()
      .join(' ')
  }

  #hear({ typeUrl, resourceNames, responseNonce, versionInfo, errorDetail }: DiscoveryRequest): void {
    this.#heard = performance.now()
    const kind = KINDS.find((one) => TYPES[one] === typeUrl)
    if (kind === undefined) return
    const before = this.#subscriptions.get(kind)
    const now: Subscription = before ?? {
      names: [],
      nonce: '',
      answered: true,
      refusal: undefined,
      version: '',
      wrongNonce: responseNonce !== '',
    }
    this.#subscriptions.set(kind, now)
    now.version = versionInfo
    const added = resourceNames.filter((name) => !now.names.includes(name))
    now.names = resourceNames
    if (responseNonce !== '' && responseNonce === now.nonce && !now.answered) {
      now.answered = true
      now.refusal = errorDetail?.message
    }
    if (before === undefined ? WHOLE.has(kind) || this.#wanted(kind).length > 0 : this.#has(kind, added))
      this.#push(kind)
  }

  #has(kind: Kind, names: readonly string[]): boolean {
    return this.#held.get(kind)?.entries.some(({ name }) => names.includes(name)) === true
  }

  /** Of what there is, what is asked for. */
  #wanted(kind: Kind): readonly Entry[] {
    const { entries = [] } = this.#held.get(kind) ?? {}
    if (WHOLE.has(kind)) return entries
    const names = this.#subscriptions.get(kind)?.names ?? []
    return entries.filter(({ name }) => names.includes(name))
  }

  #push(kind: Kind): void {
    const held = this.#held.get(kind)
    if (held !== undefined) this.#say(kind, held.version, this.#wanted(kind))
  }

  #say(kind: Kind, version: string, entries: readonly Entry[]): void {
    const subscription = this.#subscriptions.get(kind)
    if (subscription === undefined || this.#stream === undefined) return
    if (!WHOLE.has(kind) && subscription.names.length === 0) return
    subscription.nonce = String(++this.#nonces)
    subscription.answered = false
    this.#stream.send(
      create(DiscoveryResponseSchema, {
        typeUrl: TYPES[kind],
        versionInfo: version,
        nonce: subscription.nonce,
        resources: entries.map((entry) => this.#packed(kind, entry)),
      }),
    )
  }

  #packed(kind: Kind, { name, body, wrapped }: Entry): Any {
    const resource = this.#resource(TYPES[kind], body)
    return wrapped === true
      ? anyPack(ResourceSchema, create(ResourceSchema, { name, version: '1', resource }))
      : resource
  }

  #resource(typeUrl: string, body: Entry['body']): Any {
    if (body === 'garbage') return create(AnySchema, { typeUrl, value: Buffer.from([0x0a, 0xff]) })
    if ('otherKind' in body) return create(AnySchema, { typeUrl: TYPES[body.otherKind as Kind] })
    const text = JSON.stringify({ '@type': typeUrl, ...body }).replaceAll(HOST, this.#host)
    return fromJson(AnySchema, JSON.parse(text) as JsonValue, { registry })
  }
}
