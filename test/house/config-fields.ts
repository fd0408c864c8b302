/** Which fields of Envoy's messages the proxy accepts and which its code reads, as the compiler sees that code. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import type { DescMessage } from '@bufbuild/protobuf'
import { type Node, SyntaxKind } from 'typescript/unstable/ast'
import { API, type Checker, type Symbol as NamedSymbol, type NodeHandle, SymbolFlags } from 'typescript/unstable/sync'
import { NESTED } from '../../src/proxy/config/nested.ts'
import { ROOT } from './sources.ts'

/** A message that the configuration may hold. */
export interface ConfigMessage {
  readonly desc: DescMessage
  /** Fields (proto names) that an `onlyFields` lets pass; undefined when the message has no such list. */
  readonly accepted: ReadonlySet<string> | undefined
  /** Fields (proto names) that some code reads. */
  readonly read: ReadonlySet<string>
}

/** Where configuration is read; elsewhere these messages are written. */
const READERS = /\/src\/proxy\/(?!.*(\.test\.ts$|testing))/

/** Messages of the wire and of status pages share the packages' first name and are no configuration. */
const OTHERS = /^envoy\.(service|admin|data)\.|^(google|validate|udpa\.annotations|xds\.annotations)\./

interface Code {
  /** Names of properties where they are read: `message.name`, `{ name: other }`. */
  readonly names: Node[]
  /** Names taken out of a pattern, `{ name }`; these stand for the new variable. */
  readonly taken: Node[]
  /** Calls of `onlyFields`. */
  readonly lists: Node[]
  /** What stands in quotes, by file. */
  readonly words: ReadonlyMap<string, ReadonlySet<string>>
}

type FieldSets = Map<string, Set<string>>

/**
 * The messages of the configuration: those that something is read of, and those that stand in a field that is read.
 * What one place reads of a message counts for all places that take it.
 */
export async function configMessages(): Promise<ConfigMessage[]> {
  const descs = await descriptors()
  const read: FieldSets = new Map()
  const accepted: FieldSets = new Map()
  const api = new API({ cwd: ROOT })
  try {
    const { program, checker } = api.updateSnapshot({ openProjects: [join(ROOT, 'tsconfig.json')] }).getProjects()[0]
    const files = program.getSourceFileNames().filter((file) => READERS.test(file))
    const code = gather(files.map((file) => program.getSourceFile(file) as Node))
    const note = (symbol: NamedSymbol | undefined, name: Node) => {
      const words = code.words.get(name.getSourceFile().fileName)
      for (const declaration of symbol?.declarations ?? []) noteRead(declaration, words, descs, read)
    }
    for (const [i, symbol] of checker.getSymbolAtLocation(code.names).entries()) note(symbol, code.names[i])
    const patterns = code.taken.map((name) => name.parent.parent)
    for (const [i, type] of checker.getTypeAtLocation(patterns).entries()) {
      if (type !== undefined) note(checker.getPropertyOfType(type, text(code.taken[i])), code.taken[i])
    }
    for (const call of code.lists) noteList(call, checker, accepted)
    for (const [{ typeName }, ...fields] of NESTED) accepted.set(typeName, new Set(fields))
  } finally {
    api.close()
  }
  return reached(descs, read, accepted)
}

async function descriptors(): Promise<Map<string, DescMessage>> {
  const found = new Map<string, DescMessage>()
  for (const file of globSync('gen/**/*_pb.ts', { cwd: ROOT })) {
    for (const value of Object.values(await import(join(ROOT, file)))) {
      const desc = value as DescMessage
      if (desc.kind === 'message') found.set(desc.typeName, desc)
    }
  }
  return found
}

function gather(files: Node[]): Code {
  const names: Node[] = []
  const taken: Node[] = []
  const lists: Node[] = []
  const words = new Map<string, Set<string>>()
  for (const file of files) {
    const quoted = new Set<string>()
    words.set(file.getSourceFile().fileName, quoted)
    walk(file, (node) => {
      const { name, propertyName, expression } = node as unknown as Readonly<Record<string, Node | undefined>>
      if (node.kind === SyntaxKind.PropertyAccessExpression) names.push(name as Node)
      else if (node.kind === SyntaxKind.StringLiteral) quoted.add(text(node))
      else if (node.kind === SyntaxKind.CallExpression && text(expression) === 'onlyFields') lists.push(node)
      else if (node.kind !== SyntaxKind.BindingElement) return
      else if (propertyName !== undefined) names.push(propertyName)
      else if (name?.kind === SyntaxKind.Identifier) taken.push(name)
    })
  }
  return { names, taken, lists, words }
}

