import { builtinSchema } from '../builtin/object-schema.ts'
import { ALL_VERBS, type Behaviour, type Kind, storageName } from '../kind.ts'
import { AGE, type Columns, NAME } from '../table/columns.ts'

export interface BuiltinOptions {
  group?: string
  version?: string
  plural: string
  kind: string
  message: string
  namespaced?: boolean
  shortNames?: string[]
  categories?: string[]
  columns?: Columns
  status?: boolean
  scale?: boolean
  selectableFields?: string[]
  storage?: string
  behaviour?: Behaviour
  subresources?: Kind['subresources']
}

/** A built-in kind with one version. */
export function builtin(options: BuiltinOptions): Kind {
  const { group = '', version = 'v1', plural, kind } = options
  const singular = kind.toLowerCase()
  return {
    group,
    plural,
    singular,
    kind,
    listKind: `${kind}List`,
    namespaced: options.namespaced ?? true,
    shortNames: options.shortNames ?? [],
    categories: options.categories ?? [],
    verbs: ALL_VERBS,
    versions: [
      {
        version,
        served: true,
        schema: builtinSchema(options.message),
        columns: options.columns ?? [NAME, AGE],
        status: options.status ?? false,
        scale:
          options.scale === true
            ? { spec: '.spec.replicas', status: '.status.replicas', selector: '.spec.selector' }
            : undefined,
        selectableFields: options.selectableFields ?? [],
      },
    ],
    storageVersion: version,
    storage: options.storage ?? storageName(group, plural),
    behaviour: { unconditionalUpdate: true, ...options.behaviour },
    subresources: options.subresources ?? {},
    builtin: true,
  }
}
