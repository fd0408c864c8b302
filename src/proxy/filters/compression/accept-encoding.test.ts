import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Candidate, Compressors, choose } from './accept-encoding.ts'

const candidate = (encoding: string, chooseFirst = false, types: string[] = ['text/plain']): Candidate => ({
  encoding,
  chooseFirst,
  types: new Set(types),
})
const CHAIN = [candidate('br'), candidate('gzip'), candidate('zstd', true)]

for (const [accepted, encoding, counter] of [
  ['gzip', 'gzip', undefined],
  ['GZIP', 'gzip', undefined],
  ['gzip, br', 'gzip', undefined],
  ['gzip, br;q=1', 'gzip', undefined],
  ['gzip;q=0.5, br;q=0.6', 'br', undefined],
  ['gzip, br, zstd', 'zstd', undefined],
  ['zstd, gzip, br', 'zstd', undefined],
  ['gzip, zstd;q=0.9', 'gzip', undefined],
  ['*, gzip;q=0.5', 'br', 'wildcard'],
  ['*, br;q=0', 'gzip', 'wildcard'],
  ['identity, gzip;q=0.5', 'identity', 'identity'],
  ['identity;q=0.5, gzip', 'gzip', undefined],
  ['', 'identity', 'notValid'],
  ['deflate', 'identity', 'notValid'],
  ['gzip;q=0', 'identity', 'notValid'],
  ['*;q=0', 'identity', 'notValid'],
  ['gzip;q=x', 'identity', 'notValid'],
  ['gzip;q=', 'identity', 'notValid'],
  ['gzip;q', 'gzip', undefined],
  ['gzip;q=inf', 'gzip', undefined],
  ['gzip;q=0b1', 'identity', 'notValid'],
  ['gzip;q=0o1', 'identity', 'notValid'],
  ['gzip;q=+-1', 'identity', 'notValid'],
  ['gzip;q=1e3', 'gzip', undefined],
  ['gzip;q=0.4, br;q=0x.8', 'br', undefined],
  ['gzip;q=0.4, br;q=+0x1p-2', 'gzip', undefined],
  ['gzip;q=1e-46', 'identity', 'notValid'],
  ['identity;q=0.5, gzip;q=0.50000001', 'identity', 'identity'],
  [' gzip ; q = 0.5 ,', 'gzip', undefined],
  ['br;q=0, gzip;q=0, zstd;q=0, *', 'identity', 'notValid'],
] as const) {
  test(`accept-encoding: ${accepted}`, () => {
    assert.deepEqual(choose(accepted, CHAIN), { encoding, counter })
  })
}

test('of two with one encoding the first counts', () => {
  assert.equal(choose('br, gzip', [candidate('gzip'), candidate('br'), candidate('gzip', true)]).encoding, 'br')
})

test('only those that compress the type; the first that is asked decides for all', () => {
  const all = new Compressors()
  all.add(candidate('gzip', false, ['text/css']))
  all.add(candidate('br'))
  assert.equal(all.decide('gzip, br;q=0.5', 'text/plain').encoding, 'br')
  assert.equal(all.decide('gzip', 'text/css').encoding, 'br')
})

test('whatever clients send: what is chosen is theirs and ours', () => {
  const token = fc.constantFrom('gzip', 'br', 'zstd', 'identity', '*', 'deflate', 'Gzip', '', 'é')
  const parameter = fc.oneof(
    fc.constantFrom('', ';q=0', ';q=1', ';q=0.5', '; Q=0.3', ';q', ';q=-1', ';x=1'),
    fc.string(),
  )
  const header = fc.array(fc.tuple(token, parameter).map((pair) => pair.join(''))).map((parts) => parts.join(','))
  fc.assert(
    fc.property(header, fc.subarray(CHAIN), (accepted, candidates) => {
      const { encoding, counter } = choose(accepted, candidates)
      if (encoding === 'identity') return counter === 'identity' || counter === 'notValid'
      const named = accepted.toLowerCase().includes(encoding) || counter === 'wildcard'
      return named && candidates.some((one) => one.encoding === encoding)
    }),
  )
})
