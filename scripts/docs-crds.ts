/** Writes docs/reference/kinds.md from the definitions in deploy/crds: `node scripts/docs-crds.ts`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CrdSpec } from '../src/resources/crd.ts'
import type { SchemaNode } from '../src/resources/schema/index.ts'
import { parseDocuments } from '../src/resources/yaml.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')

export const KINDS = 'docs/reference/kinds.md'

export function kindsPage(): string {
  const folder = join(ROOT, 'deploy/crds')
  const specs = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseDocuments(readFileSync(join(folder, name), 'utf8'), name))
    .map((document) => (document.object as { spec: CrdSpec }).spec)
  return [
    '# Kinds',
    '',
    'Every field that Sluice takes beside the built-in kinds of Kubernetes, with its limits and the rules that are checked when an object is applied. A field',
    'that is not here is refused. `[]` stands for each item of a list, `{}` for each value of a map. `kubectl explain` says the same.',
    '',
    '<!-- Written by scripts/docs-crds.ts from deploy/crds; do not edit. -->',
    ...specs.flatMap(kind),
    '',
  ].join('\n')
}

function kind(spec: CrdSpec): string[] {
  const [version] = spec.versions
  const schema = version.schema!.openAPIV3Schema!
  const { names, group, versions } = spec
  const short = names.shortNames === undefined ? '' : `, short name \`${names.shortNames.join('`, `')}\``
  const served = versions.map(({ name }) => `\`${group}/${name}\``).join(', ')
  const rows: string[] = []
  const rules: string[] = []
  for (const field of ['spec', 'status']) {
    const node = schema.properties?.[field]
    if (node !== undefined) visit(node, field, schema.required?.includes(field) === true, rows, rules)
  }
  return [
    '',
    `## ${names.kind} (${group})`,
    '',
    schema.description ?? '',
    '',
    `Versions: ${served}. Scope: ${spec.scope === 'Cluster' ? 'the cluster' : 'a namespace'}. Resource: \`${names.plural}\`${short}.`,
    '',
    '| field | type | limits | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    ...(rules.length === 0 ? [] : ['', 'Rules:', '', ...rules]),
  ]
}

function visit(node: SchemaNode, path: string, isRequired: boolean, rows: string[], rules: string[]): void {
  const cells = [`\`${path}\``, typeOf(node), limits(node, isRequired), node.description ?? '']
  rows.push(`| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`)
  for (const rule of node['x-kubernetes-validations'] ?? []) rules.push(`- \`${path}\`: ${rule.message ?? rule.rule}`)
  const { properties = {}, items, additionalProperties } = node
  for (const [field, inner] of Object.entries(properties)) {
    visit(inner, `${path}.${field}`, node.required?.includes(field) === true, rows, rules)
  }
  if (items !== undefined) visitInner(items, `${path}[]`, rows, rules)
  if (typeof additionalProperties === 'object') visitInner(additionalProperties, `${path}{}`, rows, rules)
}

/** Items that are plain values need no line of their own, unless there is something to say about them. */
function visitInner(node: SchemaNode, path: string, rows: string[], rules: string[]): void {
  if (limits(node, false) !== '' || node['x-kubernetes-validations'] !== undefined || node.description !== undefined) {
    visit(node, path, false, rows, rules)
    return
  }
  const inner: string[] = []
  visit(node, path, false, inner, rules)
  rows.push(...inner.slice(1))
}

function typeOf(node: SchemaNode): string {
  if (node['x-kubernetes-int-or-string'] === true) return 'integer or string'
  if (node.type === 'array') return `list of ${typeOf(node.items ?? {})}`
  if (typeof node.additionalProperties === 'object') return `map of ${typeOf(node.additionalProperties)}`
  if (node['x-kubernetes-preserve-unknown-fields'] === true) return 'anything'
  return node.format === undefined ? (node.type ?? 'anything') : `${node.type} (${node.format})`
}

function limits(node: SchemaNode, isRequired: boolean): string {
  const said: string[] = []
  if (isRequired) said.push('required')
  if (node.enum !== undefined) said.push(node.enum.map((value) => `\`${String(value)}\``).join(', '))
  if (node.default !== undefined) said.push(`default \`${JSON.stringify(node.default)}\``)
  said.push(...range('at least', node.minimum), ...range('at most', node.maximum))
  said.push(...range('at least', node.minLength, ' characters'), ...range('at most', node.maxLength, ' characters'))
  said.push(...range('at least', node.minItems, ' items'), ...range('at most', node.maxItems, ' items'))
  said.push(...range('at least', node.minProperties, ' entries'), ...range('at most', node.maxProperties, ' entries'))
  if (node.pattern !== undefined) said.push(`pattern \`${node.pattern}\``)
  if (node.nullable === true) said.push('may be null')
  const keys = node['x-kubernetes-list-map-keys']
  if (keys !== undefined) said.push(`unique by ${keys.map((key) => `\`${key}\``).join(' and ')}`)
  if (node['x-kubernetes-list-type'] === 'set') said.push('unique')
  return said.join('; ')
}

function range(words: string, bound: number | undefined, unit = ''): string[] {
  return bound === undefined ? [] : [`${words} ${bound}${unit}`]
}

if (import.meta.main) writeFileSync(join(ROOT, KINDS), kindsPage())
