/** A management server that says what it is told to say, be it right or wrong, and notes what it hears. */
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { registry } from '../../../src/proxy/index.ts'
import type { AdsAcceptor, AdsServerStream, DeltaAdsServerStream } from '../../../src/xds/index.ts'
import { DeltaTalk } from './delta-talk.ts'
import { SotwTalk } from './sotw-talk.ts'
import type { Held, HeldEntry, Script, Talk } from './talk.ts'
import { type Entry, HOST, type Kind, type Step } from './trial.ts'
import { KINDS, TYPES, WHOLE } from './types.ts'

const QUIET_MS = 25
const PATIENCE_MS = 300

export class ScriptedServer implements AdsAcceptor {
  readonly #host: string
  readonly #held = new Map<Kind, Held>()
  #talk: Talk | undefined
  #versions = 0
  #nonces = 0
  #asked = 0
  /** What was said up to here is of former trials. */
  #cleared = 0

  /** `host`: the address of the proxy's listeners. */
  constructor(host: string) {
    this.#host = host
    for (const kind of WHOLE) this.#held.set(kind, { version: '0', entries: [] })
  }

  accept(stream: AdsServerStream): void {
    const talk = new SotwTalk(this.#script, stream, (kind, entry) => this.#packed(kind, entry))
    stream.onMessage((request) => talk.hear(request))
    this.#begin(stream, talk)
  }

  acceptDelta(stream: DeltaAdsServerStream): void {
    const talk = new DeltaTalk(this.#script, stream, (kind, entry) => this.#packed(kind, entry))
    stream.onMessage((request) => talk.hear(request))
    this.#begin(stream, talk)
  }

  #begin(stream: { onClose(callback: () => void): void }, talk: Talk<never>): void {
    this.#talk = talk
    stream.onClose(() => {
      if (this.#talk === talk) this.#talk = undefined
    })
  }

  readonly #script: Script = {
    held: (kind) => this.#held.get(kind),
    nonce: () => String(++this.#nonces),
  }

  /** Nothing is under way. Of what is left without an answer nobody can tell but by the time. */
  get isQuiet(): boolean {
    if (this.#talk === undefined || this.#talk.subscriptions.size === 0) return false
    const silence = performance.now() - Math.max(this.#asked, this.#talk.heard)
    return silence > (this.#unanswered().length === 0 ? QUIET_MS : PATIENCE_MS)
  }

  /** Who has given up all names of a type may leave its last response without an answer. */
  #unanswered(): Kind[] {
    return KINDS.filter((kind) => {
      const { answered = false, names } = this.#talk?.subscriptions.get(kind) ?? {}
      return !answered && ((names?.size ?? 0) > 0 || WHOLE.has(kind))
    })
  }

  run(step: Step): void {
    this.#asked = performance.now()
    switch (step.do) {
      case 'all':
        for (const one of step.of) this.run(one)
        break
      case 'set':
        this.#hold(step)
        this.#talk?.push(step.kind, false)
        break
      case 'say': {
        const names = this.#talk?.subscriptions.get(step.kind)?.names
        const said =
          WHOLE.has(step.kind) || names?.has(step.bad ?? '') === true
            ? step.entries
            : step.entries.filter(({ name }) => name !== step.bad)
        const version = String(++this.#versions)
        this.#talk?.say(
          step.kind,
          version,
          said.map((entry) => ({ ...entry, version })),
        )
        break
      }
      case 'again':
        this.#talk?.push(step.kind, true)
        break
      case 'cut':
        this.#talk?.close()
    }
  }

  #hold({ kind, entries, sameVersion }: Step & { readonly do: 'set' }): void {
    const before = this.#held.get(kind)
    const version = sameVersion === true && before !== undefined ? before.version : String(++this.#versions)
    const known = new Map(before?.entries.map((entry) => [entry.name, entry]))
    // What has not changed keeps its own version; what has changed has one even where it should not.
    const versioned = entries.map((entry): HeldEntry => {
      const one = known.get(entry.name)
      const same = JSON.stringify(one?.body) === JSON.stringify(entry.body) || sameVersion === true
      return { ...entry, version: (same ? one?.version : undefined) ?? version }
    })
    this.#held.set(kind, { version, entries: versioned })
  }

  /** Has nothing any more, and says so of what a client has all of. */
  clear(): void {
    // Envoy takes no clusters while one that it has waits for endpoints.
    const asked = [...(this.#talk?.subscriptions.get('eds')?.names ?? [])]
    const nothing = asked.map((name) => ({ name, body: { cluster_name: name }, version: 'cleared' }))
    if (nothing.length > 0) this.#talk?.say('eds', 'cleared', nothing)
    this.#held.clear()
    this.#cleared = this.#nonces
    for (const kind of ['lds', 'cds'] as const) this.run({ do: 'set', kind, entries: [] })
  }

  /** All that was said is well. */
  get isTaken(): boolean {
    return [...WHOLE].every((kind) => this.#talk?.subscriptions.get(kind)?.refusal === undefined)
  }

  /** What the client has said, by fact. */
  facts(): Map<string, string> {
    const facts = new Map<string, string>()
    if (this.#talk !== undefined) facts.set('xds.form', this.#talk.form)
    for (const kind of KINDS) {
      const found = this.#talk?.subscriptions.get(kind)
      // Who has given up all names of a type may have said so, or not yet asked for any.
      const names = [...(found?.names ?? [])].sort().join(' ')
      facts.set(`xds.${kind}.names`, names)
      if (found === undefined || Number(found.nonce) <= this.#cleared || (names === '' && !WHOLE.has(kind))) continue
      const { answered, refusal, version, wrongNonce } = found
      if (version !== undefined) facts.set(`xds.${kind}.version`, version)
      facts.set(`xds.${kind}.answer`, !answered ? 'none' : refusal === undefined ? 'ACK' : 'NACK')
      if (refusal !== undefined && WHOLE.has(kind)) facts.set(`xds.${kind}.blamed`, this.#blamed(kind, refusal))
      if (wrongNonce) facts.set(`xds.${kind}.nonce`, 'wrong')
    }
    return facts
  }

  /** What it refuses, in its words. */
  refusals(): string[] {
    return [...(this.#talk?.subscriptions ?? [])].flatMap(([kind, { refusal }]) =>
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

  #packed(kind: Kind, { body }: Entry): Any {
    const typeUrl = TYPES[kind]
    if (body === 'garbage') return create(AnySchema, { typeUrl, value: Buffer.from([0x0a, 0xff]) })
    if ('otherKind' in body) return create(AnySchema, { typeUrl: TYPES[body.otherKind as Kind] })
    const text = JSON.stringify({ '@type': typeUrl, ...body }).replaceAll(HOST, this.#host)
    return fromJson(AnySchema, JSON.parse(text) as JsonValue, { registry })
  }
}
