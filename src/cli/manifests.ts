import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { SluiceError } from '../errors.ts'
import type { KubeObject } from '../kube/types.ts'
import { parseDocuments } from '../resources/yaml.ts'
import { UsageError } from './command.ts'

/** An object of a file, and where it stands in it. */
export interface Manifest {
  readonly object: KubeObject
  /** `file:line`. */
  readonly where: string
}

/** Reads files, folders (their .yaml, .yml and .json files) and `-`, standard input; no object at all is an error. */
export function readManifests(paths: readonly string[]): Manifest[] {
  const manifests = paths.flatMap(expand).flatMap((path) => {
    const text = readFileSync(path === '-' ? 0 : path, 'utf8')
    const name = path === '-' ? 'standard input' : path
    return parseDocuments(text, name).map((document) => {
      const object = document.object as KubeObject
      const where = `${name}:${document.line}`
      if (
        typeof object?.apiVersion !== 'string' ||
        typeof object.kind !== 'string' ||
        typeof object.metadata?.name !== 'string'
      ) {
        throw new SluiceError('SL6008', 'apiVersion, kind and metadata.name are needed', { where })
      }
      return { object, where }
    })
  })
  if (manifests.length === 0) throw new UsageError(`there is no object in ${paths.join(', ')}`)
  return manifests
}

function expand(path: string): string[] {
  if (path === '-' || !statSync(path).isDirectory()) return [path]
  const files = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name))
  return files.sort().map((name) => join(path, name))
}
