import { LogLevel, Status } from "./enums"
import {
  proxy_call_foreign_function,
  proxy_done,
  proxy_get_current_time_nanoseconds,
  proxy_get_log_level,
  proxy_set_tick_period_milliseconds,
} from "./host/imports"
import { RESULT_DATA, RESULT_SIZE, RESULT_VALUE, takeResult } from "./host/memory"

/** Nanoseconds since 1970. */
export function now(): u64 {
  return proxy_get_current_time_nanoseconds(RESULT_VALUE) == Status.Ok ? load<u64>(RESULT_VALUE) : 0
}

/** How often the root context's `onTick` is called; 0 for never. */
export function setTickPeriod(milliseconds: u32): u32 {
  return proxy_set_tick_period_milliseconds(milliseconds)
}

/** The proxy's log level: what is below it is not worth putting together. ABI 0.2.1 only. */
export function logLevel(): LogLevel {
  return proxy_get_log_level(RESULT_VALUE) == Status.Ok ? <LogLevel>load<u32>(RESULT_VALUE) : LogLevel.Info
}

/** A function that the proxy offers by name; null when it does not, or when it failed. */
export function callForeignFunction(name: string, args: ArrayBuffer): ArrayBuffer | null {
  const key = String.UTF8.encode(name)
  const status = proxy_call_foreign_function(
    changetype<usize>(key),
    key.byteLength,
    changetype<usize>(args),
    args.byteLength,
    RESULT_DATA,
    RESULT_SIZE,
  )
  return status == Status.Ok ? takeResult() : null
}

/** Ends a context whose `onDone` returned false. */
export function done(): u32 {
  return proxy_done()
}
