/** The conformance table, on our host, on our whole proxy and on Envoy; see CONTRIBUTING.md for how to add a case. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { envoy } from '../../peers/index.ts'
import type { Case, Seen } from './case.ts'
import { TABLE } from './cases/index.ts'
import { compare } from './compare.ts'
import { DIFFERENCES, onEnvoy } from './differences.ts'
import { modulesFor } from './modules/index.ts'
import { runOnEnvoy } from './targets/envoy.ts'
import { HostTarget } from './targets/host.ts'
import { runOnSluice } from './targets/sluice.ts'

const modules = await modulesFor(TABLE)
const peer = await envoy()

function check(one: Case, seen: Seen | undefined): void {
  assert.ok(seen !== undefined, 'the case did not run')
  const wrong = compare(one, seen)
  assert.deepEqual(wrong, [], `${one.source}\n  ${wrong.join('\n  ')}`)
}

describe('on our host', () => {
  const target = new HostTarget(modules)
  for (const one of TABLE.filter(({ needsProxy }) => needsProxy !== true)) {
    it(one.id, async () => check(one, await target.run(one)))
  }
})

describe('on Envoy', { skip: peer.skip }, () => {
  const cases = TABLE.filter(({ hostOnly }) => hostOnly === undefined)
  let seen = new Map<string, Seen>()
  before(async () => {
    seen = await runOnEnvoy(peer.path, cases, modules)
  })
  for (const one of cases) it(one.id, () => check(onEnvoy(one), seen.get(one.id)))
})

describe('on our proxy', () => {
  // What is refused is told by the host alone; and a configuration for Envoy has no place for settings of ours.
  const cases = TABLE.filter(({ refused, plugin }) => refused === undefined && plugin?.passInvalidUtf8 !== true)
  let seen = new Map<string, Seen>()
  before(async () => {
    seen = await runOnSluice(cases, modules)
  })
  for (const one of cases) it(one.id, () => check(one, seen.get(one.id)))
})

describe('the table', () => {
  it('has at least 400 cases, each with a name of its own and a source', () => {
    assert.ok(TABLE.length >= 400, String(TABLE.length))
    assert.equal(new Set(TABLE.map(({ id }) => id)).size, TABLE.length)
    assert.deepEqual(
      TABLE.filter(({ source }) => source.length < 10).map(({ id }) => id),
      [],
    )
  })

  it('expects something in every case', () => {
    const empty = TABLE.filter((one) => {
      const said = one.log ?? one.startLog ?? one.logIncludes ?? one.refused
      return said === undefined && !(one.exchanges ?? []).some(({ expect }) => expect !== undefined)
    })
    assert.deepEqual(
      empty.map(({ id }) => id),
      [],
    )
  })

  it('explains differences of cases that exist', () => {
    const ids = new Set(TABLE.map(({ id }) => id))
    for (const [id, { reason }] of Object.entries(DIFFERENCES)) {
      assert.ok(ids.has(id), id)
      assert.ok(reason.length > 20, id)
    }
  })
})
