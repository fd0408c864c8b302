/** One OpenAPI v3 document per group version: what kubectl needs for apply, explain and validation. */
import { schemaOf } from '../builtin/schema.ts'
import { apiVersionOf, type Schema, type Target } from '../kind.ts'
import { inlineShared } from './components.ts'

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'

const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml']

export function openapiDocument(targets: readonly Target[], group: string, version: string): object {
  const schemas: Record<string, Schema> = {
    [`${META}.ObjectMeta`]: inlineShared(schemaOf('meta.v1.ObjectMeta')),
    [`${META}.ListMeta`]: inlineShared(schemaOf('meta.v1.ListMeta')),
  }
  const paths: Record<string, object> = {}
  for (const target of targets) {
    const name = componentName(target)
    schemas[name] = kindComponent(target)
    schemas[`${name}List`] = listComponent(target, name)
    addPaths(paths, target, name)
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Sluice', version: apiVersionOf(group, version) },
    paths,
    components: { schemas },
  }
}

/** Kubernetes' naming: the group's labels backwards; kubectl explain shows none of it. */
function componentName({ kind, version }: Target): string {
  if (kind.builtin)
    return `io.k8s.api.${kind.group === '' ? 'core' : kind.group.split('.')[0]}.${version.version}.${kind.kind}`
  return `${kind.group.split('.').reverse().join('.')}.${version.version}.${kind.kind}`
}

function gvk({ kind, version }: Target): object {
  return { group: kind.group, version: version.version, kind: kind.kind }
}

function kindComponent(target: Target): Schema {
  const schema = target.kind.builtin ? inlineShared(target.version.schema.openapi) : target.version.schema.openapi
  return {
    ...schema,
    properties: {
      apiVersion: { type: 'string', description: 'The version of the schema of this object, with its group.' },
      kind: { type: 'string', description: 'The kind of this object.' },
      ...schema.properties,
      metadata: {
        description: "Standard object's metadata.",
        allOf: [{ $ref: `#/components/schemas/${META}.ObjectMeta` }],
        default: {},
      },
    },
    'x-kubernetes-group-version-kind': [gvk(target)],
  }
}

function listComponent(target: Target, name: string): Schema {
  return {
    type: 'object',
    description: `A list of ${target.kind.kind} objects.`,
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      items: { type: 'array', items: { $ref: `#/components/schemas/${name}` } },
      metadata: { $ref: `#/components/schemas/${META}.ListMeta` },
    },
    'x-kubernetes-group-version-kind': [{ ...gvk(target), kind: target.kind.listKind }],
  }
}

const parameter = (name: string, type = 'string') => ({ name, in: 'query', schema: { type, uniqueItems: true } })

/** kubectl asks whether PATCH takes `fieldValidation` before it applies anything. */
const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => parameter(name))

function addPaths(paths: Record<string, object>, target: Target, name: string): void {
  const { kind, apiVersion } = target
  const root = kind.group === '' ? `/api/${apiVersion}` : `/apis/${apiVersion}`
  const all = `${root}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`
  const body = (...types: string[]) => ({
    content: Object.fromEntries(types.map((type) => [type, { schema: { $ref: `#/components/schemas/${name}` } }])),
  })
  const answer = { responses: { 200: { description: 'OK', ...body('application/json') } } }
  const common = { 'x-kubernetes-group-version-kind': gvk(target), ...answer }
  const write = { ...common, parameters: WRITE_PARAMETERS, requestBody: body('*/*') }
  const served = (verb: string) => kind.verbs.includes(verb)
  paths[all] = {
    ...(served('list') ? { get: { ...common, 'x-kubernetes-action': 'list' } } : {}),
    ...(served('create') ? { post: { ...write, 'x-kubernetes-action': 'post' } } : {}),
    ...(served('deletecollection') ? { delete: { ...common, 'x-kubernetes-action': 'deletecollection' } } : {}),
  }
  if (!served('get')) return
  const patchTypes = kind.builtin ? [...PATCH_TYPES, 'application/strategic-merge-patch+json'] : PATCH_TYPES
  paths[`${all}/{name}`] = {
    get: { ...common, 'x-kubernetes-action': 'get' },
    put: { ...write, 'x-kubernetes-action': 'put' },
    patch: {
      ...common,
      'x-kubernetes-action': 'patch',
      parameters: [...WRITE_PARAMETERS, parameter('force', 'boolean')],
      requestBody: body(...patchTypes),
    },
    delete: { ...common, 'x-kubernetes-action': 'delete', parameters: WRITE_PARAMETERS.slice(0, 1) },
  }
}
