import { isUtf8 } from 'node:buffer'
import type { HeaderMap } from '../../base/header-map.ts'
import { MAP, STATUS } from '../abi/constants.ts'
import {
  canonicalName,
  type HeaderName,
  headerNames,
  headerValues,
  isAscii,
  isSafeValue,
  isSingle,
  specialAllowed,
} from '../abi/header-rules.ts'
import { decodePairs, MAX_PAIRS } from '../abi/pairs.ts'
import type { Vm } from '../vm.ts'
import { giveNothing, givePairs, giveString } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

const LAST_MAP = MAP.httpCallResponseTrailers

/** Only maps longer than this are measured on every change: shorter ones cannot reach any sensible limit by short values. */
const SHORT_VALUE = 512
const FEW_PARTS = 128

/** Headers, trailers and metadata as maps. */
export const headerFunctions: HostFunctionTable = {
  proxy_get_header_map_size: (vm) => {
    const self = (type: number, slot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_header_map_size', self, type, slot)
      vm.spend(1)
      if (type >>> 0 > LAST_MAP) return STATUS.badArgument
      if (!vm.holds(slot >>> 0, 4)) return STATUS.invalidMemoryAccess
      // Bytes, not entries: so do cpp-host and Envoy.
      const map = vm.current?.map(type)
      if (map === undefined) return STATUS.badArgument
      vm.view.setUint32(slot >>> 0, map.byteSize, true)
      return STATUS.ok
    }
    return self
  },

  proxy_get_header_map_pairs: (vm) => {
    const self = (type: number, pointerSlot: number, sizeSlot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_header_map_pairs', self, type, pointerSlot, sizeSlot)
      vm.spend(1)
      if (type >>> 0 > LAST_MAP) return STATUS.badArgument
      const map = vm.current?.map(type)
      return givePairs(vm, map === undefined ? NO_PAIRS : readable(vm, map), pointerSlot >>> 0, sizeSlot >>> 0)
    }
    return self
  },

  proxy_set_header_map_pairs: (vm) => {
    const self = (type: number, pointer: number, size: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_set_header_map_pairs', self, type, pointer, size)
      vm.spend(1 + (size >>> 6))
      if (!vm.holds(pointer >>> 0, size >>> 0)) return STATUS.invalidMemoryAccess
      const map = type >>> 0 > LAST_MAP ? undefined : vm.current?.writableMap(type)
      if (map === undefined) return STATUS.badArgument
      return replaceAll(vm, type, map, decodePairs(vm.memory, pointer >>> 0, size >>> 0))
    }
    return self
  },

  proxy_get_header_map_value: (vm) => {
    const self = (type: number, key: number, keySize: number, pointerSlot: number, sizeSlot: number): number => {
      if (vm.special !== 0) {
        return vm.intercept('proxy_get_header_map_value', self, type, key, keySize, pointerSlot, sizeSlot)
      }
      vm.spend(1)
      const at = key >>> 0
      const length = keySize >>> 0
      if (!vm.holds(at, length)) return STATUS.invalidMemoryAccess
      if (length > 63) vm.spend(length >>> 6)
      if (type >>> 0 > LAST_MAP) return STATUS.badArgument
      const map = vm.current?.map(type)
      if (map === undefined) return vm.current?.mapAbsent ?? STATUS.badArgument
      const name = headerNames.get(vm.memory, at, length, vm.view).name
      const value = map.get(canonicalName(type, name))
      if (value === undefined) return missing(vm, pointerSlot >>> 0, sizeSlot >>> 0)
      return giveString(vm, map.ascii || isAscii(value) ? value : legible(vm, value), pointerSlot >>> 0, sizeSlot >>> 0)
    }
    return self
  },

  proxy_add_header_map_value: (vm) => {
    const self = (type: number, key: number, keySize: number, value: number, valueSize: number): number => {
      if (vm.special !== 0) {
        return vm.intercept('proxy_add_header_map_value', self, type, key, keySize, value, valueSize)
      }
      return change(vm, type, key >>> 0, keySize >>> 0, value >>> 0, valueSize >>> 0, true)
    }
    return self
  },

  proxy_replace_header_map_value: (vm) => {
    const self = (type: number, key: number, keySize: number, value: number, valueSize: number): number => {
      if (vm.special !== 0) {
        return vm.intercept('proxy_replace_header_map_value', self, type, key, keySize, value, valueSize)
      }
      return change(vm, type, key >>> 0, keySize >>> 0, value >>> 0, valueSize >>> 0, false)
    }
    return self
  },

  proxy_remove_header_map_value: (vm) => {
    const self = (type: number, key: number, keySize: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_remove_header_map_value', self, type, key, keySize)
      vm.spend(1)
      if (!vm.holds(key >>> 0, keySize >>> 0)) return STATUS.invalidMemoryAccess
      vm.spend(keySize >>> 6)
      const context = vm.current
      const map = type >>> 0 > LAST_MAP ? undefined : context?.writableMap(type)
      if (map === undefined) return STATUS.badArgument
      const { name } = headerNames.get(vm.memory, key >>> 0, keySize >>> 0, vm.view)
      if (map.remove(canonicalName(type, name)) && type === MAP.requestHeaders) context?.clearRouteCache()
      return STATUS.ok
    }
    return self
  },
}

