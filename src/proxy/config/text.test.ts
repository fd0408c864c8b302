import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { DiscoveryResponseSchema } from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { TLS } from '../listener/testing.ts'
import { parseMessage, readMessage } from './text.ts'

describe('readMessage', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-text-'))

  after(() => rmSync(dir, { recursive: true }))

  function read(name: string, content: string | Uint8Array) {
    const file = join(dir, name)
    writeFileSync(file, content)
    return readMessage(DiscoveryResponseSchema, file)
  }

  const json = '{ "version_info": "7" }'
  const yaml = 'version_info: "7"'

  for (const [name, content] of [
    ['a.yaml', yaml],
    ['a.YML', yaml],
    ['a.json', json],
    ['a', json],
    ['a.pb', toBinary(DiscoveryResponseSchema, parseMessage(DiscoveryResponseSchema, yaml, 'test'))],
  ] as const) {
    test(`by its ending: ${name}`, () => assert.equal(read(name, content).versionInfo, '7'))
  }

  const secret = (fields: string) => `resources: [{ "@type": ${TLS}.Secret, name: a, ${fields} }]`
  for (const [name, content, problem] of [
    ['b', yaml, /b: Unexpected token/],
    ['b.pb', 'none', /b\.pb: /],
    ['b.pb_text', '', /b\.pb_text: the text form of protobuf/],
    ['b.yaml', secret('key: HIDDEN'), /Secret from JSON: key "key" is unknown$/],
    [
      'b.yaml',
      secret('tls_certificate: { private_key: HIDDEN }'),
      /message envoy\.config\.core\.v3\.DataSource from JSON: "…"$/,
    ],
    [
      'b.yaml',
      secret('tls_certificate: { private_key: { inline_string: "HIDDEN"x } }'),
      /b\.yaml: no YAML at line 1, column \d+ \(UNEXPECTED_TOKEN\)$/,
    ],
    ['b.yaml', secret('tls_certificate: *HIDDEN'), /an alias that cannot be resolved$/],
    ['b.json', '{ "resources": "HIDDEN" }', /DiscoveryResponse\.resources from JSON: expected Array, got "…"$/],
    ['b.json', 'HIDDEN', /b\.json: Unexpected token/],
  ] as const) {
    test(`refused, and nothing told of the content: ${name} ${problem.source}`, () => {
      assert.throws(
        () => read(name, content),
        ({ message }: Error) => problem.test(message) && !message.includes('HIDDEN'),
      )
    })
  }

  test('nor do warnings tell of it', (context) => {
    const warn = context.mock.method(process, 'emitWarning', () => {})
    const { resources } = read('b.yaml', secret('tls_certificate: { private_key: { inline_string: !vault HIDDEN } }'))
    assert.equal(resources.length, 1)
    assert.equal(warn.mock.callCount(), 0)
  })

  test('no broken file tells a key', () => {
    const whole = JSON.stringify({
      resources: [{ '@type': `${TLS}.Secret`, session_ticket_keys: { keys: ['HIDDEN-KEY'] } }],
    })
    const name = fc.constantFrom('c.json', 'c.yaml')
    fc.assert(
      fc.property(name, fc.nat(whole.length), fc.nat(3), fc.string({ maxLength: 2 }), (file, at, gone, more) => {
        try {
          read(file, whole.slice(0, at) + more + whole.slice(at + gone))
        } catch (error) {
          assert.doesNotMatch((error as Error).message, /HIDDEN|DEN-KEY/)
        }
      }),
    )
  })
})
