/**
 * The WebAssembly JavaScript interface. TypeScript has it only in its browser library, whose other names must not exist here.
 */
declare namespace WebAssembly {
  type ImportValue = ((...args: never[]) => unknown) | Memory | Table
  type ExportValue = ((...args: number[]) => number) | Memory | Table | Global
  type Exports = Record<string, ExportValue>
  type BufferSource = ArrayBufferView | ArrayBuffer
  function validate(bytes: BufferSource): boolean
  class Module {
    constructor(bytes: BufferSource, options?: { builtins?: readonly 'js-string'[] })
    readonly [Symbol.toStringTag]: 'WebAssembly.Module'
    static imports(module: Module): { module: string; name: string; kind: string }[]
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, ImportValue>>)
    readonly exports: Exports
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number })
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  class Table {
    constructor(descriptor: { element: 'anyfunc'; initial: number; maximum?: number })
    readonly length: number
  }
  class Global {
    value: number | bigint
  }
  class RuntimeError extends Error {}
  class LinkError extends Error {}
  class CompileError extends Error {}
  class Exception {}
}
