import { create } from '@bufbuild/protobuf'
import {
  HeaderValueOption_HeaderAppendAction as Action,
  type HeaderValue,
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
  /** What is overwritten, then what is added. */
  readonly #add: readonly Addition[]
  readonly #remove: readonly string[]
  /** None of them can see what another one does. */
  readonly #independent: boolean

  private constructor(all: readonly Addition[], remove: readonly string[]) {
    this.#add = [...all.filter(overwrites), ...all.filter((one) => !overwrites(one))]
    const names = new Set(all.map(({ name }) => name))
    const literal = all.every(({ value }) => typeof value === 'string')
    this.#independent = all.length < 2 || (literal && names.size === all.length)
    this.#remove = remove
  }

  /** `addPath`: of what is added, where its field is not named as all others are. */
  static compile(
    add: readonly HeaderValueOption[],
    remove: readonly string[],
    path: string,
    addPath: string = `${path}_to_add`,
  ): HeaderMutations | undefined {
    if (add.length === 0 && remove.length === 0) return undefined
    return new HeaderMutations(
      add.map((option, i) => addition(option, `${addPath}[${i}]`)),
      remove.map((name, i) => removable(name, `${path}_to_remove[${i}]`)),
    )
  }

  static appending(option: HeaderValueOption, path: string): HeaderMutations {
    return new HeaderMutations([addition(option, path)], [])
  }

  /** For lists that know names and values only: a later one stands in the place of an earlier one. */
  static overwriting(headers: readonly HeaderValue[], path: string): HeaderMutations | undefined {
    if (headers.length === 0) return undefined
    const appendAction = Action.OVERWRITE_IF_EXISTS_OR_ADD
    const options = headers.map((header) => create(HeaderValueOptionSchema, { header, appendAction }))
    return new HeaderMutations(
      options.map((option, i) => addition(option, `${path}[${i}]`)),
      [],
    )
  }

  static removing(name: string, path: string): HeaderMutations {
    return new HeaderMutations([], [removable(name, path)])
  }

  apply(headers: HeaderMap, info: StreamInfo): void {
    for (const name of this.#remove) headers.remove(name)
    if (this.#independent) {
      for (const one of this.#add) {
        const text = wanted(one, headers, info)
        if (text !== undefined) write(headers, one, text)
      }
      return
    }
    // All are asked before the first is written, so that formats and conditions mean the headers as they were (Envoy's HeaderParser).
    const texts = this.#add.map((one) => wanted(one, headers, info))
    for (const [i, text] of texts.entries()) if (text !== undefined) write(headers, this.#add[i], text)
  }
}

function overwrites({ action }: Addition): boolean {
  return action === Action.OVERWRITE_IF_EXISTS || action === Action.OVERWRITE_IF_EXISTS_OR_ADD
}

/** The value, where there is to be one. */
function wanted({ name, value, action, keepEmpty }: Addition, headers: HeaderMap, info: StreamInfo) {
  const text = typeof value === 'string' ? value : value(info)
  if (text === '' && !keepEmpty) return undefined
  if (action === Action.ADD_IF_ABSENT && headers.has(name)) return undefined
  if (action === Action.OVERWRITE_IF_EXISTS && !headers.has(name)) return undefined
  return text
}

function write(headers: HeaderMap, addition: Addition, text: string): void {
  if (overwrites(addition)) headers.set(addition.name, text)
  else headers.add(addition.name, text)
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
  if (lower === '') throw invalid(path, 'a header name is missing')
  if (isAddress(lower)) throw invalid(path, `${name} cannot be removed`)
  return lower
}

/** Envoy refuses these too: by them the message was accepted and its route chosen. */
function isAddress(name: string): boolean {
  return name.startsWith(':') || name === 'host'
}
