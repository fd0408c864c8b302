import { BufferType, Status } from "./enums"
import { proxy_get_buffer_bytes, proxy_get_buffer_status, proxy_set_buffer_bytes } from "./host/imports"
import { RESULT_DATA, RESULT_SIZE, RESULT_VALUE, takeResult } from "./host/memory"

/**
 * A body, as much of it as is there in this callback. One that changes the length of a body must remove the
 * `content-length` header in the headers callback before.
 */
export class Body {
  constructor(private readonly type: BufferType) {}

  /** How many bytes there are. */
  get size(): u32 {
    const status = proxy_get_buffer_status(this.type, RESULT_SIZE, RESULT_VALUE)
    return status == Status.Ok ? load<u32>(RESULT_SIZE) : 0
  }

  /** The bytes from `start`, at most `max`; empty when there are none. */
  bytes(start: u32 = 0, max: u32 = u32.MAX_VALUE): ArrayBuffer {
    // Some hosts add the two up in 32 bits.
    const most = min(max, u32.MAX_VALUE - start)
    const status = proxy_get_buffer_bytes(this.type, start, most, RESULT_DATA, RESULT_SIZE)
    return status == Status.Ok ? takeResult() : new ArrayBuffer(0)
  }

  text(start: u32 = 0, max: u32 = u32.MAX_VALUE): string {
    return String.UTF8.decode(this.bytes(start, max))
  }

  replace(bytes: ArrayBuffer): u32 {
    return proxy_set_buffer_bytes(this.type, 0, i32.MAX_VALUE, changetype<usize>(bytes), bytes.byteLength)
  }

  prepend(bytes: ArrayBuffer): u32 {
    return proxy_set_buffer_bytes(this.type, 0, 0, changetype<usize>(bytes), bytes.byteLength)
  }

  append(bytes: ArrayBuffer): u32 {
    return proxy_set_buffer_bytes(this.type, i32.MAX_VALUE, 0, changetype<usize>(bytes), bytes.byteLength)
  }
}

export const requestBody = new Body(BufferType.HttpRequestBody)
export const responseBody = new Body(BufferType.HttpResponseBody)
/** Only in `onHttpCallResponse`. */
export const callResponseBody = new Body(BufferType.HttpCallResponseBody)
/** Only in `onForeignFunction`. */
export const foreignFunctionArguments = new Body(BufferType.ForeignFunctionArguments)
