import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FILTERS, httpListener, testProxy } from '../../testing.ts'

const listener = (service: string, filter = '') =>
  httpListener({
    filters: [
      `{ name: a, typed_config: { "@type": ${FILTERS}.http.ext_authz.v3.ExtAuthz, http_service: { server_uri: { uri: "http://a", cluster: a, timeout: 1s }${service} }${filter} } }`,
    ],
  })

// Envoy refuses the same.
const REFUSED: readonly (readonly [made: string, problem: RegExp])[] = [
  [listener(', path_prefix: a'), /path_prefix: must begin with/],
  [listener('', ', allowed_headers: {}'), /allowed_headers\.patterns: at least one/],
  [
    listener(
      ', authorization_request: { allowed_headers: { patterns: [{ exact: a }] } }',
      ', allowed_headers: { patterns: [{ exact: b }] }',
    ),
    /authorization_request\.allowed_headers: stands beside/,
  ],
]

for (const [made, problem] of REFUSED) {
  test(`ext_authz by HTTP, refused: ${problem.source}`, async () => {
    await assert.rejects(testProxy([made], []), problem)
  })
}