/** A case of a oneof is read where the oneof is and the case's name, unless it has but one, stands in quotes in the same file. */
function noteRead(
  declaration: NodeHandle,
  words: ReadonlySet<string> | undefined,
  descs: ReadonlyMap<string, DescMessage>,
  read: FieldSets,
): void {
  if (!declaration.path.includes('/gen/')) return
  const node = declaration.resolve()
  if (node?.parent.parent.kind !== SyntaxKind.IntersectionType) return
  // Generated as `type Listener = Message<"envoy.config.listener.v3.Listener"> & { … }`.
  const desc = descs.get(/Message<"([\w.]+)">/.exec(node.parent.parent.getText())?.[1] ?? '')
  const name = text((node as unknown as { name: Node }).name)
  const oneof = desc?.oneofs.find(({ localName }) => localName === name)
  const fields =
    oneof === undefined
      ? desc?.fields.filter(({ localName }) => localName === name)
      : oneof.fields.filter(({ localName }) => oneof.fields.length === 1 || words?.has(localName))
  for (const field of fields ?? []) add(read, field.parent.typeName, field.name)
}

/** Takes in the schema and the names of an `onlyFields(schema, message, names, path)`. */
function noteList(call: Node, checker: Checker, accepted: FieldSets): void {
  const [schema, , names] = (call as unknown as { arguments: readonly Node[] }).arguments
  const declaration = declarationOf(schema, checker)
  // The one place that takes its names from the table NESTED.
  if (declaration?.kind === SyntaxKind.Parameter) return
  const declared = declaration?.parent.parent.getFullText() ?? ''
  const message = /Describes the message ([\w.]+)\./.exec(declared)?.[1]
  if (message === undefined) throw new Error(`not a schema of gen/: ${call.getText()}`)
  if (!accepted.has(message)) accepted.set(message, new Set())
  walk(names, (node) => {
    if (node.kind === SyntaxKind.StringLiteral) add(accepted, message, text(node))
    if (node.kind !== SyntaxKind.Identifier) return
    const list = declarationOf(node, checker)
    if (list?.kind !== SyntaxKind.VariableDeclaration) throw new Error(`not a list in this file: ${call.getText()}`)
    walk(list, (inner) => {
      if (inner.kind === SyntaxKind.StringLiteral) add(accepted, message, text(inner))
    })
  })
}

function declarationOf(name: Node, checker: Checker): Node | undefined {
  const symbol = checker.getSymbolAtLocation(name)
  const target = symbol && (symbol.flags & SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol
  return target?.valueDeclaration?.resolve()
}

function reached(descs: ReadonlyMap<string, DescMessage>, read: FieldSets, accepted: FieldSets): ConfigMessage[] {
  const found = new Map<string, ConfigMessage>()
  const visit = (desc: DescMessage) => {
    const { typeName } = desc
    if (found.has(typeName) || OTHERS.test(typeName)) return
    const fields = read.get(typeName) ?? new Set()
    found.set(typeName, { desc, accepted: accepted.get(typeName), read: fields })
    for (const { name, message } of desc.fields) {
      if (message !== undefined && fields.has(name) && accepted.get(typeName)?.has(name) !== false) visit(message)
    }
  }
  for (const name of new Set([...read.keys(), ...accepted.keys()])) visit(descs.get(name) as DescMessage)
  return [...found.values()]
}

function add(sets: FieldSets, message: string, field: string): void {
  const set = sets.get(message)
  if (set === undefined) sets.set(message, new Set([field]))
  else set.add(field)
}

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node)
  node.forEachChild((child) => walk(child, visit))
}

function text(node: Node | undefined): string {
  return (node as { text?: string } | undefined)?.text ?? ''
}
