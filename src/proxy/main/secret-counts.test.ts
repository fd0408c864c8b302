import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { logger } from '../../telemetry/log.ts'
import { Authority } from '../listener/testing.ts'
import { StatsStore } from '../stats/store.ts'
import { FieldWatch } from './field-watch.ts'
import { SecretUpdates } from './secret-updates.ts'

test('a secret that is given up while it is put into force leaves no counters behind', async () => {
  const { cert, key } = await (await new Authority().start()).issue([{ type: 'dns', value: 'one.example' }])
  const put = Promise.withResolvers<void>()
  const users = {
    put: () => put.promise,
    drop: async () => {},
    renew: async () => [],
    arrived: async () => {},
    inTurn: () => {},
  }
  const stats = new StatsStore()
  const secrets = new SecretUpdates(users, new FieldWatch(new StatsStore(), logger('test')), stats, logger('test'))
  const of = (inlineString: string) => ({ specifier: { case: 'inlineString' as const, value: inlineString } })
  const secret = create(SecretSchema, {
    name: 's',
    type: { case: 'tlsCertificate', value: { certificateChain: of(cert), privateKey: of(key) } },
  })
  const done = secrets.apply([{ name: 's', version: '1', resource: anyPack(SecretSchema, secret) }])
  secrets.forget('s')
  stats.keepOnly('sds.', new Set())
  put.resolve()
  await done
  assert.deepEqual(Object.keys(stats.snapshot().counters), [])
})
