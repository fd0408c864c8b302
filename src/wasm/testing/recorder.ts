import type { TraceSink } from '../trace.ts'
import { decodeCall } from '../trace.ts'
import type { Vm } from '../vm.ts'

/** One call across the border, in the order of their ends. */
export interface TraceEntry {
  readonly kind: 'host' | 'callback'
  readonly name: string
  /** Arguments in words: header names, values, enumerations. */
  readonly text: string
  readonly result: number
}

/** Keeps a trace in memory. */
export class Recorder implements TraceSink {
  readonly entries: TraceEntry[] = []

  hostCall(vm: Vm, name: string, args: readonly unknown[], result: number): void {
    this.entries.push({ kind: 'host', name, text: decodeCall(vm, name, args, result), result })
  }

  callback(_vm: Vm, name: string, args: readonly number[], result: number): void {
    this.entries.push({ kind: 'callback', name, text: `${name}(${args.join(', ')}) -> ${result}`, result })
  }
}
