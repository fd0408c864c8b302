import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { kubectl } from '../peers/index.ts'
import { BASIC_AUTH } from './basic-auth.ts'
import { Instance } from './instance.ts'
import { Load } from './load.ts'

const peer = await kubectl('1.33')

test('applies and deletes under load lose no request', { skip: peer.skip }, async () => {
  await using instance = await Instance.start()
  const file = join(instance.home, 'basic-auth.yaml')
  writeFileSync(file, BASIC_AUTH)
  const load = new Load(`http://127.0.0.1:${instance.ports['http']}/productpage`, 4)
  for (let round = 0; round < 10; round++) {
    const denied = load.first(401)
    assert.equal((await instance.shell(`kubectl apply -f ${file}`)).code, 0)
    await denied
    const open = load.first(200)
    assert.equal((await instance.shell(`kubectl delete -f ${file}`)).code, 0)
    await open
  }
  const { statuses } = await load.stop()
  assert.deepEqual([...statuses.keys()].sort(), [200, 401])
})
