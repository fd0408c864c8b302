import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { AddressSchema } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { httpListener } from '../testing.ts'
import { parseMessage } from './text.ts'
import { unexpectedFields } from './unexpected-fields.ts'

/** As the bytes of a newer API hold it: a number that no message of ours has. */
const NEW = { no: 7777, wireType: 0, data: Uint8Array.of(1) }
const again = (listener: ReturnType<typeof listenerOf>) =>
  fromBinary(ListenerSchema, toBinary(ListenerSchema, listener))
const listenerOf = (yaml: string) => parseMessage(ListenerSchema, yaml, 'test')
const found = (listener: ReturnType<typeof listenerOf>) => unexpectedFields(ListenerSchema, again(listener), 'l')

describe('unexpected fields', () => {
  test('none in what is all known', () => {
    assert.deepEqual(found(listenerOf(httpListener({}))), [])
  })

  test('those that nothing of ours has a name for: of the message, within, in lists, in what is packed', () => {
    const listener = listenerOf(httpListener({}))
    listener.$unknown = [NEW, NEW]
    const [chain] = listener.filterChains
    chain.$unknown = [NEW]
    const config = chain.filters[0].configType.value as Any
    config.value = Buffer.concat([config.value, Buffer.from([0x88, 0xe6, 0x03, 0x01])])
    const unknown = (typeName: string, path: string, field = '7777') => ({ kind: 'unknown', typeName, field, path })
    assert.deepEqual(found(listener), [
      unknown('envoy.config.listener.v3.Listener', 'l'),
      unknown('envoy.config.listener.v3.FilterChain', 'l.filter_chains[0]'),
      unknown(
        'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
        'l.filter_chains[0].filters[0].typed_config',
        '7777',
      ),
    ])
  })

  test('deprecated ones', () => {
    const cluster = parseMessage(ClusterSchema, '{ name: c, http2_protocol_options: {} }', 'test')
    assert.deepEqual(unexpectedFields(ClusterSchema, cluster, 'c'), [
      {
        kind: 'deprecated',
        typeName: 'envoy.config.cluster.v3.Cluster',
        field: 'http2_protocol_options',
        path: 'c.http2_protocol_options',
      },
    ])
  })

  test('an Any in an Any in an Any ends somewhere', () => {
    let any = create(AnySchema, { typeUrl: 'x/google.protobuf.Empty' })
    for (let i = 0; i < 5000; i++)
      any = create(AnySchema, { typeUrl: 'x/google.protobuf.Any', value: toBinary(AnySchema, any) })
    assert.deepEqual(unexpectedFields(AnySchema, any, 'a'), [])
  })

  test('any unknown field is found, and none that is known', () => {
    const field = fc.record({ no: fc.integer({ min: 100, max: 2 ** 29 - 1 }), data: fc.uint8Array({ maxLength: 8 }) })
    fc.assert(
      fc.property(fc.uniqueArray(field, { selector: ({ no }) => no, maxLength: 4 }), (fields) => {
        const address = parseMessage(AddressSchema, '{ pipe: { path: /p } }', 'test')
        if (address.address.case !== 'pipe') return
        address.address.value.$unknown = fields.map(({ no, data }) => {
          return { no, wireType: 2, data: Uint8Array.of(data.length, ...data) }
        })
        const read = fromBinary(AddressSchema, toBinary(AddressSchema, address))
        assert.deepEqual(
          unexpectedFields(AddressSchema, read, 'a').map(({ field, path }) => `${path} ${field}`),
          fields.map(({ no }) => `a.pipe ${no}`),
        )
      }),
    )
  })
})
