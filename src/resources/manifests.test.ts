import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { admit } from './admit/index.ts'
import type { KubeObject } from './object.ts'
import { deployedSchemas } from './testing/crd-files.ts'
import { parseDocuments } from './yaml.ts'

const ROOT = new URL('../../', import.meta.url)
const schemas = deployedSchemas()
const files = globSync('{samples,deploy/standalone,extensions,templates}/**/*.yaml', { cwd: ROOT.pathname }).sort()

test('there are manifests to check', () => assert.ok(files.some((file) => file.startsWith('samples/bookinfo/'))))

for (const file of files) {
  test(`${file} is accepted without a word`, () => {
    for (const { object, line } of parseDocuments(readFileSync(new URL(file, ROOT), 'utf8'), file)) {
      const one = object as KubeObject
      const schema = schemas.get(`${one.apiVersion}/${one.kind}`)
      if (schema === undefined) continue
      assert.deepEqual(schema.prune(one), [], `${file}:${line}: unknown fields`)
      schema.applyDefaults(one)
      assert.deepEqual(schema.validate(one), [], `${file}:${line}`)
      assert.deepEqual(admit(one), { errors: [], warnings: [] }, `${file}:${line}`)
    }
  })
}
