import { fromBinary } from '@bufbuild/protobuf'
import { GrpcServiceSchema } from '../../../gen/envoy/config/core/v3/grpc_service_pb.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { STATUS } from '../abi/constants.ts'
import { headerNames, isSafeValue } from '../abi/header-rules.ts'
import { decodePairs } from '../abi/pairs.ts'
import { TOKEN } from '../context/root-context.ts'
import type { GrpcStream } from '../host.ts'
import type { Vm } from '../vm.ts'
import { takeBytes, takeString, takeText } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

/** HTTP and gRPC calls to clusters. */
export const calloutFunctions: HostFunctionTable = {
  proxy_http_call: (vm) => {
    const self = (
      upstream: number,
      upstreamSize: number,
      headers: number,
      headersSize: number,
      body: number,
      bodySize: number,
      trailers: number,
      trailersSize: number,
      timeoutMs: number,
      slot: number,
    ): number => {
      if (vm.special !== 0) {
        const a = [
          upstream,
          upstreamSize,
          headers,
          headersSize,
          body,
          bodySize,
          trailers,
          trailersSize,
          timeoutMs,
          slot,
        ]
        return vm.intercept('proxy_http_call', self, ...a)
      }
      vm.spend(100)
      if (
        !vm.holds(upstream >>> 0, upstreamSize >>> 0) ||
        !vm.holds(headers >>> 0, headersSize >>> 0) ||
        !vm.holds(body >>> 0, bodySize >>> 0) ||
        !vm.holds(trailers >>> 0, trailersSize >>> 0) ||
        !vm.holds(slot >>> 0, 4)
      ) {
        return STATUS.invalidMemoryAccess
      }
      vm.view.setUint32(slot >>> 0, 0, true)
      const root = vm.current?.root
      if (root === undefined || timeoutMs < 0) return STATUS.badArgument
      const requestHeaders = outgoing(vm, headers >>> 0, headersSize >>> 0)
      const requestTrailers = outgoing(vm, trailers >>> 0, trailersSize >>> 0)
      if (requestHeaders === undefined || requestTrailers === undefined) return STATUS.badArgument
      for (const name of [':method', ':path', ':authority']) if (!requestHeaders.has(name)) return STATUS.badArgument
      const cluster = takeText(vm, upstream >>> 0, upstreamSize >>> 0)
      if (!vm.services.clusters.has(cluster)) return STATUS.badArgument
      if (root.calloutCount >= vm.limits.calloutsInFlight || bodySize >>> 0 > vm.limits.calloutBodyBytes) {
        return STATUS.internalFailure
      }
      const bytes = takeBytes(vm, body >>> 0, bodySize >>> 0)
      requestHeaders.remove('content-length')
      if (bytes.length > 0) requestHeaders.add('content-length', String(bytes.length))
      const token = root.nextToken(TOKEN.httpCall)
      // Registered first: the embedder may be done before it returns.
      root.httpCalls.set(token, NO_CALL)
      const call = vm.services.clusters.httpCall(
        {
          cluster,
          headers: requestHeaders,
          body: bytes,
          trailers: requestTrailers.size === 0 ? undefined : requestTrailers,
          timeoutMs,
        },
        (result) => root.onHttpCallDone(token, result),
      )
      if (call === undefined) {
        root.httpCalls.delete(token)
        return STATUS.internalFailure
      }
      root.httpCalls.set(token, call)
      vm.view.setUint32(slot >>> 0, token, true)
      return STATUS.ok
    }
    return self
  },

  proxy_grpc_call: (vm) => {
    const self = (
      upstream: number,
      upstreamSize: number,
      service: number,
      serviceSize: number,
      method: number,
      methodSize: number,
      metadata: number,
      metadataSize: number,
      message: number,
      messageSize: number,
      timeoutMs: number,
      slot: number,
    ): number => {
      if (vm.special !== 0) {
        const a = [upstream, upstreamSize, service, serviceSize, method, methodSize]
        const b = [metadata, metadataSize, message, messageSize, timeoutMs, slot]
        return vm.intercept('proxy_grpc_call', self, ...a, ...b)
      }
      vm.spend(100)
      if (!vm.holds(message >>> 0, messageSize >>> 0) || !vm.holds(slot >>> 0, 4)) return STATUS.invalidMemoryAccess
      vm.view.setUint32(slot >>> 0, 0, true)
      const call = grpcCall(
        vm,
        upstream >>> 0,
        upstreamSize >>> 0,
        service >>> 0,
        serviceSize >>> 0,
        method >>> 0,
        methodSize >>> 0,
        metadata >>> 0,
        metadataSize >>> 0,
      )
      if (typeof call === 'number') return call
      const root = vm.current?.root
      if (root === undefined || timeoutMs < 0) return STATUS.badArgument
      if (root.calloutCount >= vm.limits.calloutsInFlight || messageSize >>> 0 > vm.limits.calloutBodyBytes) {
        return STATUS.internalFailure
      }
      const token = root.nextToken(TOKEN.grpcCall)
      root.grpcCalls.set(token, { kind: TOKEN.grpcCall, call: NO_CALL, localClosed: false })
      const started = vm.services.clusters.grpcCall(call, takeBytes(vm, message >>> 0, messageSize >>> 0), timeoutMs, {
        onMessage: (bytes) => root.onGrpcMessage(token, bytes),
        onClose: (status, text) => root.onGrpcClose(token, status, text),
      })
      if (started === undefined) {
        root.grpcCalls.delete(token)
        return STATUS.internalFailure
      }
      root.grpcCalls.set(token, { kind: TOKEN.grpcCall, call: started, localClosed: false })
      vm.view.setUint32(slot >>> 0, token, true)
      return STATUS.ok
    }
    return self
  },

  proxy_grpc_stream: (vm) => {
    const self = (
      upstream: number,
      upstreamSize: number,
      service: number,
      serviceSize: number,
      method: number,
      methodSize: number,
      metadata: number,
      metadataSize: number,
      slot: number,
    ): number => {
      if (vm.special !== 0) {
        const a = [upstream, upstreamSize, service, serviceSize, method, methodSize, metadata, metadataSize, slot]
        return vm.intercept('proxy_grpc_stream', self, ...a)
      }
      vm.spend(100)
      if (!vm.holds(slot >>> 0, 4)) return STATUS.invalidMemoryAccess
      vm.view.setUint32(slot >>> 0, 0, true)
      const call = grpcCall(
        vm,
        upstream >>> 0,
        upstreamSize >>> 0,
        service >>> 0,
        serviceSize >>> 0,
        method >>> 0,
        methodSize >>> 0,
        metadata >>> 0,
        metadataSize >>> 0,
      )
      if (typeof call === 'number') return call
      const root = vm.current?.root
      if (root === undefined) return STATUS.badArgument
      if (root.calloutCount >= vm.limits.calloutsInFlight) return STATUS.internalFailure
      const token = root.nextToken(TOKEN.grpcStream)
      root.grpcCalls.set(token, { kind: TOKEN.grpcStream, call: NO_CALL, localClosed: false })
      const stream = vm.services.clusters.grpcStream(call, {
        onInitialMetadata: (map) => root.onGrpcInitialMetadata(token, map),
        onMessage: (bytes) => root.onGrpcMessage(token, bytes),
        onTrailingMetadata: (map) => root.onGrpcTrailingMetadata(token, map),
        onClose: (status, text) => root.onGrpcClose(token, status, text),
      })
      if (stream === undefined) {
        root.grpcCalls.delete(token)
        return STATUS.internalFailure
      }
      root.grpcCalls.set(token, { kind: TOKEN.grpcStream, call: stream, localClosed: false })
      vm.view.setUint32(slot >>> 0, token, true)
      return STATUS.ok
    }
    return self
  },

  proxy_grpc_send: (vm) => {
    const self = (token: number, message: number, messageSize: number, endStream: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_grpc_send', self, token, message, messageSize, endStream)
      vm.spend(20)
      if (!vm.holds(message >>> 0, messageSize >>> 0)) return STATUS.invalidMemoryAccess
      if ((token & TOKEN.mask) !== TOKEN.grpcStream) return STATUS.badArgument
      const handle = vm.current?.root.grpcCalls.get(token >>> 0)
      if (handle === undefined || handle.localClosed) return STATUS.notFound
      if (messageSize >>> 0 > vm.limits.calloutBodyBytes) return STATUS.internalFailure
      const stream = handle.call as GrpcStream
      if (stream.waiting > vm.limits.calloutBodyBytes) return STATUS.internalFailure
      if (endStream !== 0) handle.localClosed = true
      stream.send(takeBytes(vm, message >>> 0, messageSize >>> 0), endStream !== 0)
      return STATUS.ok
    }
    return self
  },

  /** Ends at once, without a callback. */
  proxy_grpc_cancel: (vm) => {
    const self = (token: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_grpc_cancel', self, token)
      vm.spend(5)
      return endGrpc(vm, token >>> 0, true)
    }
    return self
  },

  /** Half-closes a stream, whose token lives until the other side has closed; cancels a call. */
  proxy_grpc_close: (vm) => {
    const self = (token: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_grpc_close', self, token)
      vm.spend(5)
      return endGrpc(vm, token >>> 0, false)
    }
    return self
  },
}

