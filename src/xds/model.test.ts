/**
 * Whatever happens in whatever order - changes, subscriptions, refusals, broken streams - once it is quiet, a client holds exactly what
 * the server has for what it asked for.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { AdsClient } from './ads-client.ts'
import { AdsServer } from './ads-server.ts'
import { memoryTransport } from './memory-transport.ts'
import { cluster, extension, settle } from './testing.ts'
import { TypeUrl } from './type-urls.ts'

const NAMES = ['a', 'b', 'c', 'd']
const BAD = 'bad'

type Step =
  | { do: 'set'; content: Record<string, string> }
  | { do: 'subscribe'; name: string }
  | { do: 'unsubscribe'; name: string }
  | { do: 'break' }
  | { do: 'wait' }

const content = fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom('1', '2', BAD), { noNullPrototype: true })
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: content.map((content): Step => ({ do: 'set', content })) },
    { weight: 3, arbitrary: fc.constantFrom(...NAMES).map((name): Step => ({ do: 'subscribe', name })) },
    { weight: 2, arbitrary: fc.constantFrom(...NAMES).map((name): Step => ({ do: 'unsubscribe', name })) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'break' }) },
    { weight: 3, arbitrary: fc.constant<Step>({ do: 'wait' }) },
  ),
  { maxLength: 25 },
)

/** Histories that failed once. */
const FOUND: Step[][] = [
  [
    { do: 'subscribe', name: 'b' },
    { do: 'set', content: { b: '1' } },
    { do: 'wait' },
    { do: 'unsubscribe', name: 'b' },
    { do: 'subscribe', name: 'a' },
    { do: 'subscribe', name: 'b' },
  ],
  [
    { do: 'subscribe', name: 'b' },
    { do: 'subscribe', name: 'c' },
    { do: 'set', content: { b: '1', c: '1' } },
    { do: 'wait' },
    { do: 'set', content: { b: '1', c: '2' } },
    { do: 'unsubscribe', name: 'b' },
    { do: 'subscribe', name: 'b' },
  ],
]

async function pause(): Promise<void> {
  await settle()
  await new Promise((resolve) => setTimeout(resolve, 1))
}

async function eventually(check: () => void): Promise<void> {
  for (let i = 0; i < 200; i++) {
    try {
      check()
      return
    } catch {
      await pause()
    }
  }
  check()
}

/** A client, as the property sees it. */
interface Subject {
  readonly held: { readonly [typeUrl: string]: Map<string, string> }
  readonly wanted: Set<string>
  subscribe(name: string): void
  unsubscribe(name: string): void
  break(): void
  close(): void
}

function read(resource: Any): string {
  const text = Buffer.from(resource.value).toString()
  return /=(\w+)=/.exec(text)?.[1] ?? ''
}

function maps(): Record<string, Map<string, string>> {
  return { [TypeUrl.cluster]: new Map(), [TypeUrl.extension]: new Map() }
}

function start(ads: AdsServer, delta: boolean): Subject {
  const held = maps()
  const client = new AdsClient({
    transport: memoryTransport(ads),
    node: create(NodeSchema, { id: 'n' }),
    delta,
    initialBackoffMs: 0,
    maxBackoffMs: 0,
  })
  client.handle(TypeUrl.cluster, (resources, _, removed) => {
    if (removed === undefined) held[TypeUrl.cluster].clear()
    for (const name of removed ?? []) held[TypeUrl.cluster].delete(name)
    for (const { name, resource } of resources) held[TypeUrl.cluster].set(name, read(resource))
    return []
  })
  client.handle(TypeUrl.extension, (resources, _, removed) => {
    const refused = resources.filter(({ resource }) => read(resource) === BAD)
    for (const name of removed ?? []) held[TypeUrl.extension].delete(name)
    for (const { name, resource } of resources) {
      if (read(resource) !== BAD && client.subscribed(TypeUrl.extension).has(name)) {
        held[TypeUrl.extension].set(name, read(resource))
      }
    }
    return refused.map(({ name }) => ({ name, reason: 'bad' }))
  })
  client.subscribe(TypeUrl.cluster)
  client.start()
  const wanted = new Set<string>()
  return {
    held,
    wanted,
    subscribe(name) {
      wanted.add(name)
      client.subscribe(TypeUrl.extension, [name])
    },
    unsubscribe(name) {
      wanted.delete(name)
      client.unsubscribe(TypeUrl.extension, [name])
      held[TypeUrl.extension].delete(name)
    },
    break: () => ads.close(),
    close: () => client.close(),
  }
}

for (const [form, delta] of [
  ['state of the world', false],
  ['delta', true],
] as const) {
  test(`after any history the client holds what the server has (${form})`, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const ads = new AdsServer()
        const subject = start(ads, delta)
        let now: Record<string, string> = {}
        let version = 0
        const lastGood = new Map<string, Set<string>>()
        for (const step of history) {
          if (step.do === 'set') {
            now = step.content
            const entries = Object.entries(now)
            ads.setSnapshot(
              'n',
              {
                [TypeUrl.cluster]: new Map(entries.map(([name, value]) => [name, cluster(name, `=${value}=`)])),
                [TypeUrl.extension]: new Map(entries.map(([name, value]) => [name, extension(name, `=${value}=`)])),
              },
              String(++version),
            )
            for (const [name, value] of entries) {
              if (value !== BAD) lastGood.set(name, new Set([...(lastGood.get(name) ?? []), value]))
            }
          } else if (step.do === 'subscribe') subject.subscribe(step.name)
          else if (step.do === 'unsubscribe') subject.unsubscribe(step.name)
          else if (step.do === 'break') subject.break()
          else await settle()
        }
        const check = () => {
          if (version > 0)
            assert.deepEqual(
              new Map(Object.entries(now)),
              new Map([...subject.held[TypeUrl.cluster]].sort()),
              'clusters',
            )
          for (const name of NAMES) {
            const held = subject.held[TypeUrl.extension].get(name)
            if (!subject.wanted.has(name)) assert.equal(held, undefined, `${name} was given up`)
            // What is refused leaves the former state; what is gone does too where absence cannot be told.
            else if (now[name] === BAD) assert.ok(held === undefined || lastGood.get(name)?.has(held), name)
            else if (now[name] !== undefined) assert.equal(held, now[name], name)
            else if (delta) assert.equal(held, undefined, `${name} was removed`)
          }
        }
        // Nothing may still be under way, and a reconnect takes its time on a busy machine.
        for (let i = 0; i < 4; i++) await pause()
        await eventually(check)
        subject.close()
      }),
      {
        numRuns: 150,
        examples: FOUND.map((history) => [history]),
      },
    )
  })
}