const NO_PAIRS: readonly string[] = []

/** ABI 0.1.0 knew no NOT_FOUND here. */
function missing(vm: Vm, pointerSlot: number, sizeSlot: number): number {
  if (!vm.old) return STATUS.notFound
  if (!vm.holds(pointerSlot, 4) || !vm.holds(sizeSlot, 4)) return STATUS.invalidMemoryAccess
  return giveNothing(vm, pointerSlot, sizeSlot)
}

function change(
  vm: Vm,
  type: number,
  key: number,
  keySize: number,
  value: number,
  valueSize: number,
  append: boolean,
): number {
  vm.spend(1)
  if (!vm.holds(key, keySize) || !vm.holds(value, valueSize)) return STATUS.invalidMemoryAccess
  const size = keySize + valueSize
  if (size > 63) vm.spend(size >>> 6)
  const context = vm.current
  const map = type >>> 0 > LAST_MAP ? undefined : context?.writableMap(type)
  if (context === undefined || map === undefined) return STATUS.badArgument
  const name = headerNames.get(vm.memory, key, keySize, vm.view)
  const text = headerValues.get(vm.memory, value, valueSize, vm.view)
  if (!name.valid || !text.valid) return STATUS.badArgument
  if (text.text.length > SHORT_VALUE || map.flat.length >= FEW_PARTS) {
    const bytes = map.byteSize + name.name.length + text.text.length
    if (bytes > vm.limits.headerBytes || map.size >= MAX_PAIRS) return STATUS.internalFailure
  }
  if (name.special) {
    if (!specialAllowed(type, map, name.name, text.text)) return STATUS.badArgument
    setSpecial(map, canonicalName(type, name.name), text.text)
  } else if (append) {
    map.append(name.name, text.text)
  } else {
    map.put(name.name, text.text)
  }
  if (!text.ascii) map.ascii = false
  // The name was checked as well, but a pseudo header, or one of framing, is the codec's business.
  if (!text.plain || name.special) map.written = true
  if (type === MAP.requestHeaders) context.clearRouteCache()
  return STATUS.ok
}

/** A pseudo header that was not there has to come before the ordinary ones (RFC 9113 8.3). */
function setSpecial(map: HeaderMap, name: string, value: string): void {
  if (name.charCodeAt(0) !== 0x3a || map.has(name)) {
    map.put(name, value)
    return
  }
  map.flat.unshift(name, value)
  map.version++
}

function replaceAll(vm: Vm, type: number, map: HeaderMap, pairs: string[]): number {
  let bytes = 0
  let ascii = true
  const flat: string[] = []
  const ordinary: string[] = []
  const seen = new Set<string>()
  for (let i = 0; i < pairs.length; i += 2) {
    const name: HeaderName = headerNames.get(Buffer.from(pairs[i], 'latin1'), 0, pairs[i].length)
    const value = pairs[i + 1]
    if (!name.valid || !isSafeValue(value)) return STATUS.badArgument
    if (name.special && !specialAllowed(type, map, name.name, value)) return STATUS.badArgument
    const canonical = canonicalName(type, name.name)
    bytes += canonical.length + value.length
    ascii &&= isAscii(value)
    const target = canonical.charCodeAt(0) === 0x3a ? flat : ordinary
    if (name.special) {
      if (seen.has(canonical)) {
        if (isSingle(canonical)) return STATUS.badArgument
        continue
      }
      seen.add(canonical)
    }
    target.push(canonical, value)
  }
  if (bytes > vm.limits.headerBytes) return STATUS.internalFailure
  map.ascii = ascii
  map.written = true
  map.flat.length = 0
  for (const part of flat) map.flat.push(part)
  for (const part of ordinary) map.flat.push(part)
  map.version++
  if (type === MAP.requestHeaders) vm.current?.clearRouteCache()
  return STATUS.ok
}

/** What the module may read of a map: itself, or a copy with bytes that are not UTF-8 replaced. */
function readable(vm: Vm, map: HeaderMap): readonly string[] {
  const flat = map.flat
  if (map.ascii || vm.options.passInvalidUtf8) return flat
  for (let i = 1; i < flat.length; i += 2) if (!isAscii(flat[i])) return flat.map((part) => legible(vm, part))
  return flat
}

/** The Rust SDK unwraps header values as UTF-8: one bad byte from any client would kill the VM. */
function legible(vm: Vm, text: string): string {
  if (vm.options.passInvalidUtf8) return text
  const bytes = Buffer.from(text, 'latin1')
  return isUtf8(bytes) ? text : Buffer.from(bytes.utf8Slice(), 'utf8').latin1Slice()
}
