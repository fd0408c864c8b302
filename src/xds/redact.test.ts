import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonObject, toJson } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import { redact, registry } from './index.ts'

const GOOGLE = 'type.googleapis.com/google.protobuf'
const CERTIFICATE = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.TlsCertificate'
const TYPED_STRUCT = 'type.googleapis.com/xds.type.v3.TypedStruct'
const HIDDEN = 'HIDDEN'

/** `typed_config` of a provider is sensitive as a whole. */
const provider = (typed_config: JsonObject) => ({
  '@type': CERTIFICATE,
  private_key_provider: { provider_name: 'shown', typed_config },
})

const CASES: readonly (readonly [string, JsonObject])[] = [
  ['a key', { '@type': CERTIFICATE, private_key: { inline_string: HIDDEN } }],
  ['a message that is sensitive', provider({ '@type': CERTIFICATE, certificate_chain: { filename: HIDDEN } })],
  ['a text that is', provider({ '@type': `${GOOGLE}.StringValue`, value: HIDDEN })],
  ['a Struct that is', provider({ '@type': `${GOOGLE}.Struct`, value: { a: { b: [HIDDEN, 7, { c: HIDDEN }] } } })],
  [
    'a TypedStruct that is, of a type that nobody knows',
    provider({ '@type': TYPED_STRUCT, type_url: 'type.googleapis.com/a.B', value: { a: HIDDEN } }),
  ],
  [
    'in a TypedStruct, by the names of JSON',
    { '@type': TYPED_STRUCT, type_url: CERTIFICATE, value: { privateKey: { inlineString: HIDDEN } } },
  ],
  [
    'in a TypedStruct within another, by the names of JSON',
    {
      '@type': TYPED_STRUCT,
      type_url: TYPED_STRUCT,
      value: { typeUrl: CERTIFICATE, value: { private_key: { inline_string: HIDDEN } } },
    },
  ],
]

describe('redact', () => {
  for (const [what, json] of CASES) {
    test(`hides ${what}`, () => {
      const any = fromJson(AnySchema, json, { registry })
      const shown = toJson(AnySchema, any, { registry, useProtoFieldName: true })
      redact(registry, AnySchema, shown)
      const text = JSON.stringify(shown)
      assert.ok(!text.includes(HIDDEN), text)
      assert.ok(text.includes('[redacted]'), text)
    })
  }

  test('shows a Struct that is not sensitive', () => {
    const shown: JsonObject = { '@type': `${GOOGLE}.Struct`, value: { a: 'shown', b: 7 } }
    redact(registry, AnySchema, shown)
    assert.deepEqual(shown['value'], { a: 'shown', b: 7 })
  })
})
