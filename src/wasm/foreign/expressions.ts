import { STATUS } from '../abi/constants.ts'
import { fromCel } from '../attributes/cel-value.ts'
import { compileExpression } from '../attributes/expression.ts'
import { attributeRoot } from '../attributes/property.ts'
import { serialize } from '../attributes/serialize.ts'
import type { Vm } from '../vm.ts'

const LONGEST = 4096

/** expr_create: CEL text -> token. */
export function createExpression(vm: Vm, args: Buffer): Uint8Array | number {
  vm.spend(200 + args.length)
  if (args.length > LONGEST) return STATUS.badArgument
  let evaluate: () => unknown
  try {
    evaluate = compileExpression(args.utf8Slice(), (name) => vm.current && attributeRoot(vm.current, name))
  } catch {
    return STATUS.badArgument
  }
  const token = vm.expressions.add(evaluate)
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
