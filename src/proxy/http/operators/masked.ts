import { invalid } from '../../config/fields.ts'
import { maskedAddress } from '../../rate-limit/masked-address.ts'
import type { Operator } from './operator.ts'
import { PLAIN_OPERATORS } from './plain.ts'

/** `%…_ADDRESS_WITHOUT_PORT(bits)%`: the network that an address lies in; undefined: another operator. */
export function maskedOperator(name: string, argument: string, path: string): Operator | undefined {
  if (!name.endsWith('_ADDRESS_WITHOUT_PORT') || !Object.hasOwn(PLAIN_OPERATORS, name)) return undefined
  const bits = Number(/^\d+$/.test(argument) ? argument : Number.NaN)
  if (!(bits <= 128)) throw invalid(path, `${argument} is no number of bits up to 128`)
  const address = PLAIN_OPERATORS[name]
  return (info) => maskedAddress(String(address(info) ?? ''), Math.min(bits, 32), bits)
}
