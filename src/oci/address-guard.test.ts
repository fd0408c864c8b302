import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AddressGuard } from './address-guard.ts'

/** Istio's pkg/wasm/ssrf_test.go. */
describe('AddressGuard', () => {
  const guard = new AddressGuard()
  for (const [address, blocked] of [
    ['169.254.169.254', true],
    ['169.254.0.1', true],
    ['fe80::1', true],
    ['224.0.0.1', true],
    ['ff02::1', true],
    ['100.100.100.200', true],
    ['100.100.100.201', false],
    ['fd00:ec2::230', true],
    ['fd00:ec2::254', true],
    ['fd01::1', false],
    ['::ffff:169.254.169.254', true],
    ['64:ff9b::a9fe:a9fe', true],
    ['10.0.0.1', false],
    ['127.0.0.1', false],
    ['::1', false],
    ['8.8.8.8', false],
  ] as const) {
    it(`${address} is ${blocked ? 'blocked' : 'allowed'}`, () => assert.equal(guard.blocks(address), blocked))
  }

  it('takes configured ranges and leaves out what is none', () => {
    const own = new AddressGuard(['10.0.0.0/8', 'nonsense', '10.0.0.0/99', 'fd00::/8'])
    assert.equal(own.blocks('10.1.2.3'), true)
    assert.equal(own.blocks('fd12::1'), true)
    assert.equal(own.blocks('11.1.2.3'), false)
  })

  it('judges what a name resolves to', async () => {
    const own = new AddressGuard(['127.0.0.0/8', '::1/128'])
    const outcome = new Promise((resolve) => own.lookup('localhost', { all: true }, (error) => resolve(error)))
    assert.equal(((await outcome) as { code: string }).code, 'SL3017')
    const allowed = new Promise((resolve) => guard.lookup('localhost', { all: false }, (error) => resolve(error)))
    assert.equal(await allowed, null)
  })
})
