import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { test } from 'node:test'
import { create, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { parse, stringify } from 'yaml'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { registry } from '../index.ts'
import { eventually, httpListener } from '../testing.ts'
import { DataPlane } from '../worker/data-plane.ts'

async function putListener(plane: DataPlane, yaml: string, ports?: readonly number[]): Promise<readonly number[]> {
  const bytes = toBinary(ListenerSchema, fromJson(ListenerSchema, parse(yaml) as JsonValue, { registry }))
  const op = { kind: 'listener', name: 'web', bytes, prepared: new Map(), ports, drainMs: 0 } as const
  const { result, swap } = await plane.prepare(op)
  assert.equal(result.error, undefined)
  swap.commit()
  return result.ports ?? []
}

/** A listener of two chains, of which `matcher` names the one for connections. */
function twoChains(chosen: string): string {
  const listener = parse(httpListener({ routes: '[]' })) as { filter_chains: readonly Record<string, unknown>[] }
  const chains = ['a', 'b'].map((name) => {
    const routes = `[{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ${name} } } }]`
    const [chain] = (parse(httpListener({ routes })) as typeof listener).filter_chains
    return { ...chain, name }
  })
  const action = {
    name: 'chain',
    typed_config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: chosen },
  }
  return stringify({ ...listener, filter_chains: chains, filter_chain_matcher: { on_no_match: { action } } })
}

test('a connection stays with its chain where the matcher sends new ones to another', async () => {
  const plane = new DataPlane(create(NodeSchema), 0)
  const put = (yaml: string, ports?: readonly number[]) => putListener(plane, yaml, ports)
  const ask = async (port: number, agent: Agent) => {
    const [answer] = await once(request({ port, agent }).end(), 'response')
    return (await answer.toArray()).join('')
  }
  const [ports, agents] = [await put(twoChains('a')), [0, 1].map(() => new Agent({ keepAlive: true, maxSockets: 1 }))]
  try {
    assert.equal(await ask(ports[0], agents[0]), 'a')
    await put(twoChains('b'), ports)
    assert.equal(await ask(ports[0], agents[0]), 'a')
    assert.equal(await ask(ports[0], agents[1]), 'b')
    assert.equal(plane.connections()['web'], 2)
  } finally {
    for (const agent of agents) agent.destroy()
    await plane.drain(0)
  }
})

const YAML = httpListener({ routes: '[{ match: { prefix: / }, direct_response: { status: 200 } }]' })

/** Asks over one connection. */
const CLIENTS: Readonly<Record<string, (port: number) => { ask(): Promise<unknown>; close(): void }>> = {
  'HTTP/1.1': (port) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = async () => {
      const [answer] = await once(request({ port, agent }).end(), 'response')
      await once(answer.resume(), 'end')
    }
    return { ask, close: () => agent.destroy() }
  },
  'HTTP/2': (port) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    return { ask: () => once(session.request().resume(), 'end'), close: () => session.destroy() }
  },
}

for (const [protocol, client] of Object.entries(CLIENTS)) {
  test(`a connection of ${protocol} is counted where it began, also after its listener has got another stat_prefix`, async () => {
    const plane = new DataPlane(create(NodeSchema), 0)
    const put = (yaml: string, ports?: readonly number[]) => putListener(plane, yaml, ports)
    const active = (prefix: string) => plane.stats.snapshot().gauges[`http.${prefix}.downstream_cx_active`]
    const all = (prefix: string) => {
      const { counters, gauges } = plane.stats.snapshot()
      const scope = `listener.${prefix}.downstream_cx_`
      return [counters[`${scope}total`], gauges[`${scope}active`]]
    }
    const ports = await put(`${YAML}\nstat_prefix: first`)
    const { ask, close } = client(ports[0])
    try {
      await ask()
      assert.equal(active('web'), 1)
      await put(`${YAML.replace('stat_prefix: web', 'stat_prefix: other')}\nstat_prefix: second`, ports)
      await ask()
      assert.deepEqual(
        [all('first'), all('second')],
        [
          [1, 1],
          [0, 0],
        ],
      )
      assert.equal(plane.connections()['web'], 1, 'the same connection')
      const later = client(ports[0])
      await later.ask()
      assert.deepEqual(
        [all('first'), all('second')],
        [
          [1, 1],
          [1, 1],
        ],
      )
      later.close()
      close()
      await eventually(() => plane.connections()['web'] === 0)
      assert.deepEqual([active('web'), active('other')], [undefined, 0])
      assert.deepEqual(
        [all('first'), all('second')],
        [
          [1, 0],
          [1, 0],
        ],
      )
    } finally {
      close()
      await plane.drain(0)
    }
  })
}