const NO_CALL = { cancel: () => {} }

function endGrpc(vm: Vm, token: number, cancel: boolean): number {
  const kind = token & TOKEN.mask
  if (kind !== TOKEN.grpcCall && kind !== TOKEN.grpcStream) return STATUS.badArgument
  const calls = vm.current?.root.grpcCalls
  const handle = calls?.get(token)
  if (calls === undefined || handle === undefined) return STATUS.notFound
  if (cancel || kind === TOKEN.grpcCall) {
    calls.delete(token)
    handle.call.cancel()
  } else if (!handle.localClosed) {
    handle.localClosed = true
    ;(handle.call as GrpcStream).send(undefined, true)
  }
  return STATUS.ok
}

/** The parts that unary calls and streams have in common, or the status to return. */
function grpcCall(
  vm: Vm,
  upstream: number,
  upstreamSize: number,
  service: number,
  serviceSize: number,
  method: number,
  methodSize: number,
  metadata: number,
  metadataSize: number,
): { cluster: string; service: string; method: string; metadata: HeaderMap } | number {
  if (
    !vm.holds(upstream, upstreamSize) ||
    !vm.holds(service, serviceSize) ||
    !vm.holds(method, methodSize) ||
    !vm.holds(metadata, metadataSize)
  ) {
    return STATUS.invalidMemoryAccess
  }
  const cluster = clusterOf(vm, vm.memory.subarray(upstream, upstream + upstreamSize))
  if (cluster === undefined) return STATUS.parseFailure
  const pairs = outgoing(vm, metadata, metadataSize)
  const names = { service: takeString(vm, service, serviceSize), method: takeString(vm, method, methodSize) }
  const spelled = /^[\w.]+$/
  if (pairs === undefined || !spelled.test(names.service) || !spelled.test(names.method)) return STATUS.badArgument
  return { cluster, ...names, metadata: pairs }
}

