import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { deflateSync, inflateSync } from 'node:zlib'
import { create } from '@bufbuild/protobuf'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { STATUS } from '../abi/constants.ts'
import { createTestHost, Dictionary, Proto, Struct } from '../index.ts'
import { guest } from '../testing/wat-guest.ts'
import { FOREIGN_FUNCTIONS } from './functions.ts'
import { BinaryWriter, readFlat } from './wire.ts'

const node = create(NodeSchema, { metadata: { NAME: 'pod-1' }, locality: { region: 'eu' } })
const host = createTestHost({ attributes: new Map([['xds.node', new Proto(NodeSchema, node)]]) })
const plugin = host.start(guest(''))
const stream = host.stream(plugin)
stream.request([
  [':path', '/a'],
  ['x-role', 'admin'],
  ['x-two', '1'],
  ['x-key', 'x-role'],
])
stream.attributes.set('request.time', 1_700_000_000_000_000_001n)
stream.attributes.set('connection.mtls', true)
stream.attributes.set('request.size', 12)
stream.attributes.set(
  'metadata.filter_metadata',
  new Dictionary((ns) => (ns === 'ns' ? new Struct({ k: 'v', n: 2 }) : undefined)),
)

/** Calls as from within a request callback of the stream. */
function call(name: string, args: Uint8Array | string): Uint8Array | number {
  const { vm } = plugin
  vm.budget = 1_000_000
  vm.current = stream.context
  const fn = FOREIGN_FUNCTIONS.get(name)
  assert.ok(fn !== undefined)
  return fn(vm, Buffer.from(args as string))
}

const bytes = (result: Uint8Array | number) => (typeof result === 'number' ? result : Buffer.from(result))

