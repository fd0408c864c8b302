import { CelScalar, celEnv, celFunc, celMethod, isCelError, mapType, parse, plan } from '@bufbuild/cel'
import { strings } from '@bufbuild/cel/ext'
import { RE2JS } from 're2js'
import { isObject } from '../json.ts'
import type { SchemaNode } from './types.ts'

/** A compiled rule: gives the value, or the text of what went wrong. */
export type Program = (bindings: Record<string, unknown>) => { value: unknown } | { error: string }

const URL_TYPE = mapType(CelScalar.STRING, CelScalar.STRING)

/** Go's url.ParseRequestURI is what isURL asks: absolute, or a path that begins with a slash. */
function parseUrl(text: string): Map<string, string> | undefined {
  if (/[^!-~\u0080-\uffff]/.test(text)) return undefined
  if (text.startsWith('/'))
    return new Map([
      ['scheme', ''],
      ['host', ''],
      ['hostname', ''],
      ['port', ''],
      ['path', text.replace(/\?.*/, '')],
    ])
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):(\/\/([^/?#]*))?([^?#]*)/.exec(text)
  if (match === null) return undefined
  const [, scheme, authority, host = '', path] = match
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined
  if (authority !== undefined && !/^([^@]*@)?(\[[0-9a-fA-F:.%]+\]|[^:\s[\]]*)(:\d*)?$/.test(host)) return undefined
  const bare = host.replace(/^.*@/, '')
  const port = /:(\d*)$/.exec(bare.replace(/^\[.*\]/, ''))?.[1] ?? ''
  const hostname = bare.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
  return new Map([
    ['scheme', scheme.toLowerCase()],
    ['host', bare],
    ['hostname', hostname],
    ['port', port],
    ['path', path],
  ])
}

const part = (name: string, field: string) =>
  celMethod(name, URL_TYPE, [], CelScalar.STRING, function () {
    return String((this as unknown as { get(key: string): unknown }).get(field))
  })

/** Kubernetes' own functions (k8s.io/apiserver/pkg/cel/library) that the CRDs of Istio and the Gateway API use. */
const KUBERNETES = [
  celFunc('isURL', [CelScalar.STRING], CelScalar.BOOL, (text) => parseUrl(text) !== undefined),
  celFunc('url', [CelScalar.STRING], URL_TYPE, (text) => {
    const url = parseUrl(text)
    if (url === undefined) throw new Error(`not a URL: ${text}`)
    return url as never
  }),
  part('getScheme', 'scheme'),
  part('getHost', 'host'),
  part('getHostname', 'hostname'),
  part('getPort', 'port'),
  part('getEscapedPath', 'path'),
  celMethod('find', CelScalar.STRING, [CelScalar.STRING], CelScalar.STRING, function (pattern) {
    const matcher = RE2JS.compile(pattern).matcher(this)
    return matcher.find() ? (matcher.group() ?? '') : ''
  }),
]

const re2 = {
  compile(pattern: string) {
    const compiled = RE2JS.compile(pattern)
    return { test: (text: string) => compiled.matcher(text).find() }
  },
}

const env = celEnv({ funcs: [...strings, ...KUBERNETES], re2 })
const programs = new Map<string, Program>()

/** Compiles a rule once. Throws when it does not parse. */
export function compileRule(rule: string): Program {
  let program = programs.get(rule)
  if (program === undefined) {
    const evaluate = plan(env, parse(rule))
    program = (bindings) => {
      try {
        const result = evaluate(bindings as never)
        return isCelError(result) ? { error: result.message } : { value: result }
      } catch (error) {
        return { error: (error as Error).message }
      }
    }
    programs.set(rule, program)
  }
  return program
}

/** CEL words that a field name must not be (apiserver/schema/cel/model/escaping). */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

/** `__dash__` and so on; undefined where a name cannot be written in CEL at all. */
export function escapeName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`
  const escaped = name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__')
  return /^[A-Za-z_]\w*$/.test(escaped) ? escaped : undefined
}

/** JSON to what CEL computes with: schema integers are ints, objects maps, field names escaped. */
export function toCel(value: unknown, schema: SchemaNode): unknown {
  if (typeof value === 'number') return Number.isInteger(value) && schema.type !== 'number' ? BigInt(value) : value
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema.items ?? {}))
  if (!isObject(value)) return value
  const { properties, additionalProperties } = schema
  const map = new Map<string, unknown>()
  for (const [field, inner] of Object.entries(value)) {
    const known = properties !== undefined && Object.hasOwn(properties, field) ? properties[field] : undefined
    if (known !== undefined) {
      const name = escapeName(field)
      if (name !== undefined) map.set(name, toCel(inner, known))
    } else map.set(field, toCel(inner, typeof additionalProperties === 'object' ? additionalProperties : {}))
  }
  return map
}
