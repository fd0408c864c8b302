/** Formats of an access log as they may be and as they may not: both proxies take or refuse the same ones. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { messageOf } from '../../../src/errors.ts'
import { textFormat } from '../../../src/proxy/http/substitution.ts'
import type { Case } from '../../parity/case.ts'
import { bootstrapOf } from '../../parity/config.ts'
import { startEnvoy } from '../../parity/proxies.ts'
import { envoy } from '../../peers/index.ts'
import { assertNone } from '../assert-none.ts'
import { refusals } from '../refusals.ts'
import { PLAIN } from './access-log.ts'
import { adminOf, byDiscovery } from './compare.ts'

const peer = await envoy()

const WITH_HEADER = ['REQ', 'RESP', 'TRAILER', 'REQUEST_HEADER', 'RESPONSE_HEADER', 'RESPONSE_TRAILER']
const NAMES = [
  ...[
    'DYNAMIC_METADATA',
    'CLUSTER_METADATA',
    'UPSTREAM_METADATA',
    'FILTER_STATE',
    'QUERY_PARAM',
    'PATH',
    'ENVIRONMENT',
    'QUERY_PARAMS',
    'UPSTREAM_FILTER_STATE',
    'COALESCE',
    'REQUESTED_SERVER_NAME',
    'ACCESS_LOG_TYPE',
    'UPSTREAM_PEER_CERT_V_END',
    'START_TIME_LOCAL',
    'EMIT_TIME_LOCAL',
  ],
  ...['GRPC_STATUS', 'START_TIME', 'EMIT_TIME', 'NONE_SUCH', 'req', 'Protocol', ''],
]
const ARGUMENTS = [
  '',
  '()',
  '(a)',
  '(NQ)',
  '(a?b)',
  '(a?b?c)',
  '(a b)',
  '(é)',
  '(a:PLAIN)',
  '(a:X)',
  '(NUMBER)',
  '(DECODED)',
  '(SNI_FIRST)',
  '(HOST_FIRST:ORIG)',
  '({"operators":["PROTOCOL",{"command":"REQ","param":"a","max_length":3}]})',
  '({"operators":[{"command":"PROTOCOL","max_length":3}]})',
  '({"operators":[]})',
  '(',
  '(a))',
]
const LENGTHS = ['', ':5', ':0', ':-1', ':x', ':', ':5:6']

/** What Envoy takes and is refused by name here. */
const REFUSED_HERE = [
  // A parenthesis too many is an operator that has not come to its end.
  /\(a\)\)/,
  /^%RESPONSE_CODE_DETAILS\(/,
  // Envoy takes what is no number of bits for none.
  /^%(UPSTREAM|DOWNSTREAM)\w*ADDRESS_WITHOUT_PORT\(/,
]

function formats(): string[] {
  const made = [...WITH_HEADER, ...NAMES].flatMap((name) =>
    ARGUMENTS.flatMap((argument) => LENGTHS.map((length) => `%${name}${argument}${length}%`)),
  )
  const plain = PLAIN.flatMap((name) => ['', '()', '(a)', ':5'].map((rest) => `%${name}${rest}%`))
  return [...made, ...plain, '%', 'a%', '%%', '%%%', '%PROTOCOL', 'PROTOCOL%', '% PROTOCOL%', '%PROTOCOL %']
}

test('formats are taken or refused alike', { skip: peer.skip }, async () => {
  const all = formats()
  const dir = mkdtempSync(join(tmpdir(), 'sluice-formats-'))
  try {
    const places = { logDir: dir, modules: '', ports: new Map<string, number[]>() }
    const cases = all.map((log, i): Case => ({ id: `format.${i}`, what: '', steps: [], log }))
    const proxy = await startEnvoy(peer.path, byDiscovery(bootstrapOf(cases, places), join(dir, 'listeners.json')), dir)
    const theirs = await refusals(adminOf(proxy)).finally(() => proxy.stop())
    const differ = all.flatMap((format, i) => {
      const [we, they] = [refusalOf(format), theirs.get(`format.${i}`)]
      if ((we === undefined) === (they === undefined)) return []
      if (we !== undefined && REFUSED_HERE.some((known) => known.test(format))) return []
      return [`${format}: ${we ?? 'taken'} ≠ ${they ?? 'taken'}`]
    })
    assertNone(differ)
    assert.ok(theirs.size > 100 && theirs.size < all.length, `Envoy refuses ${theirs.size} of ${all.length}`)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

function refusalOf(format: string): string | undefined {
  try {
    textFormat(`${format}\n`, 'log')
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