/** A GrpcService message that names an Envoy cluster, or the bare name of one. */
function clusterOf(vm: Vm, bytes: Buffer): string | undefined {
  vm.spend(bytes.length >>> 6)
  const bare = bytes.utf8Slice()
  if (vm.services.clusters.has(bare)) return bare
  try {
    const { targetSpecifier } = fromBinary(GrpcServiceSchema, bytes)
    if (targetSpecifier.case !== 'envoyGrpc') return undefined
    const name = targetSpecifier.value.clusterName
    return vm.services.clusters.has(name) ? name : undefined
  } catch {
    return undefined
  }
}

/** Headers that go out; undefined where one of them could not be sent as it is. */
function outgoing(vm: Vm, pointer: number, size: number): HeaderMap | undefined {
  vm.spend(size >>> 6)
  const pairs = decodePairs(vm.memory, pointer, size)
  const map = new HeaderMap()
  for (let i = 0; i < pairs.length; i += 2) {
    const { name, valid } = headerNames.get(Buffer.from(pairs[i], 'latin1'), 0, pairs[i].length)
    if (!valid || !isSafeValue(pairs[i + 1])) return undefined
    // The framing is the codec's.
    if (name === 'transfer-encoding' || name === 'connection' || name === 'upgrade' || name === 'keep-alive') continue
    if (name.charCodeAt(0) === 0x3a) {
      if (map.has(name) || name === ':status') return undefined
      map.flat.unshift(name, pairs[i + 1])
    } else if (name === 'host') {
      if (!map.has(':authority')) map.flat.unshift(':authority', pairs[i + 1])
    } else {
      map.flat.push(name, pairs[i + 1])
    }
  }
  return map.byteSize > vm.limits.headerBytes ? undefined : map
}
