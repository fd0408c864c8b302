import {
  KeyValueAppend_KeyValueAppendAction as Action,
  type KeyValueAppend,
  KeyValueAppendSchema,
  type KeyValueMutation,
} from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { QueryParameters } from './query-parameters.ts'
import type { StreamInfo } from './stream-info.ts'
import { type TextFormat, textFormat } from './substitution.ts'

/** What is done to a parameter; without a value it is removed. */
interface Mutation {
  readonly name: string
  readonly value: string | TextFormat | undefined
  readonly action: Action
}

/** Compiled `query_parameter_mutations`. */
export class QueryMutations {
  readonly #all: readonly Mutation[]

  private constructor(all: readonly Mutation[]) {
    this.#all = all
  }

  static compile(protos: readonly KeyValueMutation[], path: string): QueryMutations | undefined {
    if (protos.length === 0) return undefined
    return new QueryMutations(protos.map((proto, i) => mutation(proto, `${path}[${i}]`)))
  }

  /** The path with the query that is left. */
  apply(path: string, info: StreamInfo): string {
    const parameters = new QueryParameters(path)
    for (const one of this.#all) mutate(parameters, one, info)
    return parameters.toString()
  }
}

/** All but the unreserved characters of RFC 3986 2.3. */
function encoded(text: string): string {
  return text.replace(
    /[^A-Za-z0-9._~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}

function mutate(parameters: QueryParameters, { name, value, action }: Mutation, info: StreamInfo): void {
  if (value === undefined) {
    parameters.remove(name)
    return
  }
  const has = parameters.has(name)
  if (action === Action.OVERWRITE_IF_EXISTS && !has) return
  if (action === Action.ADD_IF_ABSENT && has) return
  const written = `${encoded(name)}=${encoded(typeof value === 'string' ? value : value(info))}`
  if (action === Action.APPEND_IF_EXISTS_OR_ADD) parameters.add(name, written)
  else parameters.set(name, written)
}

function mutation({ append, remove }: KeyValueMutation, path: string): Mutation {
  if (append !== undefined) return { ...record(append, `${path}.append`), action: append.action }
  if (remove === '') throw invalid(path, 'append or remove is missing')
  return { name: byteString(remove), value: undefined, action: Action.APPEND_IF_EXISTS_OR_ADD }
}

function record(append: KeyValueAppend, path: string): Pick<Mutation, 'name' | 'value'> {
  onlyFields(KeyValueAppendSchema, append, ['record', 'action'], path)
  const { key = '', value } = append.record ?? {}
  if (key === '') throw invalid(`${path}.record.key`, 'missing')
  if (value?.kind.case !== 'stringValue') throw invalid(`${path}.record.value`, 'must be a text')
  const text = value.kind.value
  return {
    name: byteString(key),
    value: text.includes('%') ? textFormat(text, `${path}.record.value`, true) : byteString(text),
  }
}
