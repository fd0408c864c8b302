import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { RouteMatchSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { compileRouteMatch } from './route-match.ts'

const stringMatch = { exact: 'ü' }
const CASES: readonly (readonly [JsonObject, string])[] = [
  [{ path: '/café' }, '/café'],
  [{ path: '/CAFé', caseSensitive: false }, '/Café'],
  [{ prefix: '/日' }, '/日本'],
  [{ pathSeparatedPrefix: '/é' }, '/é/x'],
  [{ safeRegex: { regex: '/é+' } }, '/é'],
  [{ prefix: '/', queryParameters: [{ name: 'q', stringMatch }] }, '/?q=ü'],
]

for (const [match, path] of CASES) {
  test(`${JSON.stringify(match)} is for the bytes of ${path}`, () => {
    const matcher = compileRouteMatch(fromJson(RouteMatchSchema, match), 'match')
    const matches = (text: string) => matcher.matches(text, new HeaderMap([':path', text]))
    assert.equal(matches(byteString(path)), true)
    assert.equal(matches(path), false)
  })
}
