import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { ExprSchema } from '../../../gen/google/api/expr/v1alpha1/syntax_pb.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { NO_LISTENER } from '../context.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { celCondition } from './expression.ts'
import { StreamInfo } from './stream-info.ts'

const place = { node: create(NodeSchema, { id: 'n1' }), listener: { ...NO_LISTENER, name: 'l', direction: 1 as const } }
const compile = (text: string) => celCondition(text, 'where.expression', place)

function stream(path: string): StreamInfo {
  const info = new StreamInfo({ remoteAddress: '10.0.0.1', remotePort: 7 } as ConnectionInfo)
  info.requestHeaders = new HeaderMap()
  info.requestHeaders.add(':path', path)
  return info
}

/** Expressions, and what is said of them; Envoy 1.40 refuses the same. */
const REFUSED: [string, RegExp][] = [
  ['', /where\.expression: not a valid expression: <input>:1:1: found end of input/],
  ['1 +', /<input>:1:3: found \+ but expecting end of input/],
  ['frob(1)', /undeclared reference to 'frob'/],
  [`'a'.frob()`, /undeclared reference to 'frob'/],
  [`request.headers.exists(h, h == 'x')`, /comprehensions \(all, exists, map, filter\) are not supported/],
  [`request.path.matches('(')`, /missing|paren/],
]

/** Trees, as RBAC has them. */
const TREES: [string, JsonValue, RegExp][] = [
  ['nothing', {}, /where\.expression: not a valid expression: an expression is empty/],
  ['an empty operand', { callExpr: { function: '!_', args: [{}] } }, /an expression is empty/],
  ['too few operands', { callExpr: { function: '_==_' } }, /'_==_' takes 2 operands, not 0/],
  ['too few branches', { callExpr: { function: '_?_:_', args: [truth()] } }, /'_\?_:_' takes 3 operands, not 1/],
  ['an unknown function', { callExpr: { function: 'frob', args: [truth()] } }, /undeclared reference to 'frob'/],
  ['a loop', { comprehensionExpr: { iterVar: 'x' } }, /comprehensions/],
]

function truth(): JsonValue {
  return { constExpr: { boolValue: true } }
}

describe('conditions in CEL', () => {
  for (const [text, message] of REFUSED) {
    it(`refuses «${text}»`, () => assert.throws(() => compile(text), { code: 'SL5002', message }))
  }

  for (const [name, tree, message] of TREES) {
    it(`refuses a tree with ${name}`, () =>
      assert.throws(() => celCondition(fromJson(ExprSchema, tree), 'where.expression', place), {
        code: 'SL5002',
        message,
      }))
  }

  it('reads one stream after the other, and what holds for the whole listener', () => {
    const condition = compile(`request.path == '/a' && xds.node.id == 'n1' && xds.listener_direction == 1`)
    assert.deepEqual(['/a', '/b', '/a'].map(stream).map(condition), [true, false, true])
  })

  it('does not hold where it fails or gives no truth value', () => {
    for (const text of ['request.path', '1 / 0 == 1', 'elsewhere', 'response.code == 200', `request['x'] == 1`])
      assert.equal(compile(text)(stream('/')), false, text)
  })
})
