import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createTestHost } from '../../../src/wasm/index.ts'
import { CONFIGURES, MALFORMED, REQUESTS } from './cases.ts'
import { ABIS, moduleOf, Subject } from './support.ts'

for (const abi of ABIS) {
  describe(`basic_auth for ABI ${abi}`, async () => {
    const module = await moduleOf(abi)

    for (const [name, json, accepted] of CONFIGURES) {
      test(name, () => {
        if (accepted) new Subject(module, json)
        else assert.throws(() => new Subject(module, json), { name: 'SluiceError' })
      })
    }

    for (const [name, json, method, path, authorization, status, challenge] of REQUESTS) {
      test(name, () => {
        const headers = { ':method': method, ':path': path, ':authority': '127.0.0.1:34567' }
        const answer = new Subject(module, json).ask(authorization === '' ? headers : { ...headers, authorization })
        assert.equal(answer?.status ?? 200, status)
        if (status === 401) {
          assert.equal(answer?.challenge, challenge ?? 'Basic realm=istio')
          const reason = authorization.startsWith('Basic ')
            ? 'Invalid username and/or password'
            : 'No Basic Authentication information found.'
          assert.equal(answer?.details.replaceAll('_', ' '), `Request denied by Basic Auth check. ${reason}`)
        }
      })
    }

    for (const [name, json, accepted, said] of MALFORMED) {
      test(`configuration: ${name}`, () => {
        if (accepted) {
          assert.deepEqual(new Subject(module, json).host.logText, [])
          return
        }
        const host = createTestHost()
        assert.throws(() => host.start(module, { configuration: json }), { name: 'SluiceError' })
        assert.match(host.logText[0], said!)
        assert.equal(host.logText[1], 'warn: configuration has errors initialization will not finish')
      })
    }
  })
}
