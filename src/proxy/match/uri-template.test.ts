import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { TypedExtensionConfigSchema } from '../../../gen/envoy/config/core/v3/extension_pb.ts'
import { anyYaml } from '../testing.ts'
import { uriTemplateMatch } from './uri-template.ts'

const compile = (template: string) =>
  uriTemplateMatch(
    create(TypedExtensionConfigSchema, {
      typedConfig: anyYaml(
        `{ "@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: "${template}" }`,
      ),
    }),
    'at',
  )

test('templates that Envoy refuses, too', () => {
  for (const [template, why] of [
    ['a', /must begin with/],
    ['/**/*', /behind \*\*/],
    ['/{a=**}/{b}', /behind \*\*/],
    ['/{a}/{a}', /stands twice/],
    ['/{a}/{b}/{c}/{d}/{e}/{f}', /more than 5/],
    ['/{a', /is no pattern/],
    ['/{1}', /is no pattern/],
    ['/a|b', /holds what no path does/],
  ] as const)
    assert.throws(() => compile(template), why, template)
})
