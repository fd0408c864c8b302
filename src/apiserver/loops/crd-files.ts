import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { SluiceError } from '../../errors.ts'
import type { ApiObject } from '../object.ts'
import type { Api } from '../rest/context.ts'
import { ensure } from './namespaces.ts'

/** Creates or updates the CRDs of these folders: the same files a real cluster installs. */
export function loadCrds(api: Api, directories: readonly string[]): void {
  for (const directory of directories) {
    for (const name of readdirSync(directory).sort()) {
      if (!/\.ya?ml$/.test(name)) continue
      const file = join(directory, name)
      for (const object of documents(file)) {
        if (object.kind !== 'CustomResourceDefinition') continue
        try {
          ensure(api, '', 'customresourcedefinitions', object, 'apiextensions.k8s.io')
        } catch (error) {
          throw new SluiceError('SL1001', (error as Error).message, { where: file, cause: error })
        }
      }
    }
  }
}

function documents(file: string): ApiObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document) => {
      if (document.errors.length > 0) throw new SluiceError('SL1001', document.errors[0].message, { where: file })
      return document.toJS() as ApiObject | null
    })
    .filter((object) => object !== null)
}
