import { readdirSync, readFileSync } from 'node:fs'
import type { CrdMetadata, CrdSpec } from '../crd.ts'
import { compileSchema, type SchemaNode, type StructuralSchema } from '../schema/index.ts'
import { parseDocuments } from '../yaml.ts'

export interface Crd {
  readonly metadata: CrdMetadata & { name: string }
  readonly spec: CrdSpec
}

const FOLDER = new URL('../../../deploy/crds/', import.meta.url)

/** The definitions of deploy/crds. */
export function deployedCrds(): Crd[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseDocuments(readFileSync(new URL(name, FOLDER), 'utf8'), name))
    .map((document) => document.object as Crd)
}

/** Their schemas by `apiVersion/kind`. */
export function deployedSchemas(): Map<string, StructuralSchema> {
  const schemas = new Map<string, StructuralSchema>()
  for (const { spec } of deployedCrds()) {
    for (const { name, schema } of spec.versions) {
      schemas.set(`${spec.group}/${name}/${spec.names.kind}`, compileSchema(schema!.openAPIV3Schema as SchemaNode))
    }
  }
  return schemas
}
