import type { Vm } from '../vm.ts'

/** What V8 calls: i32 parameters arrive signed, i64 ones as bigint. */
// biome-ignore lint/suspicious/noExplicitAny: each function has its own arity, which the signature table holds
export type HostFunction = (...args: any[]) => number

/**
 * Makes a host function for one VM: a closure with a fixed number of parameters, which is what V8 calls fastest. Each begins with
 * the test of `vm.special` that leads to tracing and to the phases in which it may not be called.
 */
export type HostFunctionTable = Readonly<Record<string, (vm: Vm) => HostFunction>>
