/** Modules from real SDKs, built here, on our host, our proxy and Envoy: one configuration for each capability. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { envoy } from '../../peers/index.ts'
import type { Case, Seen } from './case.ts'
import { SDK_CASES } from './cases/sdks.ts'
import { compare } from './compare.ts'
import { onEnvoy } from './differences.ts'
import { SDKS, sdkModule } from './modules/sdks.ts'
import { runOnEnvoy } from './targets/envoy.ts'
import { HostTarget } from './targets/host.ts'
import { runOnSluice } from './targets/sluice.ts'

const peer = await envoy()

for (const sdk of Object.keys(SDKS)) {
  const module = await sdkModule(sdk)
  const modules = new Map([[`sdk-${sdk}`, module.path]])
  const cases = SDK_CASES.filter((one) => one.module === `sdk-${sdk}`)
  const check = (one: Case, seen: Seen | undefined) => {
    assert.ok(seen !== undefined, 'the case did not run')
    assert.deepEqual(compare(one, seen), [], one.source)
  }

  describe(`${sdk} on our host`, { skip: module.skip }, () => {
    const target = new HostTarget(modules)
    for (const one of cases) it(one.id, async () => check(one, await target.run(one)))
  })

  describe(`${sdk} on our proxy`, { skip: module.skip }, () => {
    let seen = new Map<string, Seen>()
    before(async () => {
      seen = await runOnSluice(cases, modules)
    })
    for (const one of cases) it(one.id, () => check(one, seen.get(one.id)))
  })

  describe(`${sdk} on Envoy`, { skip: module.skip || peer.skip }, () => {
    let seen = new Map<string, Seen>()
    before(async () => {
      seen = await runOnEnvoy(peer.path, cases, modules)
    })
    for (const one of cases) it(one.id, () => check(onEnvoy(one), seen.get(one.id)))
  })
}