describe('foreign functions', () => {
  it('compress and uncompress speak zlib', () => {
    const text = Buffer.from('hello hello hello')
    assert.deepEqual(inflateSync(call('compress', text) as Uint8Array), text)
    assert.deepEqual(bytes(call('uncompress', deflateSync(text))), text)
    assert.equal(call('uncompress', 'no zlib'), STATUS.serializationFailure)
  })

  it('uncompress stops a bomb', () => {
    assert.equal(call('uncompress', deflateSync(Buffer.alloc(17 << 20))), STATUS.serializationFailure)
  })

  describe('signatures', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const der = rsa.publicKey.export({ format: 'der', type: 'spki' })
    const pem = String(rsa.publicKey.export({ format: 'pem', type: 'spki' }))
    const text = Buffer.from('signed text')
    const signature = sign('sha256', text, rsa.privateKey)
    const ask = (fields: [number, Uint8Array | string][]) => {
      const out = new BinaryWriter()
      for (const [field, value] of fields) out.uint32((field << 3) | 2).bytes(Buffer.from(value as string))
      return out.finish()
    }
    const VERIFY: [string, [number, Uint8Array | string][], boolean | number][] = [
      [
        'a DER key',
        [
          [1, 'sha256'],
          [2, der],
          [3, signature],
          [4, text],
        ],
        true,
      ],
      [
        'a PEM key',
        [
          [1, 'SHA256'],
          [5, pem],
          [3, signature],
          [4, text],
        ],
        true,
      ],
      [
        'another text',
        [
          [1, 'sha256'],
          [2, der],
          [3, signature],
          [4, 'other'],
        ],
        false,
      ],
      [
        'an unknown hash',
        [
          [1, 'md4'],
          [2, der],
          [3, signature],
          [4, text],
        ],
        false,
      ],
      [
        'a broken key',
        [
          [1, 'sha256'],
          [2, 'nonsense'],
          [3, signature],
          [4, text],
        ],
        false,
      ],
      [
        'no key',
        [
          [1, 'sha256'],
          [3, signature],
          [4, text],
        ],
        STATUS.badArgument,
      ],
      [
        'two keys',
        [
          [1, 'sha256'],
          [2, der],
          [5, pem],
          [3, signature],
          [4, text],
        ],
        STATUS.badArgument,
      ],
    ]
    for (const [name, fields, expected] of VERIFY) {
      it(`verify_signature with ${name}`, () => {
        const result = call('verify_signature', ask(fields))
        assert.equal(typeof result === 'number' ? result : readFlat(result)?.int(1) === 1, expected)
      })
    }

    it('sign makes what verifies', () => {
      const key = rsa.privateKey.export({ format: 'der', type: 'pkcs8' })
      const result = readFlat(
        call(
          'sign',
          ask([
            [1, 'sha256'],
            [2, key],
            [3, text],
          ]),
        ) as Uint8Array,
      )
      assert.equal(result?.int(1), 1)
      assert.ok(verify('sha256', text, rsa.publicKey, result?.bytes(2) ?? Buffer.alloc(0)))
    })
  })

  it('set_envoy_filter_state writes under the name itself', () => {
    const out = new BinaryWriter().uint32(10).string('envoy.key').uint32(18).bytes(Buffer.from('value')).finish()
    call('set_envoy_filter_state', out)
    assert.equal(Buffer.from(stream.filterState.get('envoy.key') ?? []).toString(), 'value')
  })

  const u32 = (n: number) => Buffer.of(n, 0, 0, 0)

  /** CEL text, and what expr_evaluate gives: bytes as a property, or a status. */
  const EXPRESSIONS: [string, Buffer | number][] = [
    [`request.path`, Buffer.from('/a')],
    [`request.path == '/a'`, Buffer.of(1)],
    [`request.headers['x-role'] == 'admin' && connection.mtls`, Buffer.of(1)],
    [`request.headers['x-none']`, STATUS.internalFailure],
    [`request.size + 30`, Buffer.from([42, 0, 0, 0, 0, 0, 0, 0])],
    [`metadata.filter_metadata['ns'].k`, Buffer.from('v')],
    [`metadata.filter_metadata['ns']['n'] > 1.0`, Buffer.of(1)],
    [`plugin_name`, Buffer.from('test')],
    [`has(request.headers.nothing)`, Buffer.of(0)],
    [`request.path.matches('^/[a-z]$')`, Buffer.of(1)],
    [`unknown_variable`, STATUS.internalFailure],
    [`1 / 0`, STATUS.internalFailure],
    [`null`, STATUS.notFound],
    [`request.headers['X-Role'] + request.headers[request.headers['x-key']]`, Buffer.from('adminadmin')],
    [`'x-role' in request.headers && size(request.headers) > 2`, Buffer.of(1)],
    [`request.time > timestamp('2020-01-01T00:00:00Z')`, Buffer.of(1)],
    [`request.time`, Buffer.from('01002a36fe9c9717', 'hex')],
    [`xds.node.metadata.NAME == 'pod-1'`, Buffer.of(1)],
    [`xds.node.locality.region`, Buffer.from('eu')],
  ]
  for (const [text, expected] of EXPRESSIONS) {
    it(`evaluates ${text}`, () => {
      const token = call('expr_create', text)
      assert.ok(token instanceof Uint8Array, `expr_create: ${token}`)
      assert.deepEqual(bytes(call('expr_evaluate', token)), expected)
      assert.deepEqual(bytes(call('expr_delete', token)), Buffer.alloc(0))
      assert.equal(call('expr_evaluate', token), STATUS.notFound)
    })
  }

  const REFUSED: [string, string][] = [
    ['what is not CEL', 'request.'],
    ['comprehensions (as Envoy: a short text could run for ever)', '[1,2].all(x, [1,2].all(y, true))'],
    ['functions that there are not', 'frob(1)'],
    ['patterns that are none', `request.path.matches('(')`],
    ['long texts', `'${'x'.repeat(5000)}'`],
  ]
  for (const [name, text] of REFUSED)
    it(`refuses ${name}`, () => assert.equal(call('expr_create', text), STATUS.badArgument))

  it('keeps no more expressions than allowed', () => {
    let status: Uint8Array | number = 0
    for (let i = 0; i < 300; i++) status = call('expr_create', '1')
    assert.equal(status, STATUS.internalFailure)
    assert.equal(call('expr_evaluate', u32(0)), STATUS.notFound)
  })
})
