import type { HeaderMap } from '../../base/header-map.ts'
import type { BlockTarget, HpackEncoder, NameSlot } from './hpack/encoder.ts'
import { FieldId } from './hpack/field-name.ts'

/** What no value may hold. What came over a wire has been checked; what a filter wrote has not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it is for
const INVALID = /[\0-\x08\x0a-\x1f\x7f\u0100-\uffff]|^[ \t]|[ \t]$/

/**
 * Writes a header section. Left out is what belongs to a connection of HTTP/1.1 (RFC 9113 8.2.2), and what a filter wrote that may
 * stand in no section.
 */
export function writeFields(headers: HeaderMap, encoder: HpackEncoder, target: BlockTarget): void {
  const { flat, written } = headers
  const length = flat.length
  encoder.begin(target)
  let i = 0
  for (; i < length && isPseudo(flat[i]); i += 2) writePseudo(headers, i, encoder, target)
  const regular = i
  // RFC 9113 8.3: pseudo headers stand first, and so they do unless a filter has added one.
  if (written) for (; i < length; i += 2) if (isPseudo(flat[i])) writePseudo(headers, i, encoder, target)
  const isRequest = flat[0] === ':authority'
  for (i = regular; i < length; i += 2) {
    const name = flat[i]
    const value = flat[i + 1]
    const slot = encoder.slot(name)
    const { id } = slot.name
    if (id !== FieldId.Other && !mayStand(id, value, isRequest)) continue
    if (written && (!slot.name.valid || INVALID.test(value))) continue
    encoder.field(slot, value, isSecret(headers, name), target)
  }
}

function isPseudo(name: string): boolean {
  return name.charCodeAt(0) === 58
}

function writePseudo(headers: HeaderMap, at: number, encoder: HpackEncoder, target: BlockTarget): void {
  const value = headers.flat[at + 1]
  // CONNECT has neither scheme nor path, a request of HTTP/1.0 perhaps no authority.
  if (value === '' || (headers.written && INVALID.test(value))) return
  const slot: NameSlot = encoder.slot(headers.flat[at])
  if (slot.name.valid) encoder.field(slot, value, isSecret(headers, headers.flat[at]), target)
}

function mayStand(id: number, value: string, isRequest: boolean): boolean {
  switch (id) {
    case FieldId.ContentLength:
    case FieldId.Cookie:
      return true
    case FieldId.Host:
      return !isRequest
    case FieldId.Te:
      return value === 'trailers'
    default:
      return false
  }
}

function isSecret({ neverIndexed }: HeaderMap, name: string): boolean {
  return neverIndexed?.includes(name) ?? false
}
