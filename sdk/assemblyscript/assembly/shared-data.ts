import { Status } from "./enums"
import { proxy_get_shared_data, proxy_set_shared_data } from "./host/imports"
import { RESULT_DATA, RESULT_SIZE, RESULT_VALUE, takeResult } from "./host/memory"

/** A value and its version. */
export class SharedValue {
  constructor(
    public readonly bytes: ArrayBuffer,
    /** Give it to {@link setSharedData} to write only when nobody else has since. */
    public readonly cas: u32,
  ) {}
}

/** Data that all threads and all virtual machines of one vm_id see. */
export function getSharedData(key: string): SharedValue | null {
  const name = String.UTF8.encode(key)
  const at = changetype<usize>(name)
  const status = proxy_get_shared_data(at, name.byteLength, RESULT_DATA, RESULT_SIZE, RESULT_VALUE)
  return status == Status.Ok ? new SharedValue(takeResult(), load<u32>(RESULT_VALUE)) : null
}

/** Answers `Status.CasMismatch` when somebody wrote in between; 0 as `cas` overwrites whatever is there. */
export function setSharedData(key: string, value: ArrayBuffer, cas: u32 = 0): u32 {
  const name = String.UTF8.encode(key)
  return proxy_set_shared_data(changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength, cas)
}
