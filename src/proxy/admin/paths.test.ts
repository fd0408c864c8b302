import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, httpListener, testProxy, upstream } from '../testing.ts'
import { checkParameters, PATHS } from './paths.ts'

const asked = (path: string) => {
  const { pathname, searchParams } = new URL(path, 'http://admin')
  return () => checkParameters(pathname, searchParams)
}

const REFUSED: readonly (readonly [path: string, reason: string])[] = [
  ['/clusters?fliter=a', '/clusters has no parameter «fliter»; there are filter, format'],
  ['/ready?verbose', '/ready has no parameter «verbose»; there are no parameters'],
  ['/stats?format=html', '/stats knows no format «html»; there are text, json, prometheus'],
  ['/stats?type=counters', '/stats knows no type «counters»; there are All, Counters, Gauges, Histograms'],
  ['/config_dump?mask=configs', '/config_dump has no parameter «mask»; there are resource, name_regex, include_eds'],
]

for (const [path, message] of REFUSED) test(`${path} is refused`, () => assert.throws(asked(path), { message }))

test('what is there is taken, and the levels of the log whatever their names', () => {
  for (const path of ['/stats?filter=a&usedonly&type=Gauges&format=json', '/config_dump?include_eds', '/logging?any=x'])
    assert.doesNotThrow(asked(path), path)
})

test('a running proxy has these paths and no others, and heeds their parameters', async () => {
  const up = await upstream()
  const proxy = await testProxy([httpListener({})], [cluster(up.port)], { admin: { host: '127.0.0.1', port: 0 } })
  const get = async (path: string) => {
    const answer = await fetch(`http://${proxy.adminAddress}${path}`)
    return { status: answer.status, text: await answer.text() }
  }
  try {
    for (const [path, { post }] of Object.entries(PATHS)) {
      assert.equal((await get(path)).status, post === true ? 405 : 200, path)
    }
    const nowhere = await get('/nowhere')
    assert.equal(nowhere.status, 404)
    assert.match(nowhere.text, /\n\/clusters: .*\n {4}filter: .*\n {4}format: .* \(text, json\)\n/)
    assert.equal((await get('/stats?format=html')).status, 400)

    assert.equal((await get('/clusters?filter=^nobody')).text, '')
    assert.match((await get('/clusters?filter=^up$')).text, /^up::/)
    assert.deepEqual(JSON.parse((await get('/clusters?format=json&filter=nobody')).text), { cluster_statuses: [] })
    const counters = (await get('/stats?type=Counters')).text
    assert.match(counters, /cluster\.up\.upstream_rq_total: 0\n/)
    assert.doesNotMatch(counters, /membership_total|upstream_rq_time:/)
    const dump = await get('/config_dump?resource=listeners')
    assert.match(dump.text, /^listeners not found in config dump; there are static_clusters, /)
    assert.equal(dump.status, 404)
  } finally {
    await proxy.close()
    await up.close()
  }
})
