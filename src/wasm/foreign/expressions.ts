import { type CelInput, celEnv, isCelError, parse, plan } from '@bufbuild/cel'
import type { Message } from '@bufbuild/protobuf'
import { byteString, textOf } from '../../base/byte-string.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { compileRe2 } from '../../base/re2.ts'
import { STATUS } from '../abi/constants.ts'
import { attributeRoot } from '../attributes/property.ts'
import { serialize } from '../attributes/serialize.ts'
import { type AttributeValue, Dictionary, Double, Proto, Struct } from '../attributes/value.ts'
import type { Vm } from '../vm.ts'

const LONGEST = 4096

// Linear in time on any pattern, which comes from the module.
const environment = celEnv({ re2: { compile: compileRe2 } })

/** expr_create: CEL text -> token. */
export function createExpression(vm: Vm, args: Buffer): Uint8Array | number {
  vm.spend(200 + args.length)
  if (args.length > LONGEST) return STATUS.badArgument
  let names: Names
  let evaluate: (bindings: Record<string, CelInput>) => unknown
  try {
    const parsed = parse(args.utf8Slice())
    names = namesIn(parsed.expr)
    evaluate = plan(environment, parsed)
  } catch {
    return STATUS.badArgument
  }
  // Envoy builds its evaluator without comprehensions: they are the one way to make a short text run for ever.
  if (names.comprehension) return STATUS.badArgument
  const token = vm.expressions.add(() => evaluate(bindings(vm, names)))
  return token === undefined ? STATUS.internalFailure : u32(token)
}

/** expr_evaluate: token -> the value, as a property. */
export function evaluateExpression(vm: Vm, args: Buffer): Uint8Array | number {
  vm.spend(200)
  if (args.length !== 4) return STATUS.badArgument
  const evaluate = vm.expressions.get(args.readUInt32LE(0))
  if (evaluate === undefined) return STATUS.notFound
  let value: unknown
  try {
    value = evaluate()
  } catch {
    return STATUS.internalFailure
  }
  if (isCelError(value)) return STATUS.internalFailure
  if (value === null || value === undefined) return STATUS.notFound
  const attribute = fromCel(value)
  return (attribute === undefined ? undefined : serialize(attribute)) ?? STATUS.serializationFailure
}

/** expr_delete: token. */
export function deleteExpression(vm: Vm, args: Buffer): Uint8Array | number {
  if (args.length !== 4) return STATUS.badArgument
  vm.expressions.delete(args.readUInt32LE(0))
  return new Uint8Array()
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** What an expression mentions: its variables, and every name that may be a key. */
interface Names {
  readonly roots: Set<string>
  readonly keys: Set<string>
  comprehension: boolean
}

function namesIn(expression: unknown): Names {
  const names: Names = { roots: new Set(), keys: new Set(), comprehension: false }
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return
    if (Array.isArray(node)) {
      for (const item of node) visit(item)
      return
    }
    const { case: kind, value } = node as { case?: string; value?: Record<string, unknown> | string }
    if (kind === 'identExpr') names.roots.add(String((value as { name: string }).name))
    else if (kind === 'selectExpr') names.keys.add(String((value as { field: string }).field))
    else if (kind === 'stringValue') names.keys.add(String(value))
    else if (kind === 'comprehensionExpr') names.comprehension = true
    for (const [key, child] of Object.entries(node)) if (!key.startsWith('$')) visit(child)
  }
  visit(expression)
  return names
}

function bindings(vm: Vm, { roots, keys }: Names): Record<string, CelInput> {
  const bound: Record<string, CelInput> = Object.create(null)
  const context = vm.current
  if (context === undefined) return bound
  for (const root of roots) {
    const value = attributeRoot(context, root)
    if (value !== undefined) bound[root] = toCel(value, keys)
  }
  return bound
}

function toCel(value: AttributeValue, keys: ReadonlySet<string>): CelInput {
  if (typeof value === 'number') return BigInt(Math.trunc(value))
  if (typeof value === 'string') return textOf(value)
  if (typeof value === 'bigint' || typeof value === 'boolean' || value instanceof Uint8Array) return value as CelInput
  if (value instanceof Double) return value.value
  if (value instanceof Struct) return value.fields as CelInput
  if (value instanceof Proto) return value.message as Message as CelInput
  if (value instanceof HeaderMap) {
    const map = new Map<string, string>()
    for (const [name] of value) if (!map.has(name)) map.set(name, textOf(value.getAll(name).join(',')))
    return map
  }
  if (value instanceof Dictionary) {
    const map = new Map<string, CelInput>()
    for (const key of keys) {
      const entry = value.entry(key)
      if (entry !== undefined) map.set(key, toCel(entry, keys))
    }
    return map
  }
  return value.map((item) => toCel(item, keys))
}

function fromCel(value: unknown): AttributeValue | undefined {
  if (typeof value === 'string') return byteString(value)
  if (typeof value === 'number') return new Double(value)
  if (typeof value === 'bigint' || typeof value === 'boolean' || value instanceof Uint8Array) return value
  if (value !== null && typeof value === 'object') {
    if ('desc' in value && 'message' in value) {
      const { desc, message } = value as unknown as { desc: Proto['schema']; message: Message }
      return new Proto(desc, message)
    }
    if (Symbol.iterator in value) {
      const items = [...(value as Iterable<unknown>)]
      if (items.every((item) => Array.isArray(item) && item.length === 2)) {
        const pairs = new HeaderMap()
        for (const [key, item] of items as [unknown, unknown][]) {
          const text = fromCel(item)
          pairs.add(byteString(String(key)), text === undefined ? '' : Buffer.from(serialize(text) ?? []).latin1Slice())
        }
        return pairs
      }
      return items.map(fromCel).filter((item) => item !== undefined)
    }
    if (typeof (value as { value?: unknown }).value === 'bigint') return (value as { value: bigint }).value
  }
  return undefined
}
