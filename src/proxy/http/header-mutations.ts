import {
  HeaderValueOption_HeaderAppendAction as Action,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { isToken } from '../http1/header-names.ts'
import type { StreamInfo } from './stream-info.ts'
import { type TextFormat, textFormat } from './substitution.ts'

interface Addition {
  readonly name: string
  /** A literal, or a format. */
  readonly value: string | TextFormat
  readonly action: Action
  readonly keepEmpty: boolean
}

/** Compiled `…_headers_to_add` and `…_headers_to_remove` of one place of the config. */
export class HeaderMutations {
  readonly #add: readonly Addition[]
  readonly #remove: readonly string[]

  /** `addPath`: of what is added, where its field is not named as all others are. */
  constructor(
    add: readonly HeaderValueOption[],
    remove: readonly string[],
    path: string,
    addPath: string = `${path}_to_add`,
  ) {
    this.#add = add.map((option, i) => addition(option, `${addPath}[${i}]`))
    this.#remove = remove.map((name, i) => removable(name, `${path}_to_remove[${i}]`))
  }

  static compile(
    add: readonly HeaderValueOption[],
    remove: readonly string[],
    path: string,
    addPath?: string,
  ): HeaderMutations | undefined {
    return add.length === 0 && remove.length === 0 ? undefined : new HeaderMutations(add, remove, path, addPath)
  }

  apply(headers: HeaderMap, info: StreamInfo): void {
    for (const name of this.#remove) headers.remove(name)
    for (const { name, value, action, keepEmpty } of this.#add) {
      const text = typeof value === 'string' ? value : value(info)
      if (text === '' && !keepEmpty) continue
      switch (action) {
        case Action.APPEND_IF_EXISTS_OR_ADD:
          headers.add(name, text)
          break
        case Action.ADD_IF_ABSENT:
          if (!headers.has(name)) headers.add(name, text)
          break
        case Action.OVERWRITE_IF_EXISTS:
          if (headers.has(name)) headers.set(name, text)
          break
        default:
          headers.set(name, text)
      }
    }
  }
}

function addition(option: HeaderValueOption, path: string): Addition {
  onlyFields(HeaderValueOptionSchema, option, ['header', 'append', 'append_action', 'keep_empty_value'], path)
  const key = option.header?.key ?? ''
  const name = key.toLowerCase()
  if (isAddress(name)) throw invalid(`${path}.header.key`, `${key} cannot be changed; a route has rewrites for it`)
  if (!isToken(name)) throw invalid(`${path}.header.key`, `«${key}» is not a header name`)
  const raw = option.header?.value ?? ''
  if (/[\0\r\n]/.test(raw)) throw invalid(`${path}.header.value`, 'control characters')
  const value = raw.includes('%') ? textFormat(raw, `${path}.header.value`, true) : byteString(raw)
  const action = option.append === false ? Action.OVERWRITE_IF_EXISTS_OR_ADD : option.appendAction
  return { name, value, action, keepEmpty: option.keepEmptyValue }
}

function removable(name: string, path: string): string {
  const lower = name.toLowerCase()
  if (isAddress(lower)) throw invalid(path, `${name} cannot be removed`)
  return lower
}

/** Envoy refuses these too: by them the message was accepted and its route chosen. */
function isAddress(name: string): boolean {
  return name.startsWith(':') || name === 'host'
}
