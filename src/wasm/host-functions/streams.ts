import { HeaderMap } from '../../base/header-map.ts'
import { MAP, STATUS, STREAM } from '../abi/constants.ts'
import { headerNames, isSafeValue, specialAllowed } from '../abi/header-rules.ts'
import { decodePairs } from '../abi/pairs.ts'
import type { Vm } from '../vm.ts'
import { takeBytes, takeString } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

/** Going on, closing, and answers of the module's own. */
export const streamFunctions: HostFunctionTable = {
  proxy_continue_stream: (vm) => {
    const self = (stream: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_continue_stream', self, stream)
      vm.spend(1)
      if (stream >>> 0 > STREAM.upstream) return STATUS.badArgument
      return vm.current?.continueStream(stream) ?? STATUS.badArgument
    }
    return self
  },

  proxy_close_stream: (vm) => {
    const self = (stream: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_close_stream', self, stream)
      vm.spend(1)
      if (stream >>> 0 > STREAM.upstream) return STATUS.badArgument
      return vm.current?.closeStream(stream) ?? STATUS.badArgument
    }
    return self
  },

  proxy_continue_request: (vm) => {
    const self = (): number => {
      if (vm.special !== 0) return vm.intercept('proxy_continue_request', self)
      vm.spend(1)
      return vm.current?.continueStream(STREAM.request) ?? STATUS.badArgument
    }
    return self
  },

  proxy_continue_response: (vm) => {
    const self = (): number => {
      if (vm.special !== 0) return vm.intercept('proxy_continue_response', self)
      vm.spend(1)
      return vm.current?.continueStream(STREAM.response) ?? STATUS.badArgument
    }
    return self
  },

  proxy_clear_route_cache: (vm) => {
    const self = (): number => {
      if (vm.special !== 0) return vm.intercept('proxy_clear_route_cache', self)
      vm.spend(1)
      vm.current?.clearRouteCache()
      return STATUS.ok
    }
    return self
  },

  proxy_send_local_response: (vm) => {
    const self = (
      code: number,
      details: number,
      detailsSize: number,
      body: number,
      bodySize: number,
      headers: number,
      headersSize: number,
      grpcStatus: number,
    ): number => {
      if (vm.special !== 0) {
        return vm.intercept(
          'proxy_send_local_response',
          self,
          code,
          details,
          detailsSize,
          body,
          bodySize,
          headers,
          headersSize,
          grpcStatus,
        )
      }
      vm.spend(1)
      if (
        !vm.holds(details >>> 0, detailsSize >>> 0) ||
        !vm.holds(body >>> 0, bodySize >>> 0) ||
        !vm.holds(headers >>> 0, headersSize >>> 0)
      ) {
        return STATUS.invalidMemoryAccess
      }
      // A 1xx is not an answer, and what no codec can write must not reach one.
      if (code < 200 || code > 999 || bodySize >>> 0 > vm.limits.bodyBytes) return STATUS.badArgument
      const pairs = replyHeaders(vm, headers >>> 0, headersSize >>> 0)
      if (pairs === undefined || vm.current === undefined) return STATUS.badArgument
      const text = takeString(vm, details >>> 0, Math.min(detailsSize >>> 0, 1024)).replace(/[^\x21-\x7e]/g, '_')
      const status = grpcStatus >= 0 && grpcStatus <= 16 ? grpcStatus : undefined
      return vm.current.sendLocalReply(code, text, takeBytes(vm, body >>> 0, bodySize >>> 0), pairs, status)
    }
    return self
  },
}

const NO_HEADERS = new HeaderMap()

function replyHeaders(vm: Vm, pointer: number, size: number): string[] | undefined {
  vm.spend(size >>> 6)
  const pairs = decodePairs(vm.memory, pointer, size)
  const flat: string[] = []
  let bytes = 0
  for (let i = 0; i < pairs.length; i += 2) {
    const { name, valid, special } = headerNames.get(Buffer.from(pairs[i], 'latin1'), 0, pairs[i].length)
    const value = pairs[i + 1]
    // The status is the code's, the length the body's.
    if (name === ':status' || name === 'content-length') continue
    if (!valid || !isSafeValue(value)) return undefined
    if (special && !specialAllowed(MAP.responseHeaders, NO_HEADERS, name, value)) return undefined
    bytes += name.length + value.length
    flat.push(name, value)
  }
  return bytes > vm.limits.headerBytes ? undefined : flat
}
